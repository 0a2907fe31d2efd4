"""A CAS out of a Document, as XMI."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Entity
from medspan.corpora.formats.e3c.leftovers import Leftovers, leftovers_of
from medspan.corpora.formats.e3c.types import (
    CUSTOM,
    LINKS,
    RESERVED,
    SENTENCE,
    TOKEN,
    Layer,
    feature_of,
    is_feature_name,
    link_type,
    python_name,
    type_system,
)
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.targets import file_for
from medspan.corpora.formats.xml_text import legal, unwritable

__all__ = ["losses", "write"]

# A label that cannot name a layer is the value of the feature `label` of the layer SPAN.
_LAYER = re.compile(r"(?!SPAN$|METADATA$)[A-Za-z]\w*(?<!Link)", re.ASCII)
_WORD = re.compile(r"\S+")
_LINE = re.compile(r"[^\r\n]+")


def losses(document: Document) -> Iterator[Loss]:
    """Name gaps, events, groups, facts, metadata, and attributes that cannot be features."""
    yield from unwritable(document)
    for entity in document.entities:
        names = [attribute.name for attribute in entity.attributes]
        for name in names:
            if not _is_free(name, _layer(entity)):
                yield Loss(document.id, "attributes", entity.id, f"attribute {name!r} cannot be the name of a feature")
        if len(set(names)) < len(names):
            yield Loss(document.id, "attributes", entity.id, "no place for two attributes of one name")
        if names != sorted(names):
            yield Loss(document.id, "attributes", entity.id, "attributes are put in the order of their names")
    for relation in document.relations:
        if relation.head not in document.by_id or relation.tail not in document.by_id:
            yield Loss(document.id, "relations", relation.id, "no place for a relation whose end is an event")
    yield from unheld(document, {"attributes", "relations", "codes", "nesting"}, "e3c")


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder of one XMI file a document; mentions with gaps become their covering range.

    Sentences and tokens that were not read from this format are lines and words between white space.
    """
    for document in documents:
        cas = _cas(document)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cas.to_xmi(file_for(path, document.id, ".xml"), pretty_print=True)


def _layer(entity: Entity) -> str:
    return entity.label if _LAYER.fullmatch(entity.label) else "SPAN"


def _is_free(name: str, layer: str) -> bool:
    """Say whether an attribute can be a feature of this name, which must not have a meaning of its own."""
    taken = {*RESERVED, "entityID", "LINK", *LINKS.get(layer, ()), *(("label",) if layer == "SPAN" else ())}
    return is_feature_name(name) and name not in taken


def _features(entity: Entity) -> dict[str, str]:
    """Return the features of a mention, without what has no place."""
    layer = _layer(entity)
    found: dict[str, str] = {"label": legal(entity.label)} if layer == "SPAN" else {}
    for attribute in entity.attributes:
        if _is_free(attribute.name, layer):
            found.setdefault(attribute.name, legal(attribute.value))
    if entity.code is not None:
        found["entityID"] = legal(entity.code)
    return found


def _cas(document: Document) -> Any:
    layers: dict[str, tuple[set[str], set[str]]] = {SENTENCE: (set(), set()), TOKEN: ({"order"}, set())}
    kept = leftovers_of(document)
    for other in kept.others:
        layers.setdefault(other.type, (set(), set()))[0].update(other.features)
    links: dict[str, list[tuple[str, str, str]]] = {}
    for entity in document.entities:
        layers.setdefault(CUSTOM + _layer(entity), (set(), set()))[0].update(_features(entity))
    for relation in document.relations:
        if relation.head in document.by_id and relation.tail in document.by_id:
            layer = _layer(document.by_id[relation.head])
            strings, lists = layers[CUSTOM + layer]
            feature = kept.features.get(relation.id, "")
            if not feature or feature in strings:
                feature = feature_of(layer, relation.label)
            lists.add(feature)
            links.setdefault(relation.head, []).append((feature, relation.label, relation.tail))
    names: tuple[Layer, ...] = tuple(
        (name, True, tuple(sorted(found)), tuple(sorted(listing))) for name, (found, listing) in sorted(layers.items())
    )
    types = type_system(names)
    return _Filling(document, types).cas(kept, links)


class _Filling:
    """Feature structures with ascending XMI ids, which stand for the order of the document."""

    def __init__(self, document: Document, types: Any) -> None:
        from cassis import Cas

        self.document = document
        self.types = types
        self.result = Cas(types, sofa_string=legal(document.text), sofa_mime="text")
        self.last = 1
        self.made: dict[str, Any] = {}

    def cas(self, kept: Leftovers, links: dict[str, list[tuple[str, str, str]]]) -> Any:
        document = self.document
        for other in kept.others:
            self._add(other.type, other.begin, other.end, other.features)
        for start, end in kept.sentences or [m.span() for m in _LINE.finditer(document.text)]:
            self._add(SENTENCE, start, end, {})
        for start, end in kept.tokens or [m.span() for m in _WORD.finditer(document.text)]:
            self._add(TOKEN, start, end, {"order": "0"})
        for entity in document.entities:
            self.made[entity.id] = self._add(CUSTOM + _layer(entity), entity.start, entity.end, _features(entity))
        lists: dict[tuple[str, str], list[Any]] = {}
        for relation in document.relations:
            if relation.head in self.made and relation.tail in self.made:
                feature, role, target = links[relation.head].pop(0)
                link = link_type(self.made[relation.head].type.name, feature)
                made = self.types.get_type(link)(role=legal(role), target=self.made[target])
                lists.setdefault((relation.head, feature), []).append(self._numbered(made))
        array = self.types.get_type("uima.cas.FSArray")
        for (head, feature), items in lists.items():
            self.made[head][feature] = self._numbered(array(elements=items))
        return self.result

    def _add(self, type_name: str, begin: int, end: int, features: Mapping[str, str]) -> Any:
        values = {python_name(name): value for name, value in features.items()}
        made = self._numbered(self.types.get_type(type_name)(begin=begin, end=end, **values))
        self.result.add(made)
        return made

    def _numbered(self, made: Any) -> Any:
        self.last += 1
        made.xmiID = self.last
        return made
