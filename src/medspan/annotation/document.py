"""The document model: frozen, checked when built, linked by id.

Characters are the coordinates: every offset is a half-open range of Unicode code points into a text that is never
edited. Tokens do not appear here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medspan.errors import AnnotationError

__all__ = [
    "Argument",
    "Attribute",
    "ConceptRelation",
    "Document",
    "Entity",
    "Event",
    "Group",
    "Relation",
    "Span",
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range [start, end) of code points; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise AnnotationError(f"span [{self.start}, {self.end}) is empty, reversed or negative")

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: "Span") -> bool:
        """Say whether the two ranges share at least one character."""
        return self.start < other.end and other.start < self.end

    def shift(self, offset: int) -> "Span":
        """Return the same range moved by `offset` characters."""
        return Span(self.start + offset, self.end + offset)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A name with a value on an entity or event, such as assertion=absent. A binary attribute has value "true"."""

    name: str
    value: str = "true"
    score: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Entity:
    """A labelled mention: one fragment, or several in text order when it is discontinuous."""

    id: str
    label: str
    fragments: tuple[Span, ...]
    attributes: tuple[Attribute, ...] = ()
    code: str | None = None
    score: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.fragments:
            raise AnnotationError(f"entity {self.id} has no fragment")
        for left, right in zip(self.fragments, self.fragments[1:], strict=False):
            if right.start < left.end:
                raise AnnotationError(
                    f"entity {self.id}: fragments [{left.start}, {left.end}) and [{right.start}, {right.end}) "
                    "overlap or are not in text order"
                )

    @property
    def start(self) -> int:
        """The first character."""
        return self.fragments[0].start

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.fragments[-1].end

    @property
    def span(self) -> Span:
        """The covering range, gaps included."""
        return Span(self.start, self.end)

    def attribute(self, name: str) -> str | None:
        """Return the value of the first attribute called `name`, or None."""
        return next((a.value for a in self.attributes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Relation:
    """A labelled directed pair of entities, by id."""

    id: str
    label: str
    head: str
    tail: str
    score: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Argument:
    """One place of an event: a role and the id of the entity (or event) that fills it."""

    role: str
    target: str
    score: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A trigger entity with its arguments. One entity may serve several events, in any place."""

    id: str
    label: str
    trigger: str
    arguments: tuple[Argument, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    score: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """An n-ary set of annotations (Chia's OR, MACCROBAT's OVERLAP); never expanded into relations."""

    id: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConceptRelation:
    """A document-level fact between ontology codes (BC5CDR's CID). `extra` keeps further columns as they came."""

    label: str
    head_code: str
    tail_code: str
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Document:
    """A note and what is annotated on it.

    Refuses lone surrogates, repeated ids, ids that nothing declares, and fragments past the end of the text. Ids of
    entities, relations, events and groups share one name space. Lists keep file order. The repr hides the text.
    """

    id: str
    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[Event, ...] = ()
    groups: tuple[Group, ...] = ()
    concept_relations: tuple[ConceptRelation, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise AnnotationError(
                f"document {self.id!r}: lone surrogate at character {error.start}; "
                "decode the file again with the right encoding"
            ) from None
        if not (self.entities or self.relations or self.events or self.groups):
            return
        for entity in self.entities:
            if entity.end > len(self.text):
                raise AnnotationError(
                    f"document {self.id!r}: entity {entity.id} ends at {entity.end}, "
                    f"past the text's end {len(self.text)}"
                )
        entity_ids = self._unique(self.entities)
        annotation_ids = self._unique((*self.entities, *self.relations, *self.events, *self.groups))
        end_ids = entity_ids | {event.id for event in self.events}
        for relation in self.relations:
            self._check(f"relation {relation.id}", (relation.head, relation.tail), end_ids)
        for event in self.events:
            self._check(f"event {event.id}", (event.trigger,), entity_ids)
            self._check(f"event {event.id}", (a.target for a in event.arguments), end_ids)
        for group in self.groups:
            self._check(f"group {group.id}", group.members, annotation_ids)

    def _unique(self, annotations: Iterable[Entity | Relation | Event | Group]) -> set[str]:
        seen: set[str] = set()
        for annotation in annotations:
            if annotation.id in seen:
                raise AnnotationError(f"document {self.id!r}: id {annotation.id} is used twice")
            seen.add(annotation.id)
        return seen

    def _check(self, owner: str, targets: Iterable[str], known: set[str]) -> None:
        for target in targets:
            if target not in known:
                raise AnnotationError(f"document {self.id!r}: {owner} refers to {target!r}, which does not exist")

    def __repr__(self) -> str:
        return (
            f"Document(id={self.id!r}, {len(self.text)} characters, {len(self.entities)} entities, "
            f"{len(self.relations)} relations, {len(self.events)} events)"
        )

    @cached_property
    def by_id(self) -> Mapping[str, Entity]:
        """Entities by id."""
        return {entity.id: entity for entity in self.entities}

    def mention(self, entity: Entity) -> str:
        """Return the words of an entity; fragments are joined by one space."""
        return " ".join(self.text[f.start : f.end] for f in entity.fragments)

    def bare(self) -> "Document":
        """Return the same note without annotations, metadata kept."""
        return Document(self.id, self.text, metadata=self.metadata)
