"""Leave labels out of a comparison, on one side or both, and say how many annotations that were."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, LabelSchema
from medspan.errors import ConfigError
from medspan.scoring.align import Alignment, Pair

__all__ = ["KINDS", "Labels", "Omissions", "restrict", "unknown_to_gold"]

KINDS = ("entity", "attribute", "relation", "event", "argument")
Labels: TypeAlias = str | Collection[str]  # "all", "gold", or the entity labels to score
Omissions: TypeAlias = Counter[tuple[str, str]]  # (kind, label) -> annotations left out


@dataclass(frozen=True)
class Legal:
    """What may stay; None allows everything of a kind. Roles are (event label, role)."""

    entities: Collection[str] | None = None
    relations: Collection[str] | None = None
    events: Collection[str] | None = None
    roles: Collection[tuple[str, str]] | None = None
    attributes: Collection[str] | None = None


def restrict(
    alignment: Alignment, schema: LabelSchema | None, labels: Labels
) -> tuple[Alignment, Omissions, Omissions, int]:
    """Keep what the schema and `labels` allow.

    A schema holds for both sides, and so does a set of entity labels. "gold" leaves out of the predictions what gold
    never uses: entity, relation and event labels, roles and attribute names; and, when gold holds no event at all,
    predicted entities that serve only as trigger or argument. What hangs on something left out goes with it.
    Returns the alignment, the annotations left out of gold and of predicted, and how many entities served events only.
    """
    out_of_gold, out_of_predicted = Omissions(), Omissions()
    pairs = list(alignment.pairs)
    if isinstance(labels, str) and labels not in ("all", "gold"):
        raise ConfigError(f"labels {labels!r}: expected 'all', 'gold' or a set of entity labels")
    both = [] if schema is None else [_of_schema(schema)]
    if not isinstance(labels, str):
        both.append(Legal(entities=frozenset(labels)))
    for legal in both:
        pairs = [
            replace(p, gold=keep(p.gold, legal, out_of_gold), predicted=keep(p.predicted, legal, out_of_predicted))
            for p in pairs
        ]
    n_event_only = 0
    if labels == "gold":
        golds = [p.gold for p in pairs]
        if not any(d.events for d in golds):
            pairs, n_event_only = _without_event_entities(pairs)
        used = _used(golds)
        pairs = [replace(p, predicted=keep(p.predicted, used, out_of_predicted)) for p in pairs]
    return replace(alignment, pairs=tuple(pairs)), out_of_gold, out_of_predicted, n_event_only


def unknown_to_gold(alignment: Alignment) -> Omissions:
    """Count predicted annotations whose label gold never uses: all of them are false positives."""
    found = Omissions()
    used = _used(p.gold for p in alignment.pairs)
    for pair in alignment.pairs:
        found.update(_illegal(pair.predicted, used))
    return found


def keep(document: Document, legal: Legal, omitted: Omissions) -> Document:
    """Return the document with what is legal; count in `omitted` all that goes. Groups go with any member."""
    if not any(_illegal(document, legal)):
        return document
    entities = tuple(
        replace(e, attributes=_attributes(e, legal, omitted))
        for e in document.entities
        if _may(e.label, legal.entities)
    )
    ids = {e.id for e in entities}
    events = [e for e in document.events if _may(e.label, legal.events) and e.trigger in ids]
    ids.update(e.id for e in events)
    events = [
        replace(e, arguments=_arguments(e, legal, ids, omitted), attributes=_attributes(e, legal, omitted))
        for e in events
    ]
    relations = [r for r in document.relations if _may(r.label, legal.relations) and r.head in ids and r.tail in ids]
    for kind, before, after in (
        ("entity", document.entities, entities),
        ("relation", document.relations, relations),
        ("event", document.events, events),
    ):
        omitted.update((kind, item.label) for item in before)
        omitted.subtract((kind, item.label) for item in after)
    for key in [key for key, n in omitted.items() if not n]:
        del omitted[key]
    ids.update(r.id for r in relations)
    groups = _whole(document.groups, ids)
    return replace(document, entities=entities, relations=tuple(relations), events=tuple(events), groups=groups)


def _whole(groups: Sequence[Group], ids: Collection[str]) -> tuple[Group, ...]:
    """Keep the groups all of whose members, other groups among them, are still there."""
    kept = list(groups)
    while True:
        known = {*ids, *(group.id for group in kept)}
        left = [group for group in kept if known.issuperset(group.members)]
        if len(left) == len(kept):
            return tuple(kept)
        kept = left


def _carriers(document: Document) -> tuple[Entity | Event, ...]:
    return (*document.entities, *document.events)


def _may(name: str, legal: Collection[str] | None) -> bool:
    return legal is None or name in legal


def _attributes(item: Entity | Event, legal: Legal, omitted: Omissions) -> tuple[Attribute, ...]:
    kept = tuple(a for a in item.attributes if _may(a.name, legal.attributes))
    omitted.update(("attribute", a.name) for a in item.attributes if a not in kept)
    return kept


def _arguments(event: Event, legal: Legal, ids: Collection[str], omitted: Omissions) -> tuple[Argument, ...]:
    kept = tuple(
        a for a in event.arguments if a.target in ids and (legal.roles is None or (event.label, a.role) in legal.roles)
    )
    omitted.update(("argument", f"{event.label}.{a.role}") for a in event.arguments if a not in kept)
    return kept


def _illegal(document: Document, legal: Legal) -> Iterator[tuple[str, str]]:
    """Name what is illegal by its own label; what merely hangs on it is not named."""
    for entity in document.entities:
        if not _may(entity.label, legal.entities):
            yield "entity", entity.label
    for relation in document.relations:
        if not _may(relation.label, legal.relations):
            yield "relation", relation.label
    for event in document.events:
        if not _may(event.label, legal.events):
            yield "event", event.label
            continue
        for argument in event.arguments:
            if legal.roles is not None and (event.label, argument.role) not in legal.roles:
                yield "argument", f"{event.label}.{argument.role}"
    if legal.attributes is not None:
        for item in _carriers(document):
            for attribute in item.attributes:
                if attribute.name not in legal.attributes:
                    yield "attribute", attribute.name


def _of_schema(schema: LabelSchema) -> Legal:
    return Legal(
        frozenset(schema.labels),
        frozenset(r.name for r in schema.relations),
        frozenset(e.name for e in schema.events),
        frozenset((e.name, r.name) for e in schema.events for r in e.roles),
        frozenset(a.name for a in schema.attributes),
    )


def _used(documents: Iterable[Document]) -> Legal:
    entities: set[str] = set()
    relations: set[str] = set()
    events: set[str] = set()
    roles: set[tuple[str, str]] = set()
    attributes: set[str] = set()
    for document in documents:
        entities.update(e.label for e in document.entities)
        relations.update(r.label for r in document.relations)
        events.update(e.label for e in document.events)
        roles.update((e.label, a.role) for e in document.events for a in e.arguments)
        attributes.update(a.name for item in _carriers(document) for a in item.attributes)
    return Legal(entities, relations, events, roles, attributes)


def _without_event_entities(pairs: Iterable[Pair]) -> tuple[list[Pair], int]:
    kept: list[Pair] = []
    n_set_aside = 0
    for pair in pairs:
        document = pair.predicted
        in_events = {e.trigger for e in document.events} | {a.target for e in document.events for a in e.arguments}
        in_relations = {end for r in document.relations for end in (r.head, r.tail)}
        entities = tuple(e for e in document.entities if e.id not in in_events or e.id in in_relations)
        n_set_aside += len(document.entities) - len(entities)
        ids = {e.id for e in entities}
        relations = tuple(r for r in document.relations if r.head in ids and r.tail in ids)
        kept.append(
            replace(
                pair,
                predicted=replace(
                    document,
                    entities=entities,
                    relations=relations,
                    events=(),
                    groups=_whole(document.groups, {*ids, *(r.id for r in relations)}),
                ),
            )
        )
    return kept, n_set_aside
