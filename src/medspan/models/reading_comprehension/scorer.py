"""The arithmetic of the reading comprehension heads in numpy, as it is served: no torch.

Parameter names and formulas are those of `network.py`. Sums over token ranges run in double precision, so that the
scores of a row do not depend on the rows around it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.joint import width_bucket
from medspan.formulations.mentions import Layout, SpanArray, candidate_spans
from medspan.formulations.reading_comprehension import gap_codes
from medspan.models.arithmetic import RangeMeans, linear, sigmoid, silu

__all__ = ["CANDIDATE_LOGIT", "Found", "ReadingScorer"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

CANDIDATE_LOGIT = -2.2
"""Starts and ends with a probability above 0.1 are paired to candidate answers, in training and in serving."""


@dataclass(frozen=True)
class Found:
    """Candidate answers over rows laid end to end: their probabilities (spans,) and states (spans, size)."""

    spans: SpanArray
    scores: FloatArray
    states: FloatArray


class ReadingScorer:
    """The layers above the encoder, for any number of head sets.

    Raises CheckpointError where the weights of a head set are missing or belong to another schema.
    """

    def __init__(self, weights: Mapping[str, FloatArray], layouts: Mapping[str, Layout]) -> None:
        self._weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        for head, layout in layouts.items():
            wanted = {"value": layout.n_attribute_columns, "tail": len(layout.labels) if layout.links else 0}
            for part, n_rows in wanted.items():
                found = self._weights.get(f"heads.{head}.{part}.weight")
                if n_rows != (0 if found is None else len(found)):
                    raise CheckpointError(f"head set {head!r}: its {part} weights do not fit its schema")

    def answers(self, h: FloatArray, row_of_token: IntArray) -> Found:
        """Score the plausible answers of rows that ask for a label.

        h: (tokens, hidden) states of the rows' windows; row_of_token: (tokens,) ascending.
        """
        tokens = linear(self._weights, "token", h)
        spans = candidate_spans(tokens[:, :1], tokens[:, 1:2], row_of_token, CANDIDATE_LOGIT)
        states = self._states(h, spans, np.full(len(spans), -1))
        return Found(spans, sigmoid(self._answer_logits(states, tokens, spans)), states)

    def values(self, head: str, states: FloatArray) -> FloatArray:
        """Return the attribute logits of mentions by their states: (mentions, attribute columns)."""
        if f"heads.{head}.value.weight" not in self._weights:
            return np.zeros((len(states), 0), dtype=np.float32)
        return linear(self._weights, f"heads.{head}.value", states)

    def tails(self, head: str, h: FloatArray, spans: SpanArray, labels: IntArray, gaps: IntArray) -> FloatArray:
        """Return the probability that mentions answer their row's question about a link: (spans,).

        labels: (spans,) of the mentions; gaps: (spans,) how each lies to the mention asked about.
        """
        tokens = linear(self._weights, "token", h)
        states = self._states(h, spans, gaps)
        fit = linear(self._weights, f"heads.{head}.tail", states)[np.arange(len(spans)), labels]
        return sigmoid(self._answer_logits(states, tokens, spans) + fit)

    def new_tails(
        self, head: str, h: FloatArray, row_of_token: IntArray, about: IntArray, legal: npt.NDArray[np.bool_]
    ) -> tuple[Found, IntArray]:
        """Score the plausible answers of rows that ask about a link, and choose a label for each: (spans,).

        about: (rows, 2) first and last token of the mention asked about; legal: (rows, labels) what a tail may be.
        """
        tokens = linear(self._weights, "token", h)
        spans = candidate_spans(tokens[:, :1], tokens[:, 1:2], row_of_token, CANDIDATE_LOGIT)
        row = row_of_token[spans.first]
        states = self._states(h, spans, gap_codes(spans.first, spans.last, about[row, 0], about[row, 1]))
        fit = linear(self._weights, f"heads.{head}.tail", states)
        labels = np.where(legal[row], fit, -np.inf).argmax(axis=1)
        return Found(spans, sigmoid(self._answer_logits(states, tokens, spans)), states), labels

    def _states(self, h: FloatArray, spans: SpanArray, gaps: IntArray) -> FloatArray:
        first, last = spans.first, spans.last
        gap = self._weights["span_gap.weight"][np.maximum(gaps, 0)] * (gaps >= 0).astype(np.float32)[:, None]
        return silu(
            linear(self._weights, "span_first", h[first])
            + linear(self._weights, "span_last", h[last])
            + linear(self._weights, "span_mean", RangeMeans(h)(first, last + 1))
            + self._weights["span_width.weight"][width_bucket(last - first)]
            + gap
        )

    def _answer_logits(self, states: FloatArray, tokens: FloatArray, spans: SpanArray) -> FloatArray:
        mix = self._weights["mix"]
        inside = RangeMeans(tokens[:, 2:])(spans.first, spans.last + 1)[:, 0]
        mixed = mix[0] * tokens[spans.first, 0] + mix[1] * tokens[spans.last, 1] + mix[2] * inside
        return np.asarray(linear(self._weights, "answer", states)[:, 0] + mixed, dtype=np.float32)
