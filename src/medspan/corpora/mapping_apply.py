"""Carry a document from one schema to another by the rules of a mapping."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medspan.annotation import Attribute, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.corpora.mapping_rules import AttributeRule, EntityRule, Join, PairRule
from medspan.errors import AnnotationError

__all__ = ["Rules", "carry"]

# Far enough for a few words of severity and side; keeps the search off long texts.
_EXTEND_REACH = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one mapping by source name. An event label maps to pair rules, to an event label, or to None."""

    entities: Mapping[str, tuple[EntityRule, ...]]
    attributes: Mapping[str, AttributeRule | None]
    relations: Mapping[str, tuple[PairRule, ...]]
    events: Mapping[str, tuple[PairRule, ...] | str]


@dataclass(slots=True)
class _Carried:
    """What grows while a document is carried over."""

    entities: list[Entity] = field(default_factory=list)
    pieces: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    masked: list[Span] = field(default_factory=list)


def carry(document: Document, rules: Rules, target: LabelSchema) -> Document:
    """Return `document` in the target schema; text and metadata stay, masked ranges join the metadata.

    Entities that end up with the same label and fragments are merged. Groups and concept relations are left out.
    """
    source = _unwrapped(document, rules)
    links = _links(source)
    carried = _Carried()
    for entity in source.entities:
        _carry_entity(source, entity, rules, links, carried)
    legal_attributes = {a.name: a.labels for a in target.attributes}
    attributes_of = {source_id: _attributes(source.by_id[source_id], rules.attributes) for source_id in carried.pieces}
    owner = {piece: source_id for source_id, pieces in carried.pieces.items() for piece in pieces}
    entities, kept = _merge(
        replace(
            entity,
            attributes=tuple(a for a in attributes_of[owner[entity.id]] if entity.label in legal_attributes[a.name]),
        )
        for entity in carried.entities
    )
    pieces = {key: [kept[piece] for piece in value] for key, value in carried.pieces.items()}
    label_of = {e.id: e.label for e in entities}
    pairs = [*_from_relations(source, rules), *_from_events(source, rules)]
    metadata = dict(source.metadata)
    if carried.masked:
        metadata["unannotated"] = [[span.start, span.end] for span in sorted(set(carried.masked))]
    return Document(
        source.id,
        source.text,
        entities=tuple(entities),
        relations=_relations(pairs, pieces, label_of, target),
        events=tuple(_events(source, rules, pieces)),
        metadata=metadata,
    )


def _unwrapped(document: Document, rules: Rules) -> Document:
    """Let relations and attributes of events that are mere wrappers of their trigger sit on the trigger itself."""
    trigger = {event.id: event.trigger for event in document.events}
    if not trigger:
        return document
    wrappers = [event for event in document.events if event.label not in rules.events]
    for event in wrappers:
        if event.arguments:
            raise AnnotationError(
                f"document {document.id!r}: event {event.id} is a {event.label!r}, which the mapping's source schema "
                "does not declare; map the document with the mapping of its own corpus"
            )
    more: dict[str, tuple[Attribute, ...]] = defaultdict(tuple)
    for event in wrappers:
        more[event.trigger] += event.attributes
    return replace(
        document,
        entities=tuple(
            replace(e, attributes=e.attributes + more[e.id]) if e.id in more else e for e in document.entities
        ),
        relations=tuple(
            replace(r, head=trigger.get(r.head, r.head), tail=trigger.get(r.tail, r.tail)) for r in document.relations
        ),
        events=tuple(
            replace(e, arguments=tuple(replace(a, target=trigger.get(a.target, a.target)) for a in e.arguments))
            for e in document.events
            if e.label in rules.events
        ),
        groups=(),
    )


def _links(document: Document) -> dict[str, list[tuple[str, Entity]]]:
    """Give for each entity id the relation labels and entities it is linked with, in either direction."""
    links: dict[str, list[tuple[str, Entity]]] = defaultdict(list)
    for relation in document.relations:
        links[relation.head].append((relation.label, document.by_id[relation.tail]))
        links[relation.tail].append((relation.label, document.by_id[relation.head]))
    return links


def _carry_entity(
    document: Document,
    entity: Entity,
    rules: Rules,
    links: Mapping[str, Sequence[tuple[str, Entity]]],
    carried: _Carried,
) -> None:
    linked = links.get(entity.id, ())
    for rule in rules.entities.get(entity.label, ()):
        found = rule.match.fullmatch(document.mention(entity)) if rule.match else None
        if rule.match and not found:
            continue
        if rule.linked and not any(other.label in rule.linked for _, other in linked):
            continue
        groups = rule.match.groupindex if rule.match else {}
        if groups and len(entity.fragments) > 1:
            continue  # a group's place in the joined words is no place in the text
        if rule.is_masked:
            carried.masked.append(entity.span)
        if found and groups:
            spans = [(name, found.span(name)) for name in groups if found.span(name)[0] < found.span(name)[1]]
            for name, (start, end) in sorted(spans, key=lambda item: item[1]):
                piece = replace(
                    entity,
                    id=entity.id if len(spans) == 1 else f"{entity.id}.{name}",
                    label=name,
                    fragments=(Span(entity.start + start, entity.start + end),),
                )
                carried.entities.append(piece)
                carried.pieces[entity.id].append(piece.id)
        elif rule.target:
            span = _grown(document.text, entity, rule, linked)
            fragments = (span,) if len(entity.fragments) == 1 else entity.fragments
            carried.entities.append(replace(entity, label=rule.target, fragments=fragments))
            carried.pieces[entity.id].append(entity.id)
        return


