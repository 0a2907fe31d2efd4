"""The pair classifier in numpy, as it is served; names and formulas are those of `network.py`."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.mentions import Layout
from medspan.models.arithmetic import linear, silu

__all__ = ["SCHEMES", "PairScorer"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

SCHEMES: Mapping[str, tuple[int, ...]] = {
    "cls": (0,),
    "cls_starts": (0, 1, 3),
    "cls_markers": (0, 1, 2, 3, 4),
    "starts": (1, 3),
}
"""Which of a pair's places are read: first token, head's start and end marker, tail's start and end marker."""


class PairScorer:
    """The layers above the encoder, for any number of head sets.

    Raises CheckpointError where the weights of a head set are missing or belong to another schema.
    """

    def __init__(self, weights: Mapping[str, FloatArray], layouts: Mapping[str, Layout], scheme: str) -> None:
        self._weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self._places = SCHEMES[scheme]
        for head, layout in layouts.items():
            found = self._weights.get(f"heads.{head}.link.weight")
            if found is None or len(found) != 1 + len(layout.links):
                raise CheckpointError(f"head set {head!r}: its link weights do not fit its schema")

    def score(self, head: str, h: FloatArray, places: IntArray, legal: npt.NDArray[np.bool_]) -> FloatArray:
        """Return the probability of "no link" and of each link for each pair: (pairs, 1 + links), 0 where illegal.

        h: (tokens, hidden) states of rows laid end to end; places: (pairs, 5) positions in them; legal: as the answer.
        """
        states = h[places[:, self._places]].reshape(len(places), -1)
        logits = linear(self._weights, f"heads.{head}.link", silu(linear(self._weights, f"heads.{head}.mix", states)))
        logits = np.where(legal, logits.astype(np.float64), -np.inf)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
