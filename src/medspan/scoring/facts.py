"""What a document states, reduced to comparable values: no ids, no text, no scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from medspan.annotation import Document, Entity, Event
from medspan.scoring.matching import Extent

__all__ = [
    "ArgumentFact",
    "CarrierFact",
    "ConceptFact",
    "EventFact",
    "Facts",
    "Mention",
    "RelationFact",
    "ValueFact",
    "facts",
]


class Mention(NamedTuple):
    """A label and where it is."""

    label: str
    extent: Extent


class RelationFact(NamedTuple):
    """A labelled pair of mentions. An end that is an event stands for the event's trigger."""

    label: str
    head: Mention
    tail: Mention


class CarrierFact(NamedTuple):
    """What can carry attributes, an entity or an event at its trigger, with the (name, value) pairs it carries."""

    is_event: bool
    mention: Mention
    attributes: tuple[tuple[str, str], ...]


class ArgumentFact(NamedTuple):
    """One filled place of an event. An argument that is an event stands for that event's trigger."""

    role: str
    mention: Mention


class ValueFact(NamedTuple):
    """A value that the mention in a place carries, such as the status current; its span does not matter."""

    role: str
    name: str
    value: str


class EventFact(NamedTuple):
    """An event at its trigger, with sorted arguments and values, so that equal content compares equal."""

    label: str
    trigger: Extent
    arguments: tuple[ArgumentFact, ...]
    values: tuple[ValueFact, ...]


class ConceptFact(NamedTuple):
    """A relation label and the two codes it joins."""

    label: str
    head: str
    tail: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one document states."""

    entities: list[Mention]
    relations: list[RelationFact]
    carriers: list[CarrierFact]
    events: list[EventFact]
    concepts: frozenset[ConceptFact] = frozenset()


def facts(document: Document, *, with_carriers: bool = True) -> Facts:
    """Reduce a document to its facts; without carriers where nobody asks for attributes. Groups are not among them."""
    entities = {e.id: Mention(e.label, _extent(e)) for e in document.entities}
    places = entities
    events: list[EventFact] = []
    if document.events:
        by_id: dict[str, Entity] = dict(document.by_id)
        by_id.update((event.id, by_id[event.trigger]) for event in document.events)
        places = {key: entities[entity.id] for key, entity in by_id.items()}
        events = [_event(event, by_id, places) for event in document.events]
    return Facts(
        list(entities.values()),
        [RelationFact(r.label, places[r.head], places[r.tail]) for r in document.relations],
        _carriers(document, places) if with_carriers else [],
        events,
        frozenset(ConceptFact(r.label, r.head_code, r.tail_code) for r in document.concept_relations)
        if document.concept_relations
        else frozenset(),
    )


def _extent(entity: Entity) -> Extent:
    if len(entity.fragments) == 1:
        fragment = entity.fragments[0]
        return ((fragment.start, fragment.end),)
    return tuple((fragment.start, fragment.end) for fragment in entity.fragments)


def _event(event: Event, by_id: Mapping[str, Entity], places: Mapping[str, Mention]) -> EventFact:
    return EventFact(
        event.label,
        places[event.trigger].extent,
        tuple(sorted(ArgumentFact(a.role, places[a.target]) for a in event.arguments)),
        tuple(sorted(ValueFact(a.role, v.name, v.value) for a in event.arguments for v in by_id[a.target].attributes)),
    )


def _carriers(document: Document, places: Mapping[str, Mention]) -> list[CarrierFact]:
    found = [CarrierFact(False, places[e.id], _values(e)) for e in document.entities]
    found += [CarrierFact(True, Mention(e.label, places[e.trigger].extent), _values(e)) for e in document.events]
    return found


def _values(item: Entity | Event) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((a.name, a.value) for a in item.attributes)) if item.attributes else ()
