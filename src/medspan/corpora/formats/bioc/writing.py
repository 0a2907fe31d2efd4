"""A document of the bioc package out of a Document."""

import json
from collections.abc import Mapping
from typing import Any

from medspan.annotation import Attribute, Document, Entity
from medspan.corpora.formats.bioc.layout import padding
from medspan.corpora.formats.bioc.names import ATTRIBUTES, EXTRA, KIND, METADATA, ORDER, is_free
from medspan.errors import FormatError, MissingExtraError

__all__ = ["collection_of", "made_of"]

_OWN = ("bioc", "bioc-json")


def _bioc() -> Any:
    try:
        import bioc
    except ImportError:
        raise MissingExtraError("bioc", "formats") from None
    return bioc


def collection_of(document: Document) -> Any:
    """Return the BioCCollection, without documents, that a document was read from; an empty one for others."""
    found = _kept(document).get("collection", {})
    collection = _bioc().BioCCollection()
    for name in ("source", "date", "key"):
        setattr(collection, name, found.get(name) or "")
    collection.infons = dict(found.get("infons", {}))
    return collection


def made_of(document: Document) -> Any:
    """Build the BioCDocument, in the passages that the document was read with or else in one."""
    try:
        return _Writing(document).result()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        if not _kept(document):
            raise
        owner = f"document {document.id!r}"
        raise FormatError(f"{owner}: its metadata {_OWN} is not as reading BioC gives it; delete it") from None


def _kept(document: Document) -> Mapping[str, Any]:
    """Return what either syntax has kept; a document of the one is written as it was in the other."""
    found: Any = next((document.metadata[key] for key in _OWN if key in document.metadata), {})
    return found if isinstance(found, Mapping) else {}


