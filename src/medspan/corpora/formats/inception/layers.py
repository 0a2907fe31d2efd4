"""Names in a UIMA type system: which are legal, which types are layers, and which features mean what.

cassis makes a Python class of each type by generating source code, in which the names of features stand. So a name
that is no plain identifier must never reach it, from a file or from a document's metadata: it could hold code.
"""

import keyword
import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "CODE",
    "LINKS",
    "NAME",
    "RELATION",
    "RENAMED",
    "SPAN",
    "is_feature_name",
    "is_free",
    "is_technical",
    "is_type_name",
    "label_feature",
    "own_metadata",
    "short_name",
]

NAME = "inception"
SPAN, RELATION = "custom.Span", "custom.Relation"
CODE, LINKS = "identifier", "arguments"
# Features that cassis calls by another name inside Python, and to which it can give no list of values.
RENAMED = ("self", "type")
_TECHNICAL = (
    "uima.tcas.DocumentAnnotation",
    "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.",
    "de.tudarmstadt.ukp.dkpro.core.api.metadata.type.",
    "de.tudarmstadt.ukp.clarin.webanno.api.type.",
    "de.tudarmstadt.ukp.inception.api.type.",
    "org.dkpro.core.api.xml.type.",
    "org.dkpro.core.api.pdf.type.",
)
_FEATURE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*(\[\])?")
_TAKEN = {"begin", "end", "sofa", "label", "self", "xmiID", CODE, LINKS}


def is_technical(type_name: str) -> bool:
    """Say whether a type tells of words, sentences, pages or the project rather than holding annotations."""
    return type_name.startswith(_TECHNICAL)


def is_type_name(name: object) -> bool:
    """Say whether a type, or the range of a feature, may be called so."""
    return isinstance(name, str) and _TYPE_NAME.fullmatch(name) is not None


def is_feature_name(name: object) -> bool:
    """Say whether a feature may be called so."""
    return isinstance(name, str) and _FEATURE_NAME.fullmatch(name) is not None and not keyword.iskeyword(name)


def is_free(name: str) -> bool:
    """Say whether an attribute of that name can be a feature beside the ones that every span has."""
    return is_feature_name(name) and name not in _TAKEN and not name.endswith("_")


def label_feature(string_features: list[str]) -> str | None:
    """Choose the feature that is the label: `label`, `value`, or the only one there is beside the code."""
    for name in ("label", "value"):
        if name in string_features:
            return name
    others = [name for name in string_features if name != CODE]
    return others[0] if len(others) == 1 else None


def short_name(type_name: str) -> str:
    """Return the last part of a type's dotted name."""
    return type_name.rpartition(".")[2]


def own_metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the reader kept for the writer."""
    own = metadata.get(NAME)
    return own if isinstance(own, Mapping) else {}
