"""What of a window's gold does not come back from its targets, by reason."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from medspan.annotation import Attribute, Document, Entity
from medspan.formulations.mentions.fragments import linked_groups
from medspan.formulations.mentions.layout import FRAGMENT, Layout
from medspan.formulations.tokens import Tokens

__all__ = ["count_lost"]

_Triple = tuple[int, int, int]


def count_lost(
    document: Document,
    tokens: Tokens,
    layout: Layout,
    spans: Sequence[_Triple],
    links: Collection[_Triple],
    spans_of: Mapping[str, Sequence[int]],
) -> Counter[str]:
    """Count the mentions, attributes, links and events of a window that `decode` cannot give back, by reason.

    `spans` and `links` are those of Targets, `spans_of` the span numbers of each entity that has a target. All
    that does not come back is counted once; links of a mention that does not come back are lost as well.
    """
    lost: Counter[str] = Counter()
    gold = _Mentions(tokens, layout, spans, links, spans_of)
    gone: set[str] = set()
    for entity in document.entities:
        reason = gold.reason(entity)
        if reason:
            lost[reason] += 1
            gone.add(entity.id)
            continue
        if gold.is_repeated(entity):  # links of the second hang on the first
            lost["exact duplicate"] += 1
        lost["attribute not in schema"] += sum(not _is_held(a, entity, layout) for a in entity.attributes)
    seen: set[_Triple] = set()

    def judge(head: str, tail: str, name: str) -> None:
        column = layout.link_index.get(name)
        if column is None:
            lost["link not in schema"] += 1
        elif head not in spans_of or tail not in spans_of or head in gone or tail in gone:
            lost["link to a lost mention"] += 1
        else:
            triple = (spans_of[head][0], spans_of[tail][0], column)
            if triple not in links:
                lost["illegal link"] += 1
            elif triple in seen or (layout.symmetric_links[column] and (triple[1], triple[0], column) in seen):
                lost["repeated link"] += 1
            seen.add(triple)

    for relation in document.relations:
        judge(relation.head, relation.tail, relation.label)
    label_of = {entity.id: entity.label for entity in document.entities}
    triggers: set[str] = set()
    for event in document.events:
        if layout.event_of_trigger.get(label_of[event.trigger]) != event.label:
            lost["event not in schema"] += 1
        elif event.trigger in gone:
            lost["event of a lost mention"] += 1
        elif event.trigger in triggers:
            lost["second event on one trigger"] += 1
        triggers.add(event.trigger)
        lost["attribute of an event"] += len(event.attributes)
        for argument in event.arguments:
            judge(event.trigger, argument.target, f"role:{argument.role}")
    return +lost


def _is_held(attribute: Attribute, entity: Entity, layout: Layout) -> bool:
    kind = layout.schema.attribute(attribute.name, entity.label)
    return kind is not None and attribute.value in kind.values


class _Mentions:
    """Which entities come back from spans and links."""

    def __init__(
        self,
        tokens: Tokens,
        layout: Layout,
        spans: Sequence[_Triple],
        links: Collection[_Triple],
        spans_of: Mapping[str, Sequence[int]],
    ) -> None:
        self._tokens = tokens
        self._layout = layout
        self._spans = spans
        self._spans_of = spans_of
        names = layout.links
        groups = linked_groups((head, tail) for head, tail, column in links if names[column] == FRAGMENT)
        self._wholes = {frozenset(group) for group in groups if self._are_apart(group)}
        self._joined = frozenset().union(*self._wholes)
        self._arguments = {tail for _, tail, column in links if names[column].startswith("role:")}
        self._seen: set[tuple[int, ...]] = set()

    def reason(self, entity: Entity) -> str:
        """Return why an entity does not come back, or nothing."""
        if entity.label not in self._layout.label_index:
            return "label not in schema"
        numbers = self._spans_of.get(entity.id)
        if numbers is None:
            return "mention without tokens or too wide"
        if any(self._characters(n) != (f.start, f.end) for n, f in zip(numbers, entity.fragments, strict=True)):
            return "edge inside a word piece"
        if len(numbers) > 1 and FRAGMENT not in self._layout.link_index:
            return "discontinuous mention"
        if len(numbers) > 1 and frozenset(numbers) not in self._wholes:
            return "fragments of several mentions joined"
        if len(numbers) == 1 and numbers[0] in self._joined:
            return "mention that is also a fragment"
        if entity.label in self._layout.argument_labels and numbers[0] not in self._arguments:
            return "argument without an event"
        return ""

    def is_repeated(self, entity: Entity) -> bool:
        """Say whether an earlier entity has the same label and fragments."""
        numbers = tuple(self._spans_of[entity.id])
        is_known = numbers in self._seen
        self._seen.add(numbers)
        return is_known

    def _characters(self, number: int) -> tuple[int, int]:
        first, last, _ = self._spans[number]
        return int(self._tokens.starts[first]), int(self._tokens.ends[last])

    def _are_apart(self, group: Sequence[int]) -> bool:
        ordered = sorted(self._characters(number) for number in group)
        return all(left[1] <= right[0] for left, right in pairwise(ordered))
