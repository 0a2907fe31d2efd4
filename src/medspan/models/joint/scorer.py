"""The arithmetic of the joint heads in numpy, as it is served: no torch, one pass over a batch of rows laid end to end.

Parameter names and formulas are those of `network.py`. Sums over token ranges run in double precision, so that the
scores of a row do not depend on the rows around it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.joint import gap_features, width_bucket
from medspan.formulations.mentions import (
    SPARE_MENTIONS,
    Layout,
    Outputs,
    SpanArray,
    Thresholds,
    best_of_row,
    candidate_spans,
    legal_pairs,
    resolve,
)
from medspan.models.arithmetic import RangeMeans, linear, sigmoid, silu

__all__ = ["CANDIDATE_LOGIT", "JointScorer"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

CANDIDATE_LOGIT = -2.2
"""Starts and ends with a probability above 0.1 are paired to candidate spans, in training and in serving."""

SPANS_PER_TOKEN = 4
"""Spans scored in a row at most, the best-scored, for each of its tokens; see SPARE_MENTIONS for mentions and pairs."""

PAIRS_AT_ONCE = 1 << 15
"""Pairs whose states are held in memory together."""


class JointScorer:
    """The layers above the encoder, for any number of head sets.

    Raises CheckpointError where the weights of a head set are missing or belong to another schema.
    """

    def __init__(self, weights: Mapping[str, FloatArray], layouts: Mapping[str, Layout]) -> None:
        self._weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self.layouts = dict(layouts)
        for head, layout in layouts.items():
            wanted = {"token": 3 * len(layout.labels), "value": layout.n_attribute_columns, "link": len(layout.links)}
            for part, n_rows in wanted.items():
                found = self._weights.get(f"heads.{head}.{part}.weight")
                if n_rows != (0 if found is None else len(found)):
                    raise CheckpointError(f"head set {head!r}: its {part} weights do not fit its schema")

    def _linear(self, name: str, x: FloatArray) -> FloatArray:
        return linear(self._weights, name, x)

    def score(self, head: str, h: FloatArray, row_of_token: IntArray, thresholds: Thresholds) -> Outputs:
        """Find mentions, their attribute logits and their links for one head set.

        h: (tokens, hidden) encoder states of all rows; row_of_token: (tokens,) ascending.
        """
        layout = self.layouts[head]
        prefix = f"heads.{head}"
        start, end, inside = np.split(self._linear(f"{prefix}.token", h), 3, axis=1)
        n_tokens = np.bincount(row_of_token)
        spans = _most_plausible(
            candidate_spans(start, end, row_of_token, CANDIDATE_LOGIT), start, end, row_of_token, n_tokens
        )
        means = RangeMeans(h)
        logits = self._span_logits(prefix, h, means, start, end, inside, spans)
        probabilities = sigmoid(logits)
        which, labels = np.nonzero(probabilities >= thresholds.for_labels(layout))
        scores = probabilities[which, labels]
        believed = best_of_row(row_of_token[spans.first[which]], scores, n_tokens + SPARE_MENTIONS)
        which, labels, scores = which[believed], labels[believed], scores[believed]
        found = SpanArray(spans.first[which], spans.last[which])
        keep = resolve(found, labels, scores)
        found = SpanArray(found.first[keep], found.last[keep])
        labels, scores = labels[keep], scores[keep]
        state = self._state(h, means, found)
        values = (
            self._linear(f"{prefix}.value", state)
            if layout.attributes
            else np.zeros((len(labels), 0), dtype=np.float32)
        )
        pairs = legal_pairs(row_of_token[found.first], labels, layout)
        links = self._links(prefix, h, state, found, labels, pairs, layout)
        return Outputs(found, labels, scores, values, pairs, links)

    def _span_logits(
        self,
        prefix: str,
        h: FloatArray,
        means: RangeMeans,
        start: FloatArray,
        end: FloatArray,
        inside: FloatArray,
        spans: SpanArray,
    ) -> FloatArray:
        first, last = spans.first, spans.last
        z = silu(
            self._linear("states.span_first", h[first])
            + self._linear("states.span_last", h[last])
            + self._linear("states.span_mean", means(first, last + 1))
            + self._weights["states.span_width.weight"][width_bucket(last - first)]
        )
        mix = self._weights[f"{prefix}.mix"]
        within = RangeMeans(inside)(first, last + 1)
        mixed = mix[0] * start[first] + mix[1] * end[last] + mix[2] * within
        return np.asarray(self._linear(f"{prefix}.label", z) + mixed, dtype=np.float32)

    def _state(self, h: FloatArray, means: RangeMeans, spans: SpanArray) -> FloatArray:
        return silu(
            self._linear("states.state_first", h[spans.first])
            + self._linear("states.state_last", h[spans.last])
            + self._linear("states.state_mean", means(spans.first, spans.last + 1))
        )

    def _links(
        self,
        prefix: str,
        h: FloatArray,
        state: FloatArray,
        spans: SpanArray,
        labels: IntArray,
        pairs: IntArray,
        layout: Layout,
    ) -> FloatArray:
        links = np.zeros((len(pairs), len(layout.links)), dtype=np.float32)
        if len(pairs) == 0:
            return links
        as_head, as_tail = self._linear("states.link_head", state), self._linear("states.link_tail", state)
        means = RangeMeans(self._linear("states.link_between", h))
        for begin in range(0, len(pairs), PAIRS_AT_ONCE):
            part = slice(begin, begin + PAIRS_AT_ONCE)
            heads, tails = pairs[part].T
            code, first, past = gap_features(spans.first, spans.last, heads, tails)
            z = silu(
                as_head[heads]
                + as_tail[tails]
                + self._weights[f"{prefix}.head_label.weight"][labels[heads]]
                + self._weights[f"{prefix}.tail_label.weight"][labels[tails]]
                + self._weights["states.link_gap.weight"][code]
                + means(first, past)
            )
            legal = layout.link_legal[labels[heads], labels[tails]]
            links[part] = np.where(legal, sigmoid(self._linear(f"{prefix}.link", z)), np.float32(0.0))
        return links


def _most_plausible(
    spans: SpanArray, start: FloatArray, end: FloatArray, row_of_token: IntArray, n_tokens: IntArray
) -> SpanArray:
    """Cut the spans of each row to SPANS_PER_TOKEN by the best sum of their start and end logits over the labels."""
    row = row_of_token[spans.first]
    most = SPANS_PER_TOKEN * n_tokens
    if np.all(np.bincount(row, minlength=len(n_tokens)) <= most):
        return spans
    plausible = np.empty(len(spans), dtype=np.float32)
    for begin in range(0, len(spans), PAIRS_AT_ONCE):
        part = slice(begin, begin + PAIRS_AT_ONCE)
        plausible[part] = (start[spans.first[part]] + end[spans.last[part]]).max(axis=1)
    keep = best_of_row(row, plausible, most)
    return SpanArray(spans.first[keep], spans.last[keep])
