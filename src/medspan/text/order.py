"""The file order of a document given back to annotations that came from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from medspan.annotation import Argument, Document, Entity, Event, Group, Relation

__all__ = ["in_order_of"]


def in_order_of(original: Document, merged: Document) -> Document:
    """Return `merged` in the order of `original` if all its annotations come from there, else as it is.

    They come from there if the same id stands for the same content; arguments of events may be missing. Predictions
    whose ids happen to occur in `original` are thus left alone.
    """
    own = {a.id: a for kind in _kinds(original) for a in kind}
    for kind in _kinds(merged):
        for annotation in kind:
            source = own.get(annotation.id)
            if source != annotation and not (
                isinstance(annotation, Event) and isinstance(source, Event) and _is_part(annotation, source)
            ):
                return merged
    position = {identifier: n for n, identifier in enumerate(own)}
    events = []
    for event in sorted(merged.events, key=lambda e: position[e.id]):
        source = own[event.id]
        assert isinstance(source, Event)  # checked above
        events.append(replace(event, arguments=_arguments_as_in(source, event)))
    return replace(
        merged,
        entities=tuple(sorted(merged.entities, key=lambda e: position[e.id])),
        relations=tuple(sorted(merged.relations, key=lambda r: position[r.id])),
        events=tuple(events),
        groups=tuple(sorted(merged.groups, key=lambda g: position[g.id])),
    )


def _kinds(document: Document) -> tuple[Sequence[Entity | Relation | Event | Group], ...]:
    return document.entities, document.relations, document.events, document.groups


def _is_part(event: Event, source: Event) -> bool:
    same = replace(event, arguments=()) == replace(source, arguments=())
    held = Counter((a.role, a.target) for a in source.arguments)
    return same and not Counter((a.role, a.target) for a in event.arguments) - held


def _arguments_as_in(source: Event, event: Event) -> tuple[Argument, ...]:
    held: dict[tuple[str, str], list[Argument]] = {}  # the same role and target may occur twice
    for argument in reversed(event.arguments):
        held.setdefault((argument.role, argument.target), []).append(argument)
    return tuple(held[a.role, a.target].pop() for a in source.arguments if held.get((a.role, a.target)))
