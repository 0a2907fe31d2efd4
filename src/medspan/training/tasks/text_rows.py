"""Rows that are windows between special tokens, padded together."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from medspan.formulations import TextTokenizer
from medspan.formulations.inputs import pad
from medspan.training.examples import Example

__all__ = ["pad_text"]


def pad_text(examples: Sequence[Example], tokenizer: TextTokenizer) -> tuple[dict[str, Tensor], Tensor]:
    """Return the encoder's arguments and `is_token`, (rows, length) each; the latter is False at special tokens."""
    arrays = pad([example.row for example in examples])
    is_token = np.zeros(arrays["input_ids"].shape, dtype=bool)
    for number, example in enumerate(examples):
        is_token[number, len(tokenizer.prefix) : len(example.row) - len(tokenizer.suffix)] = True
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, torch.from_numpy(is_token)
