"""Spans over a batch of rows laid end to end, as arrays: which are worth scoring."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_WIDTH", "SPARE_MENTIONS", "SpanArray", "best_of_row", "candidate_spans"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

MAX_WIDTH = 48
"""Longest span in tokens. Longer gold mentions are counted in the ceiling."""


SPARE_MENTIONS = 8
"""A row of T tokens has at most T + 8 mentions, the best-scored, whatever the formulation.

Trained models stay far below; a model that believes everything must not exhaust memory.
"""

NEAREST_ENDS = 5
"""How many possible ends are tried for each possible start of a label."""


@dataclass(frozen=True, slots=True)
class SpanArray:
    """Spans as arrays of shape (spans,): first and last token, both inclusive, as positions in the flat batch."""

    first: IntArray
    last: IntArray

    def __len__(self) -> int:
        return len(self.first)


def candidate_spans(
    start: FloatArray, end: FloatArray, row_of_token: IntArray, threshold: float, max_width: int = MAX_WIDTH
) -> SpanArray:
    """Pair plausible starts with plausible ends of the same label and row.

    `start` and `end` are logits of shape (tokens, labels); `threshold` is a logit. Each start is paired with its
    nearest ends only, so the work is linear in the tokens. The same span proposed by several labels comes back once.
    """
    n_tokens = len(start)
    starts_label, starts_at = np.nonzero(threshold < start.T)
    ends_label, ends_at = np.nonzero(threshold < end.T)
    if len(starts_at) == 0 or len(ends_at) == 0:
        empty = np.zeros(0, dtype=np.int64)
        return SpanArray(empty, empty)
    end_keys = ends_label * n_tokens + ends_at
    nearest = np.searchsorted(end_keys, starts_label * n_tokens + starts_at)
    picks = nearest[:, None] + np.arange(NEAREST_ENDS)  # (starts, ends tried)
    is_real = picks < len(end_keys)
    picks = np.minimum(picks, len(end_keys) - 1)
    last = ends_at[picks]
    first = np.broadcast_to(starts_at[:, None], last.shape)
    is_real &= ends_label[picks] == starts_label[:, None]
    is_real &= row_of_token[last] == row_of_token[first]
    is_real &= (last >= first) & (last - first < max_width)
    keys = np.unique(first[is_real] * n_tokens + last[is_real])
    return SpanArray(keys // n_tokens, keys % n_tokens)


def best_of_row(row: IntArray, score: FloatArray, most: IntArray) -> BoolArray:
    """Mark the best-scored items of each row: (items,) True for at most `most[row]` of them; of equals, the first.

    row: (items,) ascending; score: (items,); most: (rows,).
    """
    order = np.lexsort((-score, row))
    rank = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    keep: BoolArray = np.zeros(len(row), dtype=bool)
    keep[order] = rank < most[row]
    return keep