class _Writing:
    """One document on its way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.kept = _kept(document)
        self.bioc = _bioc()
        self.made = self.bioc.BioCDocument()

    def result(self) -> Any:
        document, made = self.document, self.made
        made.id = document.id
        made.infons = dict(self.kept.get("infons", {}))
        if foreign := {key: value for key, value in document.metadata.items() if key not in _OWN}:
            made.infons[METADATA] = json.dumps(foreign)
        self._passages()
        self._annotations()
        for relation in document.relations:
            self._relation(relation.id, relation.label, (relation.head, relation.tail), ("head", "tail"), {})
        for event in document.events:
            targets = (event.trigger, *(a.target for a in event.arguments))
            roles = ("Trigger", *(a.role for a in event.arguments))
            self._relation(event.id, event.label, targets, roles, {KIND: "event", **_attributes(event.attributes)})
        for group in document.groups:
            self._relation(group.id, group.label, group.members, ("member",) * len(group.members), {KIND: "group"})
        self._facts()
        return made

    def _passages(self) -> None:
        for place in self._layout():
            passage = self.bioc.BioCPassage()
            passage.offset = place["start"]
            passage.infons = dict(place["infons"])
            if place["has_text"]:
                passage.text = self.document.text[place["start"] : place["end"]]
            for part in place["sentences"]:
                sentence = self.bioc.BioCSentence()
                sentence.offset = part["start"]
                sentence.text = self.document.text[part["start"] : part["end"]]
                sentence.infons = dict(part["infons"])
                passage.add_sentence(sentence)
            self.made.add_passage(passage)

    def _layout(self) -> list[Mapping[str, Any]]:
        """Return the passages of the file that was read, if reading them would give this text, or else one for all."""
        places = list(self.kept.get("passages", []))
        text = self.document.text
        reached = 0
        for place in places:
            leaves = [place] if place["has_text"] else place["sentences"]
            for leaf in leaves:
                gap = leaf["start"] - reached
                if gap < 0 or text[reached : leaf["start"]] != padding(gap) or leaf["end"] < leaf["start"]:
                    return [_whole(text)]
                reached = leaf["end"]
        return places if places and reached == len(text) else [_whole(text)]

    def _annotations(self) -> None:
        homes = [self._home(entity) for entity in self.document.entities]
        ranks = self._ranks()
        order = [ranks[id(home)] for home in homes]
        is_sorted = order == sorted(order)
        for n, (entity, home) in enumerate(zip(self.document.entities, homes, strict=True)):
            annotation = self._annotation(entity)
            if not is_sorted:
                annotation.infons[ORDER] = str(n)
            home.add_annotation(annotation)
        for unplaced in self.kept.get("unplaced", []):
            annotation = self.bioc.BioCAnnotation()
            annotation.id, annotation.text = _string(unplaced["id"]), _string(unplaced["text"])
            annotation.infons = {**unplaced["infons"], **({} if is_sorted else {ORDER: str(len(homes))})}
            (self.made.passages[-1] if self.made.passages else self.made).add_annotation(annotation)

    def _home(self, entity: Entity) -> Any:
        """Return what lists the annotation: what did in the file, or the passage that it begins in."""
        passages = self.made.passages
        homes = self.kept.get("homes", {})
        if entity.id in homes:
            home = homes[entity.id]
            if home is None:
                return self.made
            p, s = home
            if p < len(passages) and s < len(passages[p].sentences):
                return passages[p].sentences[s]
        before = [passage for passage in passages if passage.offset <= entity.start]
        return before[-1] if before else passages[0] if passages else self.made

    def _ranks(self) -> dict[int, tuple[int, int]]:
        """Tell in which order a reader comes by what lists annotations: sentences, then their passage, then all."""
        ranks = {id(self.made): (len(self.made.passages), 0)}
        for p, passage in enumerate(self.made.passages):
            ranks[id(passage)] = (p, len(passage.sentences))
            ranks.update((id(sentence), (p, s)) for s, sentence in enumerate(passage.sentences))
        return ranks

    def _annotation(self, entity: Entity) -> Any:
        annotation = self.bioc.BioCAnnotation()
        annotation.id = entity.id
        annotation.text = self.document.mention(entity)
        annotation.infons = {"type": entity.label}
        if entity.code is not None:
            annotation.infons[self.kept.get("code_keys", {}).get(entity.id, "identifier")] = entity.code
        annotation.infons |= self.kept.get("entity_infons", {}).get(entity.id, {})
        for key, value in _attributes(entity.attributes).items():
            annotation.infons.setdefault(key, value)
        for fragment in entity.fragments:
            annotation.add_location(self.bioc.BioCLocation(fragment.start, len(fragment)))
        return annotation

    def _relation(
        self, key: str, label: str, targets: tuple[str, ...], roles: tuple[str, ...], infons: dict[str, str]
    ) -> None:
        relation = self.bioc.BioCRelation()
        relation.id = key
        relation.infons = {"type": label, **self.kept.get("relation_infons", {}).get(key, {}), **infons}
        kept = self.kept.get("roles", {}).get(key, ())
        for target, role in zip(targets, kept if len(kept) == len(roles) else roles, strict=True):
            relation.add_node(self.bioc.BioCNode(target, role))
        self.made.add_relation(relation)

    def _facts(self) -> None:
        facts = self.document.concept_relations
        listed = self.kept.get("facts", [])
        for n, fact in enumerate(facts):
            relation = self.bioc.BioCRelation()
            relation.id = f"fact{n}"
            relation.infons = {"type": fact.label, "entity1": fact.head_code, "entity2": fact.tail_code}
            if fact.extra:
                relation.infons[EXTRA] = json.dumps(fact.extra)
            if len(listed) == len(facts) and {fact.label, fact.head_code, fact.tail_code} <= {
                _string(value) for value in listed[n]["infons"].values()
            }:
                relation.id, relation.infons = _string(listed[n]["id"]), dict(listed[n]["infons"])
            self.made.add_relation(relation)


def _attributes(attributes: tuple[Attribute, ...]) -> dict[str, str]:
    """Write attributes as infons for others to see, and as one infon that medspan reads."""
    if not attributes:
        return {}
    pairs = [[attribute.name, attribute.value] for attribute in attributes]
    plain = {name: value for name, value in pairs if is_free(name)}
    return {**plain, ATTRIBUTES: json.dumps(pairs)}


def _whole(text: str) -> Mapping[str, Any]:
    return {"start": 0, "end": len(text), "infons": {}, "sentences": [], "has_text": True}


def _string(value: Any) -> str:
    return "" if value is None else str(value)
