"""Documents seen differently: events unwrapped, labels restricted, annotated notes left out, a tuning part cut off."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files

from medspan.annotation import Argument, Attribute, Document, LabelSchema
from medspan.errors import ConfigError

__all__ = ["adaptable", "restrict", "tune_split", "unwrap_events"]


def unwrap_events(document: Document) -> Document:
    """Turn every event that has no arguments into its trigger entity.

    Relations, groups and arguments that named the event name the entity, and the event's attributes join the
    entity's. MACCROBAT wraps most of its spans so; the file's own form is what the brat reader gives.
    """
    trigger = {event.id: event.trigger for event in document.events if not event.arguments}
    if not trigger:
        return document
    moved: dict[str, list[Attribute]] = {}
    for event in document.events:
        if event.id in trigger:
            moved.setdefault(event.trigger, []).extend(event.attributes)
    return replace(
        document,
        entities=tuple(
            replace(e, attributes=(*e.attributes, *moved[e.id])) if e.id in moved else e for e in document.entities
        ),
        relations=tuple(
            replace(r, head=trigger.get(r.head, r.head), tail=trigger.get(r.tail, r.tail)) for r in document.relations
        ),
        events=tuple(
            replace(e, arguments=tuple(Argument(a.role, trigger.get(a.target, a.target), a.score) for a in e.arguments))
            for e in document.events
            if e.id not in trigger
        ),
        groups=tuple(replace(g, members=tuple(trigger.get(m, m) for m in g.members)) for g in document.groups),
    )


def restrict(document: Document, schema: LabelSchema) -> tuple[Document, Counter[str]]:
    """Keep only what `schema` allows, and count by kind what was left out.

    Labels, attribute values, relation pairs, events and roles are judged; a relation or event goes with the entity
    it needs. Concept relations stay: no schema speaks of them. A group keeps its remaining members if two are left.
    """
    left: Counter[str] = Counter()
    relation_types = {r.name: r for r in schema.relations}
    event_types = {e.name: e for e in schema.events}

    entities = []
    for entity in document.entities:
        if entity.label not in schema.labels:
            left["entities"] += 1
            continue
        legal = tuple(
            a for a in entity.attributes if (kind := schema.attribute(a.name, entity.label)) and kind.allows(a.value)
        )
        left["attributes"] += len(entity.attributes) - len(legal)
        entities.append(entity if len(legal) == len(entity.attributes) else replace(entity, attributes=legal))
    label_of = {entity.id: entity.label for entity in entities}

    kept_events = [e for e in document.events if e.trigger in label_of and e.label in event_types]
    left["events"] += len(document.events) - len(kept_events)
    label_of.update((event.id, label_of[event.trigger]) for event in kept_events)
    events = []
    for event in kept_events:
        roles = {role.name: role.labels for role in event_types[event.label].roles}
        arguments = tuple(a for a in event.arguments if label_of.get(a.target) in roles.get(a.role, ()))
        left["arguments"] += len(event.arguments) - len(arguments)
        events.append(event if len(arguments) == len(event.arguments) else replace(event, arguments=arguments))

    relations = []
    for relation in document.relations:
        pairing = relation_types.get(relation.label)
        ends = (label_of.get(relation.head), label_of.get(relation.tail))
        if pairing and (
            (ends[0] in pairing.heads and ends[1] in pairing.tails)
            or (pairing.is_symmetric and ends[1] in pairing.heads and ends[0] in pairing.tails)
        ):
            relations.append(relation)
        else:
            left["relations"] += 1

    alive = set(label_of) | {relation.id for relation in relations}
    groups = []
    for group in document.groups:
        members = tuple(member for member in group.members if member in alive)
        if len(members) < 2:
            left["groups"] += 1
        else:
            groups.append(replace(group, members=members))
    restricted = replace(
        document,
        entities=tuple(entities),
        relations=tuple(relations),
        events=tuple(events),
        groups=tuple(groups),
    )
    return restricted, +left


def tune_split(
    documents: Sequence[Document], fraction: float = 0.1, salt: str = "medspan"
) -> tuple[list[Document], list[Document]]:
    """Cut `documents` into (train, tune) by a salted hash, so that the cut never depends on order or on neighbours.

    Documents of one `metadata["patient"]`, or else one `metadata["group"]`, stay together. Where the hash leaves
    the tuning part empty, the group nearest to the limit makes it up.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the tuning fraction must lie between 0 and 1, not {fraction}")
    keys = [str(d.metadata.get("patient") or d.metadata.get("group") or d.id) for d in documents]
    place = {key: int.from_bytes(sha256(f"{salt}:{key}".encode()).digest()[:8], "big") / 2**64 for key in keys}
    limit = fraction if len(place) < 2 else max(fraction, min(place.values()))
    train = [d for d, key in zip(documents, keys, strict=True) if place[key] > limit or len(place) < 2]
    tune = [d for d, key in zip(documents, keys, strict=True) if place[key] <= limit and len(place) > 1]
    return train, tune


@cache
def _annotated() -> frozenset[str]:
    source = files("medspan.corpora") / "catalog" / "no-adaptation.txt"
    return frozenset(source.read_text(encoding="utf-8").split())


def adaptable(documents: Sequence[Document]) -> list[Document]:
    """Leave out the ACI-Bench notes that are annotated: language-model adaptation must not read them."""
    return [document for document in documents if document.id not in _annotated()]
