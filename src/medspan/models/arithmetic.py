"""The few layers that heads are made of, in numpy, as they are served: without torch.

Sums over token ranges run in double precision, so that the scores of a row do not depend on the rows around it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["RangeMeans", "linear", "sigmoid", "silu"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


def linear(weights: Mapping[str, FloatArray], name: str, x: FloatArray) -> FloatArray:
    """Apply the layer whose weights are called `name.weight` (out, in) and, where there is one, `name.bias`."""
    y = x @ weights[f"{name}.weight"].T
    bias = weights.get(f"{name}.bias")
    return y if bias is None else y + bias


def sigmoid(x: FloatArray) -> FloatArray:
    """Return the logistic function, without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))), dtype=np.float32)


def silu(x: FloatArray) -> FloatArray:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


class RangeMeans:
    """Means over token ranges of one array, from running sums in double precision."""

    def __init__(self, values: FloatArray) -> None:
        self._sums = np.zeros((len(values) + 1, values.shape[1]), dtype=np.float64)
        np.cumsum(values, axis=0, dtype=np.float64, out=self._sums[1:])

    def __call__(self, first: IntArray, past: IntArray) -> FloatArray:
        """Return the mean of rows [first, past): (ranges, columns); zero where empty."""
        width = np.maximum(past - first, 1)[:, None]
        return np.asarray((self._sums[past] - self._sums[first]) / width, dtype=np.float32)
