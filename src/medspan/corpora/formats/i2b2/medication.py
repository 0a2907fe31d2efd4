"""2009 i2b2 medications: one entry a line with a drug, its dosage, mode, frequency, duration and reason.

    m="aspirin" 4:1 4:1||do="81 mg" 4:2 4:3||mo="nm"||f="daily" 4:5 4:5||du="nm"||r="nm"||ln="list"

Notes are files without a suffix or .txt, entries ID.i2b2.entries (or .entries, .m) beside them; the description of the
challenge at hand does not say how files are called, so that more names are read than written. An entry becomes an event
`medication` at the drug, its fields arguments by their role; ln becomes the attribute `list_or_narrative`, and e, t and
c, which some releases have, attributes of these names. What several entries share is one entity. Entities and the
arguments of an event come in text order.

Not held: mentions that no entry uses, roles said twice, labels other than the roles, mentions that do not begin and end
with tokens (they are written wider), attributes of entities, codes, relations, groups, facts between codes, metadata.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Span
from medspan.corpora.formats.i2b2.fields import (
    ABSENT,
    Field,
    Grammar,
    covering_places,
    parse,
    quotable,
    states,
    written,
)
from medspan.corpora.formats.i2b2.file_sets import FileKind, FileSet, file_sets, read_sets
from medspan.corpora.formats.i2b2.line_tokens import LineTokens, Place
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, lines
from medspan.corpora.formats.targets import file_for
from medspan.errors import AnnotationError

__all__ = ["losses", "stream", "write"]

_KINDS = (
    FileKind("txt", (".txt",), frozenset({"txt", "text", "texts", "doc", "docs"}), bare=True, is_note=True),
    FileKind(
        "entries",
        (".i2b2.entries", "_gold.entries", ".entries", ".i2b2", ".m"),
        frozenset({"entries", "annotations", "annotation"}),
    ),
)
_LABEL = "medication"
_ROLES = {"do": "dosage", "mo": "mode", "f": "frequency", "du": "duration", "r": "reason"}
_NAMES = {"ln": "list_or_narrative", "e": "e", "t": "t", "c": "c"}
_KEYS = ("m", *_ROLES, "e", "t", "c", "ln")
_GRAMMAR = Grammar(_KEYS, frozenset({"m", *_ROLES}), frozenset(_KEYS[1:]), may_be_absent=True)
_RANKS = {name: n for n, name in enumerate((_LABEL, *_ROLES.values()))}


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a folder or archive, or of one file and those that go with it, one note at a time.

    The text is kept exactly. A document's id is the path of its note without suffix.
    """
    yield from read_sets(file_sets(path, _KINDS, problems), _document, problems)


def _document(found: FileSet, problems: Problems) -> Document:
    contents = {kind: decode(found.read(name), Path(name).name) for kind, name in found.names.items()}
    reading = _Reading(contents["txt"], problems)
    for number, line in enumerate(lines(contents.get("entries", "")), start=1):
        if line.strip():
            reading.entry(number, line)
    return reading.document(found.id)


class _Reading:
    """One note and its entries on their way to a document; entities are known by label and fragments until the end."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.tokens = LineTokens(text)
        self.problems = problems
        self.agrees = partial(states, self.tokens)
        self.entries: list[tuple[dict[str, tuple[Span, ...]], tuple[Attribute, ...]]] = []

    def entry(self, number: int, line: str) -> None:
        """Take one line: the mention of each role, and the attributes."""
        fields = parse(line, _GRAMMAR, self.agrees)
        if fields is None:
            self.problems.skipped(number, "not an entry of the form m=...||do=...||...||ln=...")
            return
        mentions: dict[str, tuple[Span, ...]] = {}
        attributes: dict[str, str] = {}
        for field in fields:
            if field.key in _NAMES:
                if field.value not in ("", ABSENT):
                    attributes[_NAMES[field.key]] = field.value
            elif field.places and (fragments := self._fragments(number, field)):
                mentions[_ROLES.get(field.key, _LABEL)] = fragments
        if _LABEL not in mentions:
            self.problems.skipped(number, f"an entry without a place for its medication, {len(mentions)} other fields")
            return
        ordered = (Attribute(name, attributes[name]) for name in _NAMES.values() if name in attributes)
        self.entries.append((mentions, tuple(ordered)))

    def _fragments(self, number: int, field: Field) -> tuple[Span, ...]:
        try:
            fragments = tuple(self.tokens.span(place) for place in field.places)
            Entity("", field.key, fragments)
        except AnnotationError as error:
            self.problems.skipped(number, f"field {field.key}: {error}")
            return ()
        if not self.agrees(field.value, field.places):
            self.problems.kept(number, f"field {field.key}: its words differ from the text at {fragments[0].start}")
        return fragments

    def document(self, document_id: str) -> Document:
        """Number what was found, in text order, and build the document."""
        used = {mention for mentions, _ in self.entries for mention in mentions.items()}
        ids = {mention: f"T{n}" for n, mention in enumerate(sorted(used, key=lambda m: _rank(*m)), start=1)}
        events: list[Event] = []
        for mentions, attributes in self.entries:
            others = sorted((item for item in mentions.items() if item[0] != _LABEL), key=lambda m: _rank(*m))
            arguments = tuple(Argument(role, ids[role, fragments]) for role, fragments in others)
            trigger = ids[_LABEL, mentions[_LABEL]]
            events.append(Event(f"E{len(events) + 1}", _LABEL, trigger, arguments, attributes))
        entities = tuple(Entity(key, label, fragments) for (label, fragments), key in ids.items())
        return Document(document_id, self.tokens.text, entities, (), tuple(events))


def _rank(label: str, fragments: tuple[Span, ...]) -> tuple[int, int, int, tuple[Span, ...]]:
    """Order mentions by place, the longer first, then by the order of fields."""
    return fragments[0].start, -fragments[-1].end, _RANKS[label], fragments


class _Layout:
    """Which entries a document is written as, and what each loses."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.tokens = LineTokens(document.text)
        self.places: dict[str, tuple[Place, ...]] = {}
        for entity in document.entities:
            if entity.label in _RANKS and (places := covering_places(self.tokens, entity.fragments)):
                self.places[entity.id] = places
        # By event id: the entity of each role, and why others have no place.
        self.roles: dict[str, dict[str, str]] = {}
        self.reasons: dict[str, list[str]] = {}
        for event in document.events:
            self._place(event)
        self.used = {key for roles in self.roles.values() for key in roles.values()}

    def _place(self, event: Event) -> None:
        reasons = self.reasons.setdefault(event.id, [])
        trigger = self.document.by_id[event.trigger]
        if event.label != _LABEL or trigger.label != _LABEL or trigger.id not in self.places:
            reasons.append(f"an entry is a {_LABEL} at a mention of that label")
            return
        roles = {_LABEL: trigger.id}
        for argument in event.arguments:
            target = self.document.by_id.get(argument.target)
            if argument.role not in _ROLES.values():
                reasons.append(f"no place for a role {argument.role!r}")
            elif target is None or target.label != argument.role or target.id not in self.places:
                reasons.append(f"argument {argument.target} is no mention labelled by its role")
            elif argument.role in roles:
                reasons.append(f"no place for a second {argument.role}")
            else:
                roles[argument.role] = target.id
        self.roles[event.id] = roles

    def exact(self, entity: Entity) -> bool:
        """Say whether the entity's tokens are its characters."""
        return tuple(map(self.tokens.span, self.places[entity.id])) == entity.fragments


