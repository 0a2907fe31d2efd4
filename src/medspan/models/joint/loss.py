"""The loss of the joint model: the negative log-likelihood of everything a corpus annotates, per token.

Token edges, span labels, attribute values and links each contribute a sum of binary or categorical cross-entropies;
their total is divided by the tokens of the batch, so no weight between the parts has to be chosen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from medspan.formulations.mentions import Layout, SpanArray, candidate_spans, legal_pairs
from medspan.models.attributes import value_loss
from medspan.models.joint.network import JointModel
from medspan.models.joint.scorer import CANDIDATE_LOGIT
from medspan.models.objective import Criterion
from medspan.models.placing import as_array, as_tensor

__all__ = ["HeadBatch", "head_loss"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeadBatch:
    """Gold of a batch for one head set; only the rows that this head set is trained on.

    tokens: (n,) positions of the rows' tokens in the whole batch; row_of_token: (n,) ascending.
    spans: (spans, 3) first, last (positions among the n tokens, inclusive) and label; values: (spans, attributes) as in
    Targets; links: (links, 3) span, span, link label.
    is_annotated: (n,) whether the corpus speaks about a token.
    label_mask (rows, labels), attribute_mask (rows, attributes), link_mask (rows, links): what is annotated.
    """

    tokens: IntArray
    row_of_token: IntArray
    spans: IntArray
    values: IntArray
    links: IntArray
    is_annotated: BoolArray
    label_mask: BoolArray
    attribute_mask: BoolArray
    link_mask: BoolArray


def head_loss(
    model: JointModel,
    head: str,
    hidden: Tensor,
    batch: HeadBatch,
    rng: np.random.Generator,
    criterion: Criterion,
) -> dict[str, Tensor]:
    """Return the summed losses of one head set by part: edges, spans, values, links. `hidden`: (tokens, D).

    Groups of classes that a criterion may weigh: HEAD/labels and HEAD/links.
    """
    by_label, by_link = criterion.of(f"{head}/labels"), criterion.of(f"{head}/links")
    layout = model.layouts[head]
    h = hidden[as_tensor(batch.tokens, hidden)]
    scores = model.token_scores(head, h)
    parts = {"edges": _edge_loss(scores, batch, by_label)}
    first, last, span_targets = _candidates(scores, batch, layout, rng)
    logits = model.span_scores(head, h, scores, as_tensor(first, h), as_tensor(last, h))
    is_annotated = batch.is_annotated[first] & batch.is_annotated[last]
    mask = as_tensor(batch.label_mask[batch.row_of_token[first]] & is_annotated[:, None], h)
    parts["spans"] = by_label.binary(logits, as_tensor(span_targets, logits), mask)
    mention_first, mention_last, labels, gold = _mentions(
        as_array(logits), first, last, span_targets, as_array(mask), batch
    )
    if len(labels) == 0:
        return parts
    state = model.mention_states(h, as_tensor(mention_first, h), as_tensor(mention_last, h))
    if layout.attributes:
        values = as_tensor(_values(gold, mention_first, batch), state)
        parts["values"] = value_loss(layout, model.value_scores(head, state), values, criterion)
    if layout.links:
        pairs = legal_pairs(batch.row_of_token[mention_first], labels, layout)
        if len(pairs):
            spans = SpanArray(mention_first, mention_last)
            parts["links"] = _link_loss(model, head, h, state, spans, labels, gold, pairs, batch, by_link)
    return parts


def _edge_loss(scores: tuple[Tensor, Tensor, Tensor], batch: HeadBatch, criterion: Criterion) -> Tensor:
    first, last, label = batch.spans.T
    start, end = np.zeros(scores[0].shape, np.float32), np.zeros(scores[0].shape, np.float32)
    start[first, label] = 1.0
    end[last, label] = 1.0
    inside = np.zeros(scores[0].shape, np.float32)
    for a, b, c in batch.spans:
        inside[a : b + 1, c] = 1.0
    mask = as_tensor(batch.label_mask[batch.row_of_token] & batch.is_annotated[:, None], scores[0])
    targets = (as_tensor(target, scores[0]) for target in (start, end, inside))
    return sum(
        (criterion.binary(logits, target, mask) for logits, target in zip(scores, targets, strict=True)),
        start=scores[0].new_zeros(()),
    )


def _candidates(
    scores: tuple[Tensor, Tensor, Tensor], batch: HeadBatch, layout: Layout, rng: np.random.Generator
) -> tuple[IntArray, IntArray, npt.NDArray[np.float32]]:
    """Gold spans and the spans that serving would consider now, with their labels: (S,), (S,), (S, L)."""
    hidden_labels = ~batch.label_mask[batch.row_of_token]
    start, end = (np.where(hidden_labels, -np.inf, as_array(s)).astype(np.float32) for s in scores[:2])
    proposed = candidate_spans(start, end, batch.row_of_token, CANDIDATE_LOGIT)
    n = len(batch.row_of_token)
    gold_keys = batch.spans[:, 0] * n + batch.spans[:, 1]
    extra = np.setdiff1d(proposed.first * n + proposed.last, gold_keys)
    if len(extra) > n:  # early in training almost everything looks plausible
        extra = rng.choice(extra, n, replace=False)
    keys = np.union1d(gold_keys, extra)
    targets = np.zeros((len(keys), len(layout.labels)), np.float32)
    targets[np.searchsorted(keys, gold_keys), batch.spans[:, 2]] = 1.0
    return keys // n, keys % n, targets


def _mentions(
    logits: npt.NDArray[np.float32],
    first: IntArray,
    last: IntArray,
    targets: npt.NDArray[np.float32],
    mask: BoolArray,
    batch: HeadBatch,
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Gold mentions and the false ones that are believed now, sorted by position.

    Returns first, last, label and the number of the gold span (-1 for false ones), each (M,).
    """
    where, label = np.nonzero(((targets > 0) | (logits > 0)) & mask)
    n, n_labels = len(batch.row_of_token), targets.shape[1]
    gold_keys = (batch.spans[:, 0] * n + batch.spans[:, 1]) * n_labels + batch.spans[:, 2]
    keys = (first[where] * n + last[where]) * n_labels + label
    if len(gold_keys) == 0:
        return first[where], last[where], label, np.full(len(where), -1)
    order = np.argsort(gold_keys)
    at = np.minimum(np.searchsorted(gold_keys[order], keys), len(gold_keys) - 1)
    gold = np.where(gold_keys[order][at] == keys, order[at], -1)
    return first[where], last[where], label, gold


