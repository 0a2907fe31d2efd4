"""Spans over a batch of rows laid end to end: which are worth scoring, and how they are written down."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_WIDTH", "N_BUCKETS", "SpanArray", "best_of_row", "candidate_spans", "gap_features", "width_bucket"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

MAX_WIDTH = 48
"""Longest span in tokens. Longer gold mentions are counted in the ceiling."""

N_BUCKETS = 12
"""Kinds of width or distance told apart."""

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


def width_bucket(width: IntArray) -> IntArray:
    """Map a width or distance in tokens (>= 0) to one of 12 buckets: exact up to 6, then by powers of two."""
    coarse = 4 + np.floor(np.log2(np.maximum(width, 1))).astype(np.int64)
    return np.minimum(np.where(width <= 6, width, np.maximum(coarse, 6)), N_BUCKETS - 1).astype(np.int64)


def gap_features(
    first: IntArray, last: IntArray, heads: IntArray, tails: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Describe how two mentions lie: a code of order and distance (36 kinds), and the range of tokens between them.

    Returns code, between_first, between_past, each of shape (pairs,); the range is empty where they touch or overlap.
    """
    is_before = last[heads] < first[tails]
    is_after = last[tails] < first[heads]
    between_first = np.where(is_before, last[heads] + 1, np.where(is_after, last[tails] + 1, 0))
    between_past = np.where(is_before, first[tails], np.where(is_after, first[heads], 0))
    order = np.where(is_before, 0, np.where(is_after, 1, 2))
    return order * N_BUCKETS + width_bucket(between_past - between_first), between_first, between_past
