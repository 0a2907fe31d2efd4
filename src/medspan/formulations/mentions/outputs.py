"""What a model says about a batch of rows, before it becomes annotation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions.encode import Targets
from medspan.formulations.mentions.layout import Layout
from medspan.formulations.mentions.spans import SpanArray

__all__ = ["Outputs"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

_CERTAIN = 30.0
"""The logit of a value that is surely meant; others get 0."""


@dataclass(frozen=True)
class Outputs:
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

    @classmethod
    def certain(cls, targets: Sequence[Targets], layout: Layout) -> "Outputs":
        """Return what a model without fault would say about rows with these targets."""
        spans: list[IntArray] = []
        values: list[IntArray] = []
        links: list[IntArray] = []
        n_tokens = n_spans = 0
        for row in targets:
            first, last, label = row.spans.T
            order = np.lexsort((label, last, first))  # mentions come in this order
            spans.append(row.spans[order] + np.array([n_tokens, n_tokens, 0]))
            values.append(row.values[order])
            place = np.argsort(order) + n_spans
            links.append(np.column_stack([place[row.links[:, 0]], place[row.links[:, 1]], row.links[:, 2]]))
            n_tokens += len(row.is_annotated)
            n_spans += len(order)
        first, last, label = np.concatenate([np.zeros((0, 3), np.int64), *spans]).T
        logits = np.zeros((n_spans, layout.n_attribute_columns), np.float32)
        for number, columns in enumerate(layout.attribute_columns):
            value = np.concatenate([part[:, number] for part in values]) if values else np.zeros(0, np.int64)
            known = np.flatnonzero(value >= 0)
            logits[known, columns.start + value[known]] = _CERTAIN
        triples = np.concatenate([np.zeros((0, 3), np.int64), *links])
        pairs, which = np.unique(triples[:, :2], axis=0, return_inverse=True)
        link_scores = np.zeros((len(pairs), len(layout.links)), np.float32)
        link_scores[which.ravel(), triples[:, 2]] = 1.0
        return cls(SpanArray(first, last), label, np.ones(n_spans, np.float32), logits, pairs, link_scores)
