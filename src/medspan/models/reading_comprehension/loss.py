"""The loss of the reading comprehension model: binary cross-entropies of token edges and of candidate answers.

Candidates are the right answers, the wrong ones that serving would consider now, and all mentions that a link could
join; never all pairs of tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medspan.formulations.mentions import candidate_spans
from medspan.formulations.reading_comprehension import gap_codes
from medspan.models.attributes import value_loss
from medspan.models.objective import Criterion
from medspan.models.placing import as_array, as_tensor
from medspan.models.reading_comprehension.network import ReadingModel
from medspan.models.reading_comprehension.scorer import CANDIDATE_LOGIT

__all__ = ["ReadingGold", "reading_loss"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReadingGold:
    """Gold of a batch of rows, their windows' tokens laid end to end.

    row_of_token: (tokens,) ascending; is_annotated: (tokens,) whether the corpus speaks about a token.
    spans: (spans, 2) first and last token, both inclusive; is_answer, labels: (spans,) as in Answers.
    values: by head set, (its attributes' holders, 1 + attributes): span number, then values as in Targets.
    head_of_row: (rows,) name of its head set; asks: (rows,) the label or link asked for; about: (rows, 2) the tokens a
    question about a link is about, -1 for none.
    """

    row_of_token: IntArray
    is_annotated: BoolArray
    spans: IntArray
    is_answer: BoolArray
    labels: IntArray
    values: Mapping[str, IntArray]
    head_of_row: npt.NDArray[np.str_]
    asks: IntArray
    about: IntArray


def reading_loss(
    model: ReadingModel, h: Tensor, gold: ReadingGold, rng: np.random.Generator, criterion: Criterion
) -> dict[str, Tensor]:
    """Return the summed losses by part: edges, answers, links, values. `h`: (tokens, D).

    Groups of classes that a criterion may weigh: HEAD/labels and HEAD/links, by what a question asks for.
    """
    tokens = model.token_scores(h)
    weights = _row_weights(gold, criterion)
    first, last, labels, is_answer = _candidates(tokens, gold, rng)
    row = gold.row_of_token[first]
    gap = gap_codes(first, last, gold.about[row, 0], gold.about[row, 1])
    is_link = gold.about[row, 0] >= 0
    first_at, last_at = as_tensor(first, h), as_tensor(last, h)
    states = model.span_states(h, first_at, last_at, as_tensor(gap, h))
    logits = model.answer_scores(states, tokens, first_at, last_at)
    for head in np.unique(gold.head_of_row):
        mine = np.flatnonzero((labels >= 0) & (gold.head_of_row[row] == head))
        if len(mine):
            at = as_tensor(mine, h)
            logits = logits.index_add(0, at, model.tail_scores(str(head), states[at], as_tensor(labels[mine], h)))
    is_annotated = gold.is_annotated[first] & gold.is_annotated[last]
    by_span = criterion if weights is None else replace(criterion, weights=weights[row])
    targets = as_tensor(is_answer.astype(np.float32), h)
    return {
        "edges": _edge_loss(tokens, gold, criterion, weights),
        "answers": by_span.binary(logits, targets, as_tensor(is_annotated & ~is_link, h)),
        "links": by_span.binary(logits, targets, as_tensor(is_annotated & is_link, h)),
        "values": _value_loss(model, states, gold, criterion),
    }


def _row_weights(gold: ReadingGold, criterion: Criterion) -> Tensor | None:
    """What a right answer weighs in each row, (rows,); None where the criterion weighs no classes."""
    if not criterion.groups:
        return None
    found = torch.ones(len(gold.asks))
    for row, (head, asked, about) in enumerate(zip(gold.head_of_row, gold.asks, gold.about[:, 0], strict=True)):
        weights = criterion.of(f"{head}/{'labels' if about < 0 else 'links'}").weights
        if weights is not None:
            found[row] = weights[int(asked)]
    return found


def _edge_loss(tokens: Tensor, gold: ReadingGold, criterion: Criterion, weights: Tensor | None) -> Tensor:
    targets = np.zeros(tuple(tokens.shape), np.float32)
    for first, last in gold.spans[gold.is_answer]:
        targets[first, 0] = targets[last, 1] = 1.0
        targets[first : last + 1, 2] = 1.0
    mask = np.broadcast_to(gold.is_annotated[:, None], targets.shape)
    if weights is not None:
        criterion = replace(criterion, weights=weights[gold.row_of_token].unsqueeze(1))
    return criterion.binary(tokens, as_tensor(targets, tokens), as_tensor(mask, tokens))


def _candidates(
    tokens: Tensor, gold: ReadingGold, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray, BoolArray]:
    """Gold spans, in their order, then the wrong ones that serving would consider: first, last, label, is answer."""
    scores = as_array(tokens.float())
    proposed = candidate_spans(scores[:, :1], scores[:, 1:2], gold.row_of_token, CANDIDATE_LOGIT)
    n = len(gold.row_of_token)
    known = gold.spans[:, 0] * n + gold.spans[:, 1]
    extra = np.setdiff1d(proposed.first * n + proposed.last, known)
    if len(extra) > n:  # early in training almost everything looks plausible
        extra = rng.choice(extra, n, replace=False)
    keys = np.concatenate([known, extra])
    labels = np.concatenate([gold.labels, np.full(len(extra), -1)])
    is_answer = np.concatenate([gold.is_answer, np.zeros(len(extra), bool)])
    return keys // n, keys % n, labels, is_answer


def _value_loss(model: ReadingModel, states: Tensor, gold: ReadingGold, criterion: Criterion) -> Tensor:
    """Gold spans are the first candidates, so their numbers are those of their states."""
    total = states.new_zeros(())
    for head, table in gold.values.items():
        logits = model.value_scores(head, states[as_tensor(table[:, 0], states)])
        total = total + value_loss(model.layouts[head], logits, as_tensor(table[:, 1:], states), criterion)
    return total
