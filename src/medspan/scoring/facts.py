"""What a document states, reduced to comparable values: no ids, no text, no scores."""

from dataclasses import dataclass
from typing import NamedTuple

from medspan.annotation import Document, Entity
from medspan.scoring.matching import Extent

__all__ = ["ArgumentFact", "CarrierFact", "EventFact", "Facts", "Mention", "RelationFact", "ValueFact", "facts"]


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


@dataclass(frozen=True)
class Facts:
    """All that one document states."""

    entities: list[Mention]
    relations: list[RelationFact]
    carriers: list[CarrierFact]
    events: list[EventFact]


def facts(document: Document) -> Facts:
    """Reduce a document to its facts. Groups and relations between codes are not among them: they are not scored."""
    entities = {e.id: Mention(e.label, tuple((f.start, f.end) for f in e.fragments)) for e in document.entities}
    by_id: dict[str, Entity] = dict(document.by_id)
    by_id.update((event.id, by_id[event.trigger]) for event in document.events)
    places = {key: entities[entity.id] for key, entity in by_id.items()}
    carriers = [
        CarrierFact(False, entities[e.id], tuple(sorted((a.name, a.value) for a in e.attributes)))
        for e in document.entities
    ]
    carriers += [
        CarrierFact(
            True,
            Mention(e.label, entities[e.trigger].extent),
            tuple(sorted((a.name, a.value) for a in e.attributes)),
        )
        for e in document.events
    ]
    events = [
        EventFact(
            event.label,
            entities[event.trigger].extent,
            tuple(sorted(ArgumentFact(a.role, places[a.target]) for a in event.arguments)),
            tuple(
                sorted(ValueFact(a.role, v.name, v.value) for a in event.arguments for v in by_id[a.target].attributes)
            ),
        )
        for event in document.events
    ]
    relations = [RelationFact(r.label, places[r.head], places[r.tail]) for r in document.relations]
    return Facts(list(entities.values()), relations, carriers, events)
