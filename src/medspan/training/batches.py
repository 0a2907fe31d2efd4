"""Examples to batches: rows of like length together, in an order that seed and epoch alone decide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medspan.models.joint.loss import HeadBatch
from medspan.training.sources import Example

__all__ = ["Batch", "collate", "plan_epoch"]


@dataclass(frozen=True)
class Batch:
    """Padded rows for the encoder, (rows, length) each, and the gold of every head set present."""

    input_ids: Tensor
    attention_mask: Tensor
    is_token: Tensor
    n_tokens: int
    heads: Mapping[str, HeadBatch]


def plan_epoch(examples: Sequence[Example], batch_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the batches of an epoch as lists of example numbers.

    A repeat of 2.5 gives every row two times and half of the rows once more. Rows are sorted by length with some noise,
    filled into batches of at most `batch_tokens` tokens with padding, and the batches are shuffled.
    """
    rng = np.random.default_rng((seed, epoch))
    order: list[int] = []
    for number, example in enumerate(examples):
        whole = int(example.repeat)
        order.extend([number] * (whole + int(rng.random() < example.repeat - whole)))
    lengths = np.array([len(examples[number].row) for number in order])
    noisy = lengths + rng.uniform(-0.5, 0.5, len(order)) * 16
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for at in np.argsort(noisy, kind="stable"):
        longest_then = max(longest, int(lengths[at]))
        if current and longest_then * (len(current) + 1) > batch_tokens:
            batches.append(current)
            current, longest_then = [], int(lengths[at])
        current.append(order[at])
        longest = longest_then
    if current:
        batches.append(current)
    return [batches[at] for at in rng.permutation(len(batches))]


def collate(examples: Sequence[Example], heads: Collection[str], n_prefix: int, n_suffix: int, pad_id: int) -> Batch:
    """Pad rows to the longest and lay the gold of each head set end to end."""
    longest = max(len(example.row) for example in examples)
    input_ids = np.full((len(examples), longest), pad_id, dtype=np.int64)
    attention = np.zeros((len(examples), longest), dtype=np.int64)
    is_token = np.zeros((len(examples), longest), dtype=bool)
    sizes = []
    for number, example in enumerate(examples):
        length = len(example.row)
        input_ids[number, :length] = example.row
        attention[number, :length] = 1
        is_token[number, n_prefix : length - n_suffix] = True
        sizes.append(length - n_prefix - n_suffix)
    offsets = np.cumsum([0, *sizes])
    gold = {
        head: _gather_head(head, examples, offsets)
        for head in heads
        if any(head in example.targets for example in examples)
    }
    return Batch(
        torch.from_numpy(input_ids),
        torch.from_numpy(attention),
        torch.from_numpy(is_token),
        int(offsets[-1]),
        gold,
    )


def _gather_head(head: str, examples: Sequence[Example], offsets: npt.NDArray[np.int64]) -> HeadBatch:
    members = [number for number, example in enumerate(examples) if head in example.targets]
    tokens, row_of, spans, values, links, is_annotated = [], [], [], [], [], []
    n_tokens = n_spans = 0
    for row, number in enumerate(members):
        targets = examples[number].targets[head]
        size = int(offsets[number + 1] - offsets[number])
        tokens.append(np.arange(offsets[number], offsets[number + 1]))
        row_of.append(np.full(size, row))
        spans.append(targets.spans + np.array([n_tokens, n_tokens, 0]))
        values.append(targets.values)
        is_annotated.append(targets.is_annotated)
        links.append(targets.links + np.array([n_spans, n_spans, 0]))
        n_tokens += size
        n_spans += len(targets.spans)
    supervision = [examples[number].supervision[head] for number in members]
    return HeadBatch(
        np.concatenate(tokens).astype(np.int64),
        np.concatenate(row_of).astype(np.int64),
        np.concatenate(spans),
        np.concatenate(values),
        np.concatenate(links),
        np.concatenate(is_annotated),
        np.stack([s.labels for s in supervision]),
        np.stack([s.attributes for s in supervision]),
        np.stack([s.links for s in supervision]),
    )