def _values(gold: IntArray, first: IntArray, batch: HeadBatch) -> IntArray:
    """Return the values of the mentions (M, attributes), -1 for false mentions and where the corpus does not say."""
    n_attributes = batch.attribute_mask.shape[1]
    values = np.full((len(gold), n_attributes), -1, dtype=np.int64)
    is_gold = gold >= 0
    values[is_gold] = batch.values[gold[is_gold]]
    values[~batch.attribute_mask[batch.row_of_token[first]]] = -1
    return values


def _link_loss(
    model: JointModel,
    head: str,
    h: Tensor,
    state: Tensor,
    spans: SpanArray,
    labels: IntArray,
    gold: IntArray,
    pairs: IntArray,
    batch: HeadBatch,
    criterion: Criterion,
) -> Tensor:
    layout = model.layouts[head]
    logits = model.link_scores(
        head,
        h,
        state,
        as_tensor(spans.first, h),
        as_tensor(spans.last, h),
        as_tensor(labels, h),
        as_tensor(pairs, h),
    )
    wanted = {(int(a), int(b), int(c)) for a, b, c in batch.links}
    by_pair: dict[tuple[int, int], list[int]] = {}
    for a, b, c in wanted:
        by_pair.setdefault((a, b), []).append(c)
    targets = np.zeros(tuple(logits.shape), np.float32)
    for number, (a, b) in enumerate(gold[pairs]):
        for column in by_pair.get((int(a), int(b)), ()):
            targets[number, column] = 1.0
    mask = layout.link_legal[labels[pairs[:, 0]], labels[pairs[:, 1]]]
    mask = mask & batch.link_mask[batch.row_of_token[spans.first[pairs[:, 0]]]]
    return criterion.binary(logits, as_tensor(targets, logits), as_tensor(mask, logits))
