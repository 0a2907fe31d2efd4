"""How wide a span is and how two mentions lie, as numbers a model can embed."""

import numpy as np
import numpy.typing as npt

__all__ = ["N_BUCKETS", "gap_features", "width_bucket"]

IntArray = npt.NDArray[np.int64]

N_BUCKETS = 12
"""Kinds of width or distance told apart."""


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
