"""How the spans of a row lie to the mention that its question is about."""

import numpy as np
import numpy.typing as npt

from medspan.formulations.joint import gap_features

__all__ = ["gap_codes"]

IntArray = npt.NDArray[np.int64]


def gap_codes(first: IntArray, last: IntArray, about_first: IntArray, about_last: IntArray) -> IntArray:
    """Return a code of order and distance for each span: (spans,); -1 where the question is about no mention.

    `about_first` and `about_last`: (spans,) the mention's tokens, -1 for none.
    """
    n = len(first)
    both_first, both_last = np.concatenate([about_first, first]), np.concatenate([about_last, last])
    code, _, _ = gap_features(both_first, both_last, np.arange(n), np.arange(n, 2 * n))
    return np.where(about_first < 0, -1, code)
