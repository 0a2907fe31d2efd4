"""The gold of a batch of rows as tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from medspan.formulations.mentions import Supervision, Targets
from medspan.formulations.tagging import Layers, Units, unit_spans, write_tags
from medspan.models.tagging.loss import HeadBatch

__all__ = ["Tagged", "TaggingGold", "head_batch", "tags_of"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TaggingGold:
    """Units of one window, its gold for the head sets it trains, and what of their columns the corpus annotates."""

    units: Units
    targets: Mapping[str, Targets]
    supervision: Mapping[str, Supervision]


@dataclass(frozen=True)
class Tagged:
    """Tags (layers, units) of one window, and the mentions tagged: (spans, 3) over units, (spans, attributes)."""

    tags: IntArray
    spans: IntArray
    values: IntArray


def tags_of(head: str, row: TaggingGold, layers: Layers) -> Tagged:
    """Tag the gold of one window; mentions of labels that the corpus does not annotate are no gold."""
    targets = row.targets[head]
    is_gold = row.supervision[head].labels[targets.spans[:, 2]]
    spans = unit_spans(targets, row.units)[is_gold]
    tags, is_tagged = write_tags(spans, len(row.units), layers)
    return Tagged(tags, spans[is_tagged], targets.values[is_gold][is_tagged])


def head_batch(head: str, gold: Sequence[TaggingGold], offsets: IntArray, layers: Layers) -> HeadBatch:
    """Tag the rows that a head set is trained on; `offsets`: (rows + 1,) first token of each row in the batch."""
    members = [number for number, row in enumerate(gold) if head in row.targets]
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for number in members:
        row, start = gold[number], offsets[number]
        found = tags_of(head, row, layers)
        parts.append(
            (
                row.units.first + start,
                found.tags.T,
                _allowed(found.tags.T, row.targets[head], row.units, row.supervision[head], layers),
                row.units.first[found.spans[:, 0]] + start,
                row.units.last[found.spans[:, 1]] + start,
                np.where(row.supervision[head].attributes, found.values, -1),
            )
        )
    tokens, tags, allowed, first, last, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    n_units = [len(gold[number].units) for number in members]
    row_of_unit = np.repeat(np.arange(len(members)), n_units)
    step = np.arange(len(row_of_unit)) - np.repeat(np.cumsum([0, *n_units[:-1]]), n_units)
    arrays = (tokens, row_of_unit, step, tags, allowed, first, last, values)
    return HeadBatch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def _allowed(
    tags: IntArray, targets: Targets, units: Units, supervision: Supervision, layers: Layers
) -> npt.NDArray[np.bool_]:
    """Return the tags that the gold allows: (units, layers, width)."""
    allowed = np.arange(layers.width) == tags[:, :, None]
    is_hidden = (layers.label_of_tag >= 0) & ~supervision.labels[layers.label_of_tag]  # (layers, width)
    allowed |= (tags == 0)[:, :, None] & is_hidden
    cumulated = np.cumsum([0, *targets.is_annotated])
    is_annotated = cumulated[units.last + 1] - cumulated[units.first] == units.last + 1 - units.first
    return np.asarray(allowed | (~is_annotated[:, None, None] & layers.is_tag))