def losses(document: Document) -> Iterator[Loss]:
    """Name what entries have no place for; see the module's description."""
    layout = _Layout(document)
    seen: set[tuple[str, tuple[Place, ...]]] = set()
    written_order: list[Entity] = []
    for entity in document.entities:
        if entity.id not in layout.used:
            yield Loss(document.id, "entities", entity.id, "no place for a mention that no entry uses")
            continue
        key = (entity.label, layout.places[entity.id])
        if key in seen:
            yield Loss(document.id, "entities", entity.id, "becomes one with another of the same label and place")
        elif not layout.exact(entity):
            yield Loss(document.id, "entities", entity.id, "begins or ends inside a token or white space")
        seen.add(key)
        written_order.append(entity)
    if written_order != sorted(written_order, key=lambda e: _rank(e.label, e.fragments)):
        yield Loss(document.id, "order", None, "mentions come back in text order")
    for event in document.events:
        for reason in layout.reasons[event.id]:
            yield Loss(document.id, "events", event.id, reason)
        if event.id in layout.roles:
            yield from _event_losses(document, layout, event)
    for relation in document.relations:
        yield Loss(document.id, "relations", relation.id, "no place for relations")
    held = frozenset({"gaps", "nesting", "events", "relations"})
    yield from (loss for loss in unheld(document, held) if loss.kind != "attributes" or loss.id in document.by_id)


def _event_losses(document: Document, layout: _Layout, event: Event) -> Iterator[Loss]:
    roles = layout.roles[event.id]
    order = [_rank(role, document.by_id[roles[role]].fragments) for role in roles if role != _LABEL]
    if order != sorted(order):
        yield Loss(document.id, "events", event.id, "its arguments come back in text order")
    names = list(_NAMES.values())
    kept = [a.name for a in event.attributes if _stated(event, a)]
    for attribute in event.attributes:
        if not _stated(event, attribute):
            yield Loss(document.id, "attributes", event.id, f"no place for attribute {attribute.name!r} or its value")
    if kept != sorted(kept, key=names.index):
        yield Loss(document.id, "attributes", event.id, f"come back in the order {', '.join(names)}")


def _stated(event: Event, attribute: Attribute) -> bool:
    """Say whether an attribute of an event has a field; a second one of a name has none."""
    value = attribute.value
    is_first = next(a for a in event.attributes if a.name == attribute.name) is attribute
    return attribute.name in _NAMES.values() and is_first and value not in ("", ABSENT) and quotable(value)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder with ID.txt and ID.i2b2.entries of every document.

    A mention is written as all the tokens it touches. Raises FormatError for an id that is no file name.
    """
    for document in documents:
        layout = _Layout(document)
        listed = (
            _entry(layout, event, layout.roles[event.id]) for event in document.events if event.id in layout.roles
        )
        content = "".join(f"{line}\n" for line in listed)
        file_for(path, document.id, ".i2b2.entries").write_bytes(content.encode("utf-8"))
        file_for(path, document.id, ".txt").write_bytes(document.text.encode("utf-8"))


def _entry(layout: _Layout, event: Event, roles: Mapping[str, str]) -> str:
    parts = [written(layout.tokens, "m", layout.places[roles[_LABEL]])]
    for key, role in _ROLES.items():
        there = role in roles
        parts.append(written(layout.tokens, key, layout.places[roles[role]]) if there else f'{key}="{ABSENT}"')
    for key in ("e", "t", "c", "ln"):
        value = next((a.value for a in event.attributes if a.name == _NAMES[key] and _stated(event, a)), None)
        if value is not None:
            parts.append(f'{key}="{value}"')
    return "||".join(parts)
