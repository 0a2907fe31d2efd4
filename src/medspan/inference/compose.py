"""Answers of several head sets as one document: what they find on the same span under one label is one mention."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from medspan.annotation import Argument, Document, Entity, Event, Relation

__all__ = ["compose"]

_Scored = TypeVar("_Scored", Relation, Event, Argument)


def compose(document: Document, answers: Mapping[str, Sequence[Document]]) -> Document:
    """Join the answers of head sets into one annotated document.

    `answers` maps each asked schema to the documents its head sets gave. With one schema labels stay bare, with
    several they read `schema:label`. Mentions of one schema with the same label and fragments are one entity: the
    higher score and all attributes are kept. So are relations with the same label and ends, and events with the same
    label and trigger, whose arguments come together. Ids are given anew, in text order.
    """
    is_bare = len(answers) == 1
    merged: dict[tuple[str, tuple[object, ...]], Entity] = {}
    key_of: dict[tuple[int, str], tuple[str, tuple[object, ...]]] = {}
    parts: list[tuple[int, str, Document]] = []
    for schema, annotated in answers.items():
        prefix = "" if is_bare else f"{schema}:"
        for part in annotated:
            number = len(parts)
            parts.append((number, prefix, part))
            for entity in part.entities:
                key = (prefix + entity.label, entity.fragments)
                key_of[number, entity.id] = key
                merged[key] = _same_mention(merged.get(key), entity, prefix)
    ordered = sorted(merged.items(), key=lambda item: (item[1].start, item[1].end, item[1].label))
    id_of = {key: f"T{number}" for number, (key, _) in enumerate(ordered, start=1)}
    relations: dict[tuple[str, str, str], Relation] = {}
    events: dict[tuple[str, str], Event] = {}
    for number, prefix, part in parts:
        ids = {entity.id: id_of[key_of[number, entity.id]] for entity in part.entities}
        for r in part.relations:
            relation = replace(r, label=prefix + r.label, head=ids[r.head], tail=ids[r.tail])
            place = (relation.label, relation.head, relation.tail)
            relations[place] = _better(relations.get(place), relation)
        for e in part.events:
            arguments = tuple(replace(a, target=ids[a.target]) for a in e.arguments)
            event = replace(e, label=prefix + e.label, trigger=ids[e.trigger], arguments=arguments)
            events[event.label, event.trigger] = _same_event(events.get((event.label, event.trigger)), event)
    return replace(
        document,
        entities=tuple(replace(entity, id=id_of[key]) for key, entity in ordered),
        relations=tuple(replace(relation, id=f"R{n}") for n, relation in enumerate(relations.values(), start=1)),
        events=tuple(replace(event, id=f"E{n}") for n, event in enumerate(events.values(), start=1)),
    )


def _better(known: _Scored | None, other: _Scored) -> _Scored:
    return known if known is not None and (known.score or 0.0) >= (other.score or 0.0) else other


def _same_event(known: Event | None, event: Event) -> Event:
    if known is None:
        return event
    arguments: dict[tuple[str, str], Argument] = {}
    for argument in (*known.arguments, *event.arguments):
        place = (argument.role, argument.target)
        arguments[place] = _better(arguments.get(place), argument)
    return replace(_better(known, event), arguments=tuple(arguments.values()))


def _same_mention(known: Entity | None, entity: Entity, prefix: str) -> Entity:
    if known is None:
        return replace(entity, label=prefix + entity.label)
    names = {attribute.name for attribute in known.attributes}
    more = tuple(attribute for attribute in entity.attributes if attribute.name not in names)
    return replace(
        known,
        attributes=known.attributes + more,
        score=max((s for s in (known.score, entity.score) if s is not None), default=None),
    )
