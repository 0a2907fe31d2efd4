"""What did not survive a round trip, found by making it: for forms too entangled to foretell their losses."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from medspan.annotation import Document, Entity, Event
from medspan.corpora.formats.losses import Loss

__all__ = ["differences"]


def differences(document: Document, back: Document, own_metadata: str) -> Iterator[Loss]:
    """Name what `back`, read from what was written of `document`, no longer holds; ids do not count.

    An entity whose attributes or code alone are gone is named as such. When everything is there but the lists are
    in another order, that is the loss.
    """
    if document.id != back.id:
        yield Loss(document.id, "ids", None, "the document gets another id")
    if document.text != back.text:
        yield Loss(document.id, "characters", None, f"{len(document.text)} characters become {len(back.text)}")
    n_lost = 0
    for loss in _annotations(document, back):
        n_lost += 1
        yield loss
    theirs = Counter(map(repr, back.concept_relations))
    for fact in document.concept_relations:
        if not theirs[repr(fact)]:
            yield Loss(document.id, "concept_relations", None, f"no place for {fact.label!r} between codes")
    for key, value in document.metadata.items():
        if key != own_metadata and back.metadata.get(key) != value:
            yield Loss(document.id, "metadata", None, f"no place for metadata {key!r}")
    if not n_lost and _in_order(document) != _in_order(back):
        yield Loss(document.id, "order", None, "annotations come back in another order")


def _annotations(document: Document, back: Document) -> Iterator[Loss]:
    whole = Counter(_entity(entity) for entity in back.entities)
    left: list[Entity] = []
    for entity in document.entities:
        if whole[_entity(entity)]:
            whole[_entity(entity)] -= 1
        else:
            left.append(entity)
    changed: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for label, fragments, *details in whole.elements():
        changed.setdefault((label, fragments), []).append(tuple(details))
    for entity in left:
        label, fragments, *ours = _entity(entity)
        if not changed.get((label, fragments)):
            yield Loss(document.id, "entities", entity.id, "no place for this mention")
            continue
        for kind, mine, other in zip(("attributes", "codes"), ours, changed[label, fragments].pop(0), strict=True):
            if mine != other:
                yield Loss(document.id, kind, entity.id, f"its {kind} change")
    names, names_back = _names(document), _names(back)
    for kind in ("relations", "events", "groups"):
        there = Counter(_facts(item, names_back) for item in getattr(back, kind))
        for item in getattr(document, kind):
            if there[_facts(item, names)]:
                there[_facts(item, names)] -= 1
            else:
                yield Loss(document.id, kind, item.id, f"no place for this one of {kind}")


def _entity(entity: Entity) -> tuple[Any, ...]:
    return entity.label, entity.fragments, tuple((a.name, a.value) for a in entity.attributes), entity.code


def _names(document: Document) -> dict[str, Hashable]:
    """Call annotations by what they are, not by their ids."""
    names: dict[str, Hashable] = {e.id: (e.label, e.fragments) for e in document.entities}
    names.update((e.id, (e.label, names[e.trigger])) for e in document.events)
    names.update((r.id, (r.label, names[r.head], names[r.tail])) for r in document.relations)
    names.update((g.id, g.label) for g in document.groups)
    return names


def _facts(item: Any, names: Mapping[str, Hashable]) -> tuple[Any, ...]:
    if isinstance(item, Event):
        return (
            item.label,
            names[item.trigger],
            tuple((a.role, names[a.target]) for a in item.arguments),
            tuple((a.name, a.value) for a in item.attributes),
        )
    ends = item.members if hasattr(item, "members") else (item.head, item.tail)
    return item.label, tuple(names[end] for end in ends)


def _in_order(document: Document) -> tuple[Any, ...]:
    """Return the annotations with ids by place, so that lists compare as lists."""
    kinds: tuple[tuple[Any, ...], ...] = (document.entities, document.relations, document.events, document.groups)
    ids = {item.id: f"{kind}.{n}" for kind, items in enumerate(kinds) for n, item in enumerate(items)}
    return (
        tuple(map(_entity, document.entities)),
        tuple((r.label, ids[r.head], ids[r.tail]) for r in document.relations),
        tuple(
            (e.label, ids[e.trigger], tuple(replace(a, target=ids[a.target], score=None) for a in e.arguments))
            for e in document.events
        ),
        tuple((g.label, tuple(ids[m] for m in g.members)) for g in document.groups),
    )
