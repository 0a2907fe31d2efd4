"""Label schemas: what may be annotated, in words a person and a language model can read.

A schema travels with its corpus and inside every checkpoint. Candidate generation, constrained decoding, validation,
questions and instruction text read legal labels, legal pairs and definitions from here and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from medspan.annotation.document import Document
from medspan.errors import AnnotationError

__all__ = ["AttributeType", "EntityType", "EventType", "LabelSchema", "RelationType", "RoleType"]

# Keys of plain data whose values are texts, and lists of texts.
_TEXTS = frozenset({"name", "definition", "verbalization", "trigger"})
_LISTS = frozenset({"values", "labels", "heads", "tails"})


@dataclass(frozen=True, slots=True)
class EntityType:
    """A label for mentions. `verbalization` is how the label is called in running text."""

    name: str
    definition: str
    verbalization: str


@dataclass(frozen=True, slots=True)
class AttributeType:
    """A closed list of values that entities of some labels carry. Exactly one value each unless optional.

    No `values` at all means that any value is legal, such as a date in ISO notation.
    """

    name: str
    definition: str
    verbalization: str
    values: tuple[str, ...]
    labels: tuple[str, ...]
    is_optional: bool = False

    def allows(self, value: str) -> bool:
        """Tell whether `value` is legal."""
        return not self.values or value in self.values


@dataclass(frozen=True, slots=True)
class RelationType:
    """A directed link between entities: every head label may pair with every tail label."""

    name: str
    definition: str
    verbalization: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]
    is_symmetric: bool = False


@dataclass(frozen=True, slots=True)
class RoleType:
    """A place in an event and the entity labels that may fill it.

    `is_required` says that every gold event has it; an event type with such a role is never given without arguments.
    """

    name: str
    definition: str
    verbalization: str
    labels: tuple[str, ...]
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """An event, its trigger's entity label (the event's name unless said otherwise) and its roles."""

    name: str
    definition: str
    verbalization: str
    trigger: str
    roles: tuple[RoleType, ...] = ()


@dataclass(frozen=True)
class LabelSchema:
    """The labels of one corpus or product, checked when built.

    Several attributes may share a name where no label carries two of them, as `type` of an event and of a date.
    """

    name: str
    entities: tuple[EntityType, ...]
    attributes: tuple[AttributeType, ...] = ()
    relations: tuple[RelationType, ...] = ()
    events: tuple[EventType, ...] = ()

    def __post_init__(self) -> None:
        for kind in ("entities", "relations", "events"):
            names = [item.name for item in getattr(self, kind)]
            if len(set(names)) != len(names):
                raise AnnotationError(f"schema {self.name!r}: a name is declared twice under {kind}")
        carried = [(attribute.name, label) for attribute in self.attributes for label in attribute.labels]
        if len(set(carried)) != len(carried):
            raise AnnotationError(f"schema {self.name!r}: a name is declared twice for a label under attributes")
        for attribute in self.attributes:
            self._known(f"attribute {attribute.name!r}", attribute.labels)
        for relation in self.relations:
            self._known(f"relation {relation.name!r}", relation.heads + relation.tails)
        for event in self.events:
            self._known(f"event {event.name!r}", (event.trigger,))
            for role in event.roles:
                self._known(f"role {event.name}.{role.name}", role.labels)

    def _known(self, owner: str, labels: tuple[str, ...]) -> None:
        for label in labels:
            if label not in self.labels:
                raise AnnotationError(f"schema {self.name!r}: {owner} names {label!r}, which is no entity label")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Entity labels in order."""
        return tuple(e.name for e in self.entities)

    @cached_property
    def _attributes(self) -> dict[tuple[str, str], AttributeType]:
        return {(attribute.name, label): attribute for attribute in self.attributes for label in attribute.labels}

    def attribute(self, name: str, label: str) -> AttributeType | None:
        """Return the attribute called `name` that entities labelled `label` carry, if there is one."""
        return self._attributes.get((name, label))

    def without_events(self) -> "LabelSchema":
        """Return the schema without its events, and without the labels and attributes that only they use."""
        inside = {label for event in self.events for role in event.roles for label in role.labels}
        inside |= {event.trigger for event in self.events}
        related = {label for relation in self.relations for label in relation.heads + relation.tails}
        left = {label for label in self.labels if label not in inside or label in related}
        return LabelSchema(
            self.name,
            tuple(entity for entity in self.entities if entity.name in left),
            tuple(
                replace(attribute, labels=tuple(label for label in attribute.labels if label in left))
                for attribute in self.attributes
                if left.intersection(attribute.labels)
            ),
            self.relations,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON or YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "LabelSchema":
        """Build from plain data; the counterpart of `to_dict`.

        Short forms are accepted, as written by hand: `verbalization` may be left out (the name in lower case), and
        an event's trigger (its name). Raises AnnotationError for a missing or unknown key.
        """

        def items(source: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
            found = source.get(key, ())
            if not isinstance(found, list | tuple) or not all(isinstance(item, Mapping) for item in found):
                raise AnnotationError(f"schema {data.get('name')!r}: {key} must be a list, each item with a name")
            return found

        def build(kind: type[Any], item: Mapping[str, Any]) -> Any:
            item = {key: tuple(v) if isinstance(v, list) else v for key, v in item.items()}
            item.setdefault("verbalization", str(item.get("name", "")).replace("_", " ").replace("-", " ").lower())
            if kind is EventType:
                item.setdefault("trigger", item.get("name"))
                item["roles"] = tuple(build(RoleType, role) for role in items(item, "roles"))
            where = f"schema {data.get('name')!r}: {kind.__name__} {item.get('name')!r}"
            for key, value in item.items():
                if key in _TEXTS and not isinstance(value, str):
                    raise AnnotationError(f"{where}: {key} must be text, not {value!r}; put it in quotes")
                if key in _LISTS and not (isinstance(value, tuple) and all(isinstance(v, str) for v in value)):
                    raise AnnotationError(f"{where}: {key} must be a list of texts; put numbers, yes and no in quotes")
            try:
                return kind(**item)
            except TypeError as error:
                raise AnnotationError(f"{where}: {error}") from None

        unknown = set(data) - {"name", "entities", "attributes", "relations", "events"}
        if unknown or "name" not in data:
            raise AnnotationError(f"schema: missing name or unknown keys {sorted(unknown)}")
        return cls(
            name=data["name"],
            entities=tuple(build(EntityType, e) for e in items(data, "entities")),
            attributes=tuple(build(AttributeType, a) for a in items(data, "attributes")),
            relations=tuple(build(RelationType, r) for r in items(data, "relations")),
            events=tuple(build(EventType, e) for e in items(data, "events")),
        )

    def problems(self, document: Document) -> list[str]:
        """List what in `document` this schema does not allow, by id and label, without note text."""
        found: list[str] = []
        relations = {r.name: r for r in self.relations}
        events = {e.name: e for e in self.events}
        label_of = {e.id: e.label for e in document.entities}
        label_of.update((event.id, label_of[event.trigger]) for event in document.events)
        for entity in document.entities:
            if entity.label not in self.labels:
                found.append(f"entity {entity.id}: label {entity.label!r} is not in schema {self.name!r}")
            for attribute in entity.attributes:
                kind = self.attribute(attribute.name, entity.label)
                if kind is None or not kind.allows(attribute.value):
                    found.append(f"entity {entity.id}: {attribute.name}={attribute.value} is not legal here")
        for relation in document.relations:
            legal = relations.get(relation.label)
            head, tail = label_of[relation.head], label_of[relation.tail]
            if legal is None or not (
                (head in legal.heads and tail in legal.tails)
                or (legal.is_symmetric and tail in legal.heads and head in legal.tails)
            ):
                found.append(f"relation {relation.id}: {head} -{relation.label}-> {tail} is not legal")
        for event in document.events:
            kind_of_event = events.get(event.label)
            if kind_of_event is None:
                found.append(f"event {event.id}: label {event.label!r} is not in schema {self.name!r}")
                continue
            roles = {r.name: r for r in kind_of_event.roles}
            for argument in event.arguments:
                role = roles.get(argument.role)
                if role is None or label_of[argument.target] not in role.labels:
                    found.append(f"event {event.id}: role {argument.role!r} is not legal for its target")
        return found
