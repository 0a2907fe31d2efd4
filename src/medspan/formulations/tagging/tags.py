"""Mentions to tags and back."""

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions import Targets
from medspan.formulations.tagging.layers import Layers
from medspan.formulations.tagging.units import Units

__all__ = ["overlapping_labels", "read_tags", "unit_spans", "write_tags"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def unit_spans(targets: Targets, units: Units) -> IntArray:
    """Return mentions over units, widened to whole ones: (spans, 3) first unit, last unit, label."""
    first, last, label = targets.spans.T
    return np.column_stack([units.of_tokens(first), units.of_tokens(last), label])


def overlapping_labels(spans: IntArray) -> set[tuple[int, int]]:
    """Return the pairs of different labels, lower number first, whose mentions share a unit. spans: (spans, 3)."""
    first, last, label = spans.T
    meets = (first[:, None] <= last) & (first <= last[:, None]) & (label[:, None] < label)
    return {(int(label[a]), int(label[b])) for a, b in zip(*np.nonzero(meets), strict=True)}


def write_tags(spans: IntArray, n_units: int, layers: Layers) -> tuple[IntArray, BoolArray]:
    """Tag mentions: tags (layers, units), and which mentions found their place, (spans,).

    Of mentions that overlap in one layer the longest is tagged, of equally long ones the first in text order.
    """
    tags = np.zeros((len(layers), n_units), dtype=np.int64)
    is_tagged: BoolArray = np.zeros(len(spans), dtype=bool)
    first, last, label = spans.T
    for number in np.lexsort((label, first, first - last)):
        layer, begin = layers.place_of_label[label[number]]
        place = tags[layer, first[number] : last[number] + 1]
        if not place.any():
            place[:] = begin + 1
            place[0] = begin
            is_tagged[number] = True
    return tags, is_tagged


def read_tags(tags: IntArray, layers: Layers) -> IntArray:
    """Return the mentions of legal tag sequences: (spans, 3) first unit, last unit, label, in text order.

    tags: (layers, units), of one row or of rows laid end to end.
    """
    n_units = tags.shape[1]
    layer, first = np.nonzero(tags % 2 == 1)
    # For each unit, the next one from there on that does not go on with a mention.
    stops = np.where((tags > 0) & (tags % 2 == 0), n_units, np.arange(n_units))
    stops = np.concatenate([stops, np.full((len(layers), 1), n_units)], axis=1)
    stops = np.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]
    last = stops[layer, first + 1] - 1
    label = layers.label_of_tag[layer, tags[layer, first]]
    order = np.lexsort((label, last, first))
    return np.column_stack([first, last, label])[order]
