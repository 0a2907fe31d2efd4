"""A Document out of a CAS."""

import warnings
from io import BytesIO
from typing import Any

from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats.e3c.raw import Checked
from medspan.corpora.formats.e3c.types import (
    CUSTOM,
    METADATA,
    SENTENCE,
    TOKEN,
    feature_of,
    python_name,
    type_system,
)
from medspan.corpora.formats.result import Problems
from medspan.errors import FormatError

__all__ = ["document_of"]

# What INCEpTION's projects hold beyond E3C: ends of relations, and a layer of its own for mentions.
_RELATION_ENDS = {"Governor", "Dependent"}
_NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
_ADVICE = "if the file is another project of INCEpTION, export UIMA CAS JSON and read it as inception"


def document_of(document_id: str, file: Checked, name: str, problems: Problems) -> Document:
    """Build the document of one checked file. Mentions and relations stand in the order of the file."""
    types = type_system(file.layers)
    from cassis import load_cas_from_xmi

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cas = load_cas_from_xmi(BytesIO(file.content), types)
    except Exception as error:
        # What passed the check and still fails has a reason of the library's own, which could quote the text.
        raise FormatError(f"{name}: not readable as a CAS ({type(error).__name__})") from None
    features = {layer: names for layer, _, names, _ in file.layers}
    links = {layer: names for layer, _, _, names in file.layers}
    entities: dict[int, Entity] = {}
    kept: dict[str, Any] = {"sentences": [], "tokens": [], "others": []}
    found: list[tuple[int, str, str, int, int]] = []
    for item in sorted(cas.select_all_annotations(), key=lambda item: item.xmiID):
        layer = item.type.name
        values = {f: item[python_name(f)] for f in sorted(features[layer]) if item[python_name(f)] is not None}
        if layer == SENTENCE and not values:
            kept["sentences"].append([item.begin, item.end])
        elif layer == TOKEN and values in ({}, {"order": "0"}):
            kept["tokens"].append([item.begin, item.end])
        elif layer == METADATA or not layer.startswith(CUSTOM) or item.begin == item.end:
            if layer.startswith(CUSTOM) and layer != METADATA:
                problems.kept(
                    file.lines.get(item.xmiID), f"a mention of no characters at {item.begin}, kept in metadata only"
                )
            if layer == _NAMED_ENTITY:
                problems.kept(
                    file.lines.get(item.xmiID), f"a named entity is no mention of E3C, kept in metadata only; {_ADVICE}"
                )
            kept["others"].append({"type": layer, "begin": item.begin, "end": item.end, "features": values})
        else:
            if values.keys() >= _RELATION_ENDS:
                problems.kept(
                    file.lines.get(item.xmiID), f"a relation between annotations is read as a mention; {_ADVICE}"
                )
            entities[item.xmiID] = _entity(f"T{len(entities) + 1}", layer.removeprefix(CUSTOM), item, values)
        for feature in links[layer]:
            for link in item[feature].elements if item[feature] is not None else ():
                found.append((link.xmiID, feature, link.role or "", item.xmiID, link.target.xmiID))
    relations: list[Relation] = []
    for link_id, feature, role, head, tail in sorted(found):
        if head not in entities or tail not in entities:
            problems.skipped(file.lines.get(link_id), "a link from or to what is no mention")
            continue
        relations.append(Relation(f"R{len(relations) + 1}", role, entities[head].id, entities[tail].id))
        if feature != feature_of(entities[head].label, role):
            kept.setdefault("features", {})[relations[-1].id] = feature
    return Document(
        document_id,
        cas.sofa_string,
        tuple(entities.values()),
        tuple(relations),
        metadata={"e3c": {key: value for key, value in kept.items() if value}},
    )


def _entity(key: str, layer: str, item: Any, values: dict[str, str]) -> Entity:
    label = values.pop("label", layer) if layer == "SPAN" else layer
    code = values.pop("entityID", None)
    attributes = tuple(Attribute(name, value) for name, value in values.items())
    return Entity(key, label, (Span(item.begin, item.end),), attributes, code)
