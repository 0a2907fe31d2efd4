"""A Document out of a document of the bioc package, whichever syntax it was read from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medspan.annotation import Argument, Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats.bioc.layout import UNITS, Layout, Segment, Unit
from medspan.corpora.formats.bioc.names import ATTRIBUTES, EXTRA, KIND, METADATA, ORDER, code_key, is_free, label_key
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import squeeze
from medspan.errors import AnnotationError

__all__ = ["document_of"]


def document_of(
    source: Any, collection: Mapping[str, Any], line: int | None, problems: Problems, own_metadata: str
) -> Document:
    """Build the document of a BioCDocument.

    What has no place of its own is kept in `metadata[own_metadata]`: the collection's description, the layout of the
    passages, further infons, roles.
    """
    return _Reading(source, line, problems).document(collection, own_metadata)


@dataclass(slots=True)
class _Mention:
    """An annotation and where it stands in the file: the number of its passage, and of its sentence in that."""

    annotation: Any
    home: tuple[int, int | None] | None
    segment: Segment | None
    base: int

    def stated(self) -> list[tuple[int, int]]:
        return [(_integer(loc.offset), _integer(loc.length)) for loc in self.annotation.locations]


class _Reading:
    """The state of reading one document."""

    def __init__(self, source: Any, line: int | None, problems: Problems) -> None:
        self.source = source
        self.line = line
        self.problems = problems
        self.kept: dict[str, Any] = {}
        self.passages: list[tuple[Any, list[Segment]]] = []
        self.mentions: list[_Mention] = []
        self.names: dict[tuple[int | None, str], str] = {}
        self.used: set[str] = set()

    def document(self, collection: Mapping[str, Any], own_metadata: str) -> Document:
        source = self.source
        self._collect()
        layout = self._layout()
        entities = self._entities(layout)
        relations, events, groups, facts = self._relations()
        infons = dict(source.infons)
        foreign = json.loads(infons.pop(METADATA)) if METADATA in infons else {}
        kept = {"collection": dict(collection), "infons": infons, "passages": self._passages(layout.unit), **self.kept}
        return Document(
            str(source.id),
            layout.text,
            entities,
            relations,
            events,
            groups,
            facts,
            metadata={**foreign, own_metadata: {key: value for key, value in kept.items() if value}},
        )

    def _collect(self) -> None:
        """Find the segments that text comes in, and the annotations with the segment each belongs to."""
        for p, passage in enumerate(self.source.passages):
            sentences = passage.sentences
            if passage.text or not sentences:
                segments = [Segment(_integer(passage.offset), _text(passage.text))]
            else:
                segments = [Segment(_integer(s.offset), _text(s.text)) for s in sentences]
            self.passages.append((passage, segments))
            for s, sentence in enumerate(sentences):
                segment = segments[s] if len(segments) == len(sentences) and not passage.text else segments[0]
                for annotation in sentence.annotations:
                    self.mentions.append(_Mention(annotation, (p, s), segment, _integer(sentence.offset)))
            for annotation in passage.annotations:
                home = segments[0] if len(segments) == 1 else None
                self.mentions.append(_Mention(annotation, (p, None), home, _integer(passage.offset)))
        self.mentions.extend(_Mention(annotation, None, None, 0) for annotation in self.source.annotations)
        if all(ORDER in mention.annotation.infons for mention in self.mentions):
            self.mentions.sort(key=lambda mention: _integer(mention.annotation.infons[ORDER]))

    def _layout(self) -> Layout:
        """Lay the text out by the way of counting that most stated mentions agree with, code points in doubt."""
        best, most = self._laid(UNITS[0]), -1
        if self._agreeing(best) < len(self.mentions):
            for unit in UNITS:
                try:
                    layout = self._laid(unit)
                except AnnotationError:
                    continue
                if (n := self._agreeing(layout)) > most:
                    best, most = layout, n
            # Laying out moves the segments, which all ways share.
            best = self._laid(best.unit)
        if best.unit is not UNITS[0]:
            self.problems.repaired(self.line, f"offsets count {best.unit.name}; {len(self.mentions)} are converted")
        if best.n_moved:
            self.problems.repaired(self.line, f"{best.n_moved} passages begin before the preceding ends; put behind it")
        return best

    def _laid(self, unit: Unit) -> Layout:
        return Layout([segment for _, segments in self.passages for segment in segments], unit)

    def _agreeing(self, layout: Layout) -> int:
        n = 0
        for mention in self.mentions:
            places = [layout.place(*where, mention.segment, mention.base) for where in mention.stated()]
            n += None not in places and _agrees(layout.text, [p for p in places if p], mention.annotation.text)
        return n

    def _entities(self, layout: Layout) -> tuple[Entity, ...]:
        entities: list[Entity] = []
        for number, mention in enumerate(self.mentions, start=1):
            annotation = mention.annotation
            stated = mention.stated()
            if not stated:
                self.problems.kept(self.line, f"annotation {number} has no location: kept in metadata only")
                infons = {key: value for key, value in annotation.infons.items() if key != ORDER}
                unplaced = {"id": annotation.id, "infons": infons, "text": annotation.text}
                self.kept.setdefault("unplaced", []).append(unplaced)
                continue
            places = [layout.place(*where, mention.segment, mention.base) for where in stated]
            legal = sorted(place for place in places if place is not None and place[0] < place[1])
            if len(legal) < len(places):
                self.problems.skipped(
                    self.line, f"annotation {number}: a location is empty or outside the text of {len(layout.text)}"
                )
                continue
            fragments = self._fragments(number, legal)
            joined = [(fragment.start, fragment.end) for fragment in fragments]
            if not (_agrees(layout.text, legal, annotation.text) or _agrees(layout.text, joined, annotation.text)):
                self.problems.kept(
                    self.line, f"annotation {number}: the stated mention differs from the text at {legal[0][0]}"
                )
            key = self._fresh(annotation.id, f"T{number}", mention.home[0] if mention.home else None)
            infons, label, attributes = self._infons(annotation.infons, f"annotation {number}")
            infons.pop(ORDER, None)
            code = code_key(infons)
            if code not in (None, "identifier"):
                self.kept.setdefault("code_keys", {})[key] = code
            value = None if code is None else str(infons.pop(code))
            if infons:
                self.kept.setdefault("entity_infons", {})[key] = infons
            if mention.home is None or mention.home[1] is not None:
                self.kept.setdefault("homes", {})[key] = mention.home and list(mention.home)
            entities.append(Entity(key, label, fragments, attributes, value))
        return tuple(entities)

    def _fragments(self, number: int, places: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
        fragments = [Span(*places[0])]
        for start, end in places[1:]:
            if start < fragments[-1].end:
                self.problems.repaired(self.line, f"annotation {number}: overlapping locations joined at {start}")
                fragments[-1] = Span(fragments[-1].start, max(end, fragments[-1].end))
            else:
                fragments.append(Span(start, end))
        return tuple(fragments)

    def _infons(self, given: Mapping[str, Any], owner: str) -> tuple[dict[str, Any], str, tuple[Attribute, ...]]:
        """Split infons into further ones, the label, and the attributes that medspan wrote."""
        infons = dict(given)
        attributes = tuple(Attribute(str(name), str(value)) for name, value in json.loads(infons.pop(ATTRIBUTES, "[]")))
        for attribute in attributes:
            if (
                is_free(attribute.name)
                and attribute.name in infons
                and _text(infons[attribute.name]) == attribute.value
            ):
                del infons[attribute.name]
        key = label_key(infons)
        if key is None:
            self.problems.kept(self.line, f"{owner} has no infon that says its type")
            return infons, "", attributes
        label = infons.pop(key)
        return infons, "" if label is None else str(label), attributes

    def _fresh(self, given: Any, instead: str, passage: int | None) -> str:
        """Return the id, or a new one where the document has used it before or there is none."""
        key = name = instead if given in (None, "") else str(given)
        n = 1
        while key in self.used:
            n += 1
            key = f"{name}_{n}"
        if n > 1:
            self.problems.repaired(self.line, f"an id is used twice; the later, number {len(self.used)}, is renamed")
        self.used.add(key)
        for scope in {passage, None}:
            self.names.setdefault((scope, name), key)
        return key

    def _relations(
        self,
    ) -> tuple[tuple[Relation, ...], tuple[Event, ...], tuple[Group, ...], tuple[ConceptRelation, ...]]:
        listed = list(self._listed())
        found: list[tuple[str, Any, int | None, dict[str, Any], str, tuple[Attribute, ...]]] = []
        facts: list[ConceptRelation] = []
        for number, (relation, passage) in enumerate(listed, start=1):
            owner = f"relation {number}"
            infons, label, attributes = self._infons(relation.infons, owner)
            if not relation.nodes and infons.get(KIND) != "group":
                self._fact(owner, relation, infons, label, facts)
                continue
            key = self._fresh(relation.id, f"R{number}", passage)
            found.append((key, relation, passage, infons, label, attributes))
        # Relations may join relations; one that cannot be read takes those with it that refer to it.
        resolved = {key: self._targets(relation, passage) for key, relation, passage, *_ in found}
        while missing := [key for key, targets in resolved.items() if any(t not in self.used for t in targets)]:
            for key in missing:
                del resolved[key]
                self.used.discard(key)
                self.problems.skipped(self.line, f"a relation, number {len(resolved) + 1}, refers to what is not there")
        relations: list[Relation] = []
        events: list[Event] = []
        groups: list[Group] = []
        plain = self.used - resolved.keys()
        ends = plain | {key for key, _, _, infons, *_ in found if infons.get(KIND) == "event" and key in resolved}
        for key, relation, _, infons, label, attributes in found:
            if key not in resolved:
                continue
            targets, roles = resolved[key], [_text(node.role) for node in relation.nodes]
            kind = infons.pop(KIND, None)
            if kind == "event" and targets and targets[0] in plain:
                arguments = tuple(Argument(*pair) for pair in zip(roles[1:], targets[1:], strict=True))
                events.append(Event(key, label, targets[0], arguments, attributes))
            elif kind is None and len(targets) == 2 and ends.issuperset(targets):
                relations.append(Relation(key, label, targets[0], targets[1]))
                self._roles(key, roles, ["head", "tail"])
            else:
                groups.append(Group(key, label, tuple(targets)))
                self._roles(key, roles, ["member"] * len(roles))
            if infons:
                self.kept.setdefault("relation_infons", {})[key] = infons
        return tuple(relations), tuple(events), tuple(groups), tuple(facts)

    def _listed(self) -> Iterator[tuple[Any, int | None]]:
        for p, passage in enumerate(self.source.passages):
            for part in (*passage.sentences, passage):
                for relation in part.relations:
                    yield relation, p
        for relation in self.source.relations:
            yield relation, None

    def _targets(self, relation: Any, passage: int | None) -> list[str]:
        ids = [str(node.refid) for node in relation.nodes]
        return [self.names.get((passage, name)) or self.names.get((None, name)) or "" for name in ids]

    def _roles(self, key: str, roles: list[str], usual: list[str]) -> None:
        if roles != usual:
            self.kept.setdefault("roles", {})[key] = roles

    def _fact(
        self, owner: str, relation: Any, infons: dict[str, Any], label: str, facts: list[ConceptRelation]
    ) -> None:
        """Read a relation without nodes, which is one between codes (BioRED, BC5CDR)."""
        extra = tuple(json.loads(infons.pop(EXTRA, "[]")))
        ends = [key for key in ("entity1", "entity2") if key in infons] or list(infons)[:2]
        if len(ends) != 2:
            self.problems.skipped(self.line, f"{owner} has no nodes, nor two codes in infons")
            return
        head, tail = (_text(infons.pop(key)) for key in ends)
        facts.append(ConceptRelation(label, head, tail, extra or tuple(_text(value) for value in infons.values())))
        self.kept.setdefault("facts", []).append({"id": relation.id, "infons": dict(relation.infons)})

    def _passages(self, unit: Unit) -> list[dict[str, Any]]:
        """Describe the layout in code points of the text, so that the writer can follow it."""
        listed = []
        for passage, segments in self.passages:
            first = segments[0]
            sentences = []
            for s, sentence in enumerate(passage.sentences):
                start, end = segments[min(s, len(segments) - 1)].start, segments[min(s, len(segments) - 1)].end
                if passage.text:
                    within = unit.code_points(first.text, _integer(sentence.offset) - first.offset) or 0
                    start = first.start + within
                    end = min(start + len(_text(sentence.text)), first.end)
                sentences.append({"start": start, "end": end, "infons": dict(sentence.infons)})
            listed.append(
                {
                    "start": first.start,
                    "end": segments[-1].end,
                    "infons": dict(passage.infons),
                    "sentences": sentences,
                    "has_text": bool(passage.text) or not sentences,
                }
            )
        return listed


def _agrees(text: str, places: Sequence[tuple[int, int]], stated: str | None) -> bool:
    found = squeeze(" ".join(text[start:end] for start, end in sorted(places)))
    wanted = squeeze(_text(stated))
    # Tools differ in what they put between the parts of a discontinuous mention.
    return found == wanted or (len(places) > 1 and found.replace(" ", "") == wanted.replace(" ", ""))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _integer(value: Any) -> int:
    """Take a number, or the digits of one; raises AnnotationError for anything else."""
    try:
        if not isinstance(value, bool) and (isinstance(value, int) or str(value).isdigit()):
            return int(value)
    except ValueError:
        pass
    raise AnnotationError("an offset or length is no whole number")
