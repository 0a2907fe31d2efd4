"""Answers of several head sets as one document: what they find on the same span under one label is one mention."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medspan.annotation import Argument, Document, Entity, Event, Relation

__all__ = ["compose"]


def compose(document: Document, answers: Mapping[str, Sequence[Document]]) -> Document:
    """Join the answers of head sets into one annotated document.

    `answers` maps each asked schema to the documents its head sets gave. With one schema labels stay bare, with
    several they read `schema:label`. Mentions of one schema with the same label and fragments are one entity: the
    higher score and all attributes are kept. Ids are given anew, in text order.
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
    relations: list[Relation] = []
    events: list[Event] = []
    for number, prefix, part in parts:
        for relation in part.relations:
            relations.append(
                replace(
                    relation,
                    id=f"R{len(relations) + 1}",
                    label=prefix + relation.label,
                    head=id_of[key_of[number, relation.head]],
                    tail=id_of[key_of[number, relation.tail]],
                )
            )
        for event in part.events:
            arguments = tuple(Argument(a.role, id_of[key_of[number, a.target]], a.score) for a in event.arguments)
            events.append(
                replace(
                    event,
                    id=f"E{len(events) + 1}",
                    label=prefix + event.label,
                    trigger=id_of[key_of[number, event.trigger]],
                    arguments=arguments,
                )
            )
    entities = tuple(replace(entity, id=id_of[key]) for key, entity in ordered)
    return replace(document, entities=entities, relations=tuple(relations), events=tuple(events))


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
