"""What the joint model says about a batch of rows, before it becomes annotation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.formulations.joint.spans import SpanArray

__all__ = ["HeadOutputs"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HeadOutputs:
    """Scored mentions and links of one head set over rows laid end to end.

    spans: mentions found, one a label: `spans` (mentions), `labels` (mentions,), `scores` (mentions,) probabilities.
    values: (mentions, attribute columns) logits.
    pairs: (pairs, 2) mentions of the same row, legal for at least one link; `link_scores`: (pairs, links)
    probabilities, 0 where illegal.
    """

    spans: SpanArray
    labels: IntArray
    scores: FloatArray
    values: FloatArray
    pairs: IntArray
    link_scores: FloatArray
