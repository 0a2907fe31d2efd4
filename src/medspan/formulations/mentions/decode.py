"""Scored mentions and links to documents: the counterpart of `encode`."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.formulations.mentions.fragments import linked_groups
from medspan.formulations.mentions.layout import FRAGMENT, Layout
from medspan.formulations.mentions.outputs import Outputs
from medspan.formulations.mentions.spans import SpanArray
from medspan.formulations.tokens import Tokens

__all__ = ["Thresholds", "decode", "legal_pairs", "resolve"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Thresholds:
    """Least probability for each entity label and link label to be given; fitted on `tune`."""

    labels: Mapping[str, float] = field(default_factory=dict)
    links: Mapping[str, float] = field(default_factory=dict)
    default: float = 0.5

    def for_labels(self, layout: Layout) -> npt.NDArray[np.float32]:
        """Thresholds in column order: (labels,)."""
        return np.array([self.labels.get(name, self.default) for name in layout.labels], dtype=np.float32)

    def for_links(self, layout: Layout) -> npt.NDArray[np.float32]:
        """Thresholds in column order: (links,)."""
        return np.array([self.links.get(name, self.default) for name in layout.links], dtype=np.float32)


def resolve(spans: SpanArray, labels: IntArray, scores: npt.NDArray[np.float32]) -> BoolArray:
    """Settle overlaps between mentions of one label: (mentions,) True for those kept.

    Scores are probabilities of "this is a gold mention", so two that both exceed one half are both believed, nested or
    not. Below one half, a mention gives way to a better one of its label that overlaps it.
    """
    keep: BoolArray = np.ones(len(labels), dtype=bool)
    doubtful = np.flatnonzero(scores < 0.5)
    if len(doubtful) == 0:
        return keep
    by_label: dict[int, list[int]] = defaultdict(list)
    for mention in np.lexsort((spans.first, -scores)):
        by_label[int(labels[mention])].append(int(mention))
    for mentions in by_label.values():
        chosen_first: list[int] = []
        chosen_last: list[int] = []
        for mention in mentions:  # best first
            first, last = int(spans.first[mention]), int(spans.last[mention])
            if scores[mention] < 0.5 and chosen_first:
                overlaps = (np.array(chosen_first) <= last) & (np.array(chosen_last) >= first)
                if overlaps.any():
                    keep[mention] = False
                    continue
            chosen_first.append(first)
            chosen_last.append(last)
    return keep


def legal_pairs(row_of_mention: IntArray, labels: IntArray, layout: Layout) -> IntArray:
    """All ordered pairs of mentions in one row that some link may join: (pairs, 2). Mentions are sorted by row."""
    if len(labels) < 2 or not layout.links:
        return np.zeros((0, 2), dtype=np.int64)
    allowed: BoolArray = np.any(layout.link_legal, axis=2)
    first_of_row = np.searchsorted(row_of_mention, row_of_mention, side="left")
    past_row = np.searchsorted(row_of_mention, row_of_mention, side="right")
    counts = past_row - first_of_row
    heads = np.repeat(np.arange(len(labels)), counts)
    within = np.arange(len(heads)) - np.repeat(np.cumsum(counts) - counts, counts)
    tails = np.repeat(first_of_row, counts) + within
    keep = np.logical_and(heads != tails, allowed[labels[heads], labels[tails]])
    return np.stack([heads[keep], tails[keep]], axis=1).astype(np.int64)


def decode(
    documents: Sequence[Document],
    tokens: Sequence[Tokens],
    outputs: Outputs,
    layout: Layout,
    thresholds: Thresholds,
    lone_arguments: bool = False,
) -> list[Document]:
    """Write the outputs of a batch as annotation on its windows, in order.

    Mentions come in text order. Fragments are joined where every two of them are linked; a fragment that stands alone
    remains a mention. Each trigger gives one event. An argument without an event is left out, since its label has no
    meaning alone, unless `lone_arguments` are asked for.
    """
    offsets = np.cumsum([0, *(len(t) for t in tokens)])
    row_of = np.searchsorted(offsets, outputs.spans.first, side="right") - 1
    mention_bounds = np.searchsorted(row_of, np.arange(len(documents) + 1))
    pair_rows = row_of[outputs.pairs[:, 0]] if len(outputs.pairs) else np.zeros(0, dtype=np.int64)
    pair_bounds = np.searchsorted(pair_rows, np.arange(len(documents) + 1))
    only_arguments = frozenset[str]() if lone_arguments else layout.argument_labels
    values = _best_values(outputs, layout)
    link_hits: list[BoolArray] = []
    if layout.links:
        # Illegal links score 0, and stay out whatever the thresholds.
        hits: BoolArray = (outputs.link_scores >= thresholds.for_links(layout)) & (outputs.link_scores > 0)
        link_hits = np.split(hits, pair_bounds[1:-1])
    found = []
    for row, document in enumerate(documents):
        mentions = range(int(mention_bounds[row]), int(mention_bounds[row + 1]))
        links: list[tuple[int, int, str, float]] = []
        if link_hits:
            first_pair = int(pair_bounds[row])
            for pair, column in zip(*np.nonzero(link_hits[row]), strict=True):
                head, tail = outputs.pairs[first_pair + pair]
                score = float(outputs.link_scores[first_pair + pair, column])
                links.append((int(head), int(tail), layout.links[column], score))
        found.append(
            _document(
                document, tokens[row], int(offsets[row]), mentions, links, outputs, values, layout, only_arguments
            )
        )
    return found


def _best_values(outputs: Outputs, layout: Layout) -> list[list[tuple[str, str, float]]]:
    """The chosen (name, value, probability) of each mention's attributes."""
    chosen: list[list[tuple[str, str, float]]] = [[] for _ in range(len(outputs.labels))]
    for number, (attribute, columns) in enumerate(zip(layout.attributes, layout.attribute_columns, strict=True)):
        carriers = np.flatnonzero(layout.attribute_legal[number, outputs.labels])
        if len(carriers) == 0:
            continue
        logits = outputs.values[carriers, columns].astype(np.float64)
        if not attribute.is_optional:
            logits[:, 0] = -np.inf
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        best = weights.argmax(axis=1)
        for mention, value, weight in zip(carriers, best, weights[np.arange(len(best)), best], strict=True):
            if value > 0:
                chosen[mention].append((attribute.name, attribute.values[value - 1], round(float(weight), 4)))
    return chosen