def _grown(text: str, entity: Entity, rule: EntityRule, linked: Iterable[tuple[str, Entity]]) -> Span:
    """Return the mention's span with the neighbours that `join` and `extend` add."""
    span = entity.span
    if rule.join:
        near = [
            other
            for label, other in linked
            if label == rule.join.by
            and len(other.fragments) == 1
            and not (rule.join.unless and rule.join.unless.fullmatch(text[other.start : other.end]))
        ]
        span = _joined(text, span, near, rule.join)
    if rule.extend:
        reach = max(0, span.start - _EXTEND_REACH)
        # Only a match that ends where the mention begins counts, and it must begin at a word's edge.
        found = re.search(rf"(?<!\w)(?:{rule.extend.pattern})\Z", text[reach : span.start], re.IGNORECASE)
        if found and found.group():
            span = Span(reach + found.start(), span.end)
    return span


def _joined(text: str, span: Span, near: list[Entity], join: Join) -> Span:
    grew = True
    while grew:
        grew = False
        for other in near:
            if other.label in join.before and other.end <= span.start:
                if join.gap_before.fullmatch(text, other.end, span.start):
                    span, grew = Span(other.start, span.end), True
            elif (
                other.label in join.after
                and other.start >= span.end
                and join.gap_after.fullmatch(text, span.end, other.start)
            ):
                span, grew = Span(span.start, other.end), True
    return span


def _attributes(entity: Entity, rules: Mapping[str, AttributeRule | None]) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    for name, rule in rules.items():
        if rule is None:
            continue
        value = entity.attribute(name)
        new = rule.default if value is None else dict(rule.values)[value]
        if new is not None:
            found.append(Attribute(rule.target, new))
    return tuple(found)


def _merge(entities: Iterable[Entity]) -> tuple[list[Entity], dict[str, str]]:
    """Keep one of several entities with the same label and fragments; also tell which id stands for which."""
    first: dict[tuple[str, tuple[Span, ...]], Entity] = {}
    kept: dict[str, str] = {}
    for entity in entities:
        kept[entity.id] = first.setdefault((entity.label, entity.fragments), entity).id
    return list(first.values()), kept


def _from_relations(document: Document, rules: Rules) -> Iterable[tuple[str, str, str, tuple[str, ...]]]:
    """Yield (id, head, tail, target labels) for the pairs that source relations give."""
    label_of = {e.id: e.label for e in document.entities}
    for relation in document.relations:
        for rule in rules.relations.get(relation.label, ()):
            head, tail = relation.head, relation.tail
            if rule.is_flipped:
                head, tail = tail, head
            if _fits(label_of[head], rule.heads) and _fits(label_of[tail], rule.tails):
                yield relation.id, head, tail, rule.targets
                break


def _fits(label: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or label in allowed


def _from_events(document: Document, rules: Rules) -> Iterable[tuple[str, str, str, tuple[str, ...]]]:
    """Yield (id, head, tail, target labels) for the pairs of arguments that events give."""
    for event in document.events:
        event_rules = rules.events.get(event.label, ())
        if isinstance(event_rules, str):
            continue
        told = {a.role for a in event.arguments} | {a.name for a in event.attributes}
        for rule in event_rules:
            if told.intersection(rule.unless):
                continue
            heads = [document.by_id[a.target] for a in event.arguments if a.role in rule.heads]
            tails = [document.by_id[a.target] for a in event.arguments if a.role in rule.tails]
            for head in heads:
                # A drug named inside a disorder's mention is neither given for it nor dosed there.
                apart = [tail for tail in tails if not head.span.overlaps(tail.span)]
                if rule.nearest and apart:
                    apart = [min(apart, key=lambda tail: _distance(head.span, tail.span))]
                for tail in apart:
                    yield event.id, head.id, tail.id, rule.targets


def _distance(a: Span, b: Span) -> int:
    return max(a.start, b.start) - min(a.end, b.end)


def _relations(
    pairs: Iterable[tuple[str, str, str, tuple[str, ...]]],
    pieces: Mapping[str, list[str]],
    label_of: Mapping[str, str],
    target: LabelSchema,
) -> tuple[Relation, ...]:
    legal = {r.name: r for r in target.relations}
    found: dict[tuple[str, str, str], str] = {}
    for source_id, head, tail, labels in pairs:
        for new_head in pieces.get(head, ()):
            for new_tail in pieces.get(tail, ()):
                for label in labels:
                    kind = legal[label]
                    if label_of[new_head] in kind.heads and label_of[new_tail] in kind.tails:
                        found.setdefault((label, new_head, new_tail), source_id)
                        break
    used: dict[str, int] = defaultdict(int)
    relations = []
    for (label, head, tail), source_id in found.items():
        used[source_id] += 1
        number = used[source_id]
        name = source_id if source_id.startswith("R") and number == 1 else f"{source_id}.R{number}"
        relations.append(Relation(name, label, head, tail))
    return tuple(relations)


def _events(document: Document, rules: Rules, pieces: Mapping[str, list[str]]) -> Iterable[Event]:
    """Yield the events that keep their form; arguments whose filler has no counterpart are left out."""
    for event in document.events:
        label = rules.events.get(event.label)
        if not isinstance(label, str) or not pieces.get(event.trigger):
            continue
        yield replace(
            event,
            label=label,
            trigger=pieces[event.trigger][0],
            arguments=tuple(replace(a, target=pieces[a.target][0]) for a in event.arguments if pieces.get(a.target)),
        )
