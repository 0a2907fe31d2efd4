"""Bare triggers are no events where the schema requires an argument."""

from dataclasses import replace

from medspan.annotation import Document, LabelSchema

__all__ = ["only_complete", "only_complete_events"]


def only_complete(document: Document, schema: LabelSchema) -> Document:
    """Leave out events without any argument whose type requires one, and the mentions that only such events use.

    A bare social history trigger, for example, is mostly a medicine or a job named in passing; asking for the required
    role itself would lose true events, because the link to a status is missed more often than the event is wrong.
    Mentions whose label also stands for itself (it carries relations or is no part of any event) stay.
    """
    kept = only_complete_events(document, schema).events
    if len(kept) == len(document.events):
        return document
    needed = {relation.head for relation in document.relations} | {relation.tail for relation in document.relations}
    needed |= {event.trigger for event in kept} | {a.target for event in kept for a in event.arguments}
    members = {event.trigger for event in document.events}
    members |= {a.target for event in document.events for a in event.arguments}
    independent = set(schema.without_events().labels)
    entities = tuple(
        entity
        for entity in document.entities
        if entity.id not in members or entity.id in needed or entity.label in independent
    )
    return replace(document, entities=entities, events=kept)


def only_complete_events(document: Document, schema: LabelSchema) -> Document:
    """Leave out events without any argument whose type requires one; every mention stays."""
    needs_arguments = {event.name for event in schema.events if any(role.is_required for role in event.roles)}
    kept = tuple(event for event in document.events if event.arguments or event.label not in needs_arguments)
    return document if len(kept) == len(document.events) else replace(document, events=kept)