def _document(
    document: Document,
    tokens: Tokens,
    offset: int,
    mentions: range,
    links: list[tuple[int, int, str, float]],
    outputs: Outputs,
    values: list[list[tuple[str, str, float]]],
    layout: Layout,
    only_arguments: frozenset[str],
) -> Document:
    def fragment(mention: int) -> Span:
        first, last = int(outputs.spans.first[mention]) - offset, int(outputs.spans.last[mention]) - offset
        return Span(int(tokens.starts[first]), int(tokens.ends[last]))

    drafts = _drafts(mentions, links, outputs.labels, fragment)
    arguments_of: dict[int, list[tuple[str, int, float]]] = defaultdict(list)
    is_argument: set[int] = set()
    for head, tail, name, score in links:
        if name.startswith("role:"):
            arguments_of[head].append((name.removeprefix("role:"), tail, score))
            is_argument.add(tail)
    drafts = [
        draft
        for draft in drafts
        if layout.labels[int(outputs.labels[draft[1]])] not in only_arguments or draft[1] in is_argument
    ]
    entities = tuple(
        Entity(
            id=f"T{number}",
            label=layout.labels[int(outputs.labels[mention])],
            fragments=fragments,
            attributes=tuple(Attribute(*value) for value in values[mention]),
            score=round(float(outputs.scores[mention]), 4),
        )
        for number, (fragments, mention) in enumerate(drafts, start=1)
    )
    # Mentions that share their first fragment share its links: what is said of "left arm and leg" is said of both.
    ids_of: dict[int, list[str]] = defaultdict(list)
    for entity, (_, mention) in zip(entities, drafts, strict=True):
        ids_of[mention].append(entity.id)
    relations: list[Relation] = []
    for head, tail, name, score in links:
        column = layout.link_index[name]
        if name == FRAGMENT or name.startswith("role:") or (layout.symmetric_links[column] and head > tail):
            continue
        for head_id, tail_id in product(ids_of.get(head, ()), ids_of.get(tail, ())):
            relations.append(Relation(f"R{len(relations) + 1}", name, head_id, tail_id, round(score, 4)))
    events: list[Event] = []
    for entity, (_, mention) in zip(entities, drafts, strict=True):
        event = layout.event_of_trigger.get(entity.label)
        if event is not None:
            arguments = tuple(
                Argument(role, target, round(score, 4))
                for role, tail, score in arguments_of.get(mention, ())
                for target in ids_of.get(tail, ())
            )
            events.append(Event(f"E{len(events) + 1}", event, entity.id, arguments, score=entity.score))
    return Document(document.id, document.text, entities, tuple(relations), tuple(events), metadata=document.metadata)


def _drafts(
    mentions: range,
    links: Sequence[tuple[int, int, str, float]],
    labels: IntArray,
    fragment: Callable[[int], Span],
) -> list[tuple[tuple[Span, ...], int]]:
    """Join linked fragments: the fragments of each entity with the mention that stands for it, in text order.

    The first fragment stands for the entity, as in `encode`. A lone mention is a set of one. Fragments that overlap
    cannot be one mention and stay apart.
    """
    groups = linked_groups((head, tail) for head, tail, name, _ in links if name == FRAGMENT)
    joined = {mention for group in groups for mention in group}
    groups.extend([mention] for mention in mentions if mention not in joined)
    drafts: dict[tuple[tuple[Span, ...], int], int] = {}
    for group in groups:
        label = int(labels[group[0]])
        fragments = tuple(sorted(fragment(mention) for mention in group))
        if all(left.end <= right.start for left, right in pairwise(fragments)):
            drafts.setdefault((fragments, label), group[0])
        else:
            for mention in group:
                drafts.setdefault(((fragment(mention),), label), mention)
    ordered = sorted(drafts.items(), key=lambda item: (item[0][0][0].start, item[0][0][-1].end, item[0][1], item[0][0]))
    return [(fragments, mention) for (fragments, _), mention in ordered]
