"""Examples to batches: rows of like length together, in an order that seed and epoch alone decide."""

from collections.abc import Sequence

import numpy as np

from medspan.training.examples import Example

__all__ = ["plan_epoch"]


def plan_epoch(
    examples: Sequence[Example], batch_tokens: int, seed: int, epoch: int, batch_rows: int = 0
) -> list[list[int]]:
    """Return the batches of an epoch as lists of example numbers.

    A repeat of 2.5 gives every row two times and half of the rows once more. Rows are sorted by length with some noise,
    filled into batches of at most `batch_tokens` tokens with padding, and `batch_rows` rows unless that is 0, and the
    batches are shuffled.
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
        too_many = longest_then * (len(current) + 1) > batch_tokens or 0 < batch_rows <= len(current)
        if current and too_many:
            batches.append(current)
            current, longest_then = [], int(lengths[at])
        current.append(order[at])
        longest = longest_then
    if current:
        batches.append(current)
    return [batches[at] for at in rng.permutation(len(batches))]
