"""Infons: which one is the label, which one the code, and those by which medspan writes what BioC has no place for."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ATTRIBUTES", "EXTRA", "KIND", "METADATA", "ORDER", "code_key", "is_free", "label_key"]

# All of them hold JSON but KIND, which is "group" or "event".
ATTRIBUTES = "medspan.attributes"
EXTRA = "medspan.extra"
KIND = "medspan.kind"
METADATA = "medspan.metadata"
ORDER = "medspan.order"

_LABELS = ("type", "relation", "relation type", "class", "semtype", "entity_type")
_CODE = re.compile(
    r"(identifier|code|concept_?id|normalized[ _]?id|database_?id|accession|cui|umls(_cui|:cui)?|mesh(_id)?|omim(_id)?|"
    r"ncbi[ _]?gene(_?id)?|entrez(_?id)?|entrezgene|gene_?id|ncbi[ _]?taxonomy|taxonomy(_?id)?|chebi|uniprot|snomed|"
    r"rxnorm|rxcui|loinc|icd-?\d*|meddra)",
    re.IGNORECASE,
)


def label_key(infons: Mapping[str, Any]) -> str | None:
    """Return the key of the infon that says what an annotation or relation is; None when none does."""
    lowered = {key.lower(): key for key in reversed(list(infons))}
    return next((lowered[name] for name in _LABELS if name in lowered), None)


def code_key(infons: Mapping[str, Any]) -> str | None:
    """Return the key of the first infon that identifies a concept and is not empty; None without any."""
    return next((key for key, value in infons.items() if _CODE.fullmatch(key) and value not in (None, "")), None)


def is_free(key: str) -> bool:
    """Say whether an infon of this key means nothing to medspan, so that an attribute can be written under its name."""
    return label_key({key: ""}) is None and not _CODE.fullmatch(key) and not key.startswith("medspan.")
