"""The arithmetic of the tagging heads in numpy, as it is served: one pass over rows laid end to end, without torch.

Parameter names and formulas are those of `network.py`.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.mentions import SPARE_MENTIONS, Layout, Outputs, SpanArray, best_of_row
from medspan.formulations.tagging import Layers, Units, read_tags
from medspan.models.arithmetic import RangeMeans, linear
from medspan.models.tagging.sequences import Transitions, best_paths, log_steps

__all__ = ["TaggingScorer"]

FloatArray = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class TaggingScorer:
    """The layers above the encoder, for any number of head sets.

    Raises CheckpointError where the weights of a head set are missing or belong to another schema.
    """

    def __init__(
        self, weights: Mapping[str, FloatArray], layouts: Mapping[str, Layout], layers: Mapping[str, Layers]
    ) -> None:
        self._weights = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self.layouts = dict(layouts)
        self.layers = dict(layers)
        for head, layout in layouts.items():
            for part, n_rows in (("tag", layers[head].n_columns), ("value", layout.n_attribute_columns)):
                found = self._weights.get(f"heads.{head}.{part}.weight")
                if n_rows != (0 if found is None else len(found)):
                    raise CheckpointError(f"head set {head!r}: its {part} weights do not fit its schema and layers")
        self._transitions = {head: self._scores(head) for head in layouts}

    def score(self, head: str, h: FloatArray, row_of_token: IntArray, units: Units) -> Outputs:
        """Find mentions and their attribute logits for one head set; a mention's score is its probability.

        h: (tokens, hidden) encoder states of all rows; row_of_token: (tokens,) ascending; units: of all rows.
        """
        layout, layers = self.layouts[head], self.layers[head]
        logits = linear(self._weights, f"heads.{head}.tag", h[units.first])
        found, scores = _mentions(logits, row_of_token[units.first], layers, self._transitions[head])
        spans = SpanArray(units.first[found[:, 0]], units.last[found[:, 1]])
        keep = best_of_row(row_of_token[spans.first], scores, np.bincount(row_of_token) + SPARE_MENTIONS)
        spans = SpanArray(spans.first[keep], spans.last[keep])
        values = np.zeros((len(spans), 0), dtype=np.float32)
        if layout.attributes:
            values = linear(self._weights, f"heads.{head}.value", RangeMeans(h)(spans.first, spans.last + 1))
        no_pairs, no_links = np.zeros((0, 2), np.int64), np.zeros((0, len(layout.links)), np.float32)
        return Outputs(spans, found[keep, 2], scores[keep], values, no_pairs, no_links)

    def _scores(self, head: str) -> Transitions:
        layers = self.layers[head]
        learnt = {
            name: self._weights.get(f"heads.{head}.crf.{name}", np.zeros((), np.float32)).astype(np.float64)
            for name in ("between", "first", "last")
        }
        return Transitions(
            np.where(layers.transition_legal, learnt["between"], -np.inf),
            np.where(layers.first_legal, learnt["first"], -np.inf),
            np.where(layers.is_tag, learnt["last"], -np.inf),
        )


def _mentions(
    logits: FloatArray, row_of_unit: IntArray, layers: Layers, transitions: Transitions
) -> tuple[IntArray, FloatArray]:
    """Return mentions (mentions, 3) first unit, last unit, label, and their probabilities (mentions,).

    logits: (units, tags of all layers).
    """
    if len(logits) == 0:
        return np.zeros((0, 3), np.int64), np.zeros(0, np.float32)
    _, row, lengths = np.unique(row_of_unit, return_inverse=True, return_counts=True)
    step = np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    shape = (len(layers), len(lengths), int(lengths.max()))
    paths = np.zeros(shape, dtype=np.int64)
    begin, go_on, end = (np.zeros(shape) for _ in range(3))
    for n_tags in np.unique(layers.n_tags).tolist():  # layers of one width together
        alike = np.flatnonzero(layers.n_tags == n_tags)
        emissions = np.zeros((len(alike), *shape[1:], n_tags))
        emissions[:, row, step] = np.swapaxes(logits[:, layers.columns[alike, :n_tags]], 0, 1)
        scores = transitions.part(alike, n_tags)
        paths[alike] = best_paths(emissions, lengths, scores)
        begin[alike], go_on[alike], end[alike] = log_steps(emissions, lengths, scores, paths[alike])
    found = read_tags(paths[:, row, step], layers)
    layer = layers.place_of_label[found[:, 2], 0]
    at_row, at_first, at_last = row[found[:, 0]], step[found[:, 0]], step[found[:, 1]]
    steps_until = np.cumsum(go_on, axis=2)
    moved = steps_until[layer, at_row, at_last] - steps_until[layer, at_row, at_first]
    score = begin[layer, at_row, at_first] + moved + end[layer, at_row, at_last]
    return found, np.exp(np.minimum(score, 0.0)).astype(np.float32)
