"""The pair classifier in torch, as it is trained: marker states of a row, one hidden layer, a choice among links.

`scorer.py` holds the same arithmetic in numpy, as it is served; a test keeps the two equal. Parameter names are the
contract between them.

Shapes: C pairs, P places read of each, D hidden width, R links.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from medspan.formulations.mentions import Layout
from medspan.models.encoder import Encoder
from medspan.models.pair_classification.scorer import SCHEMES

__all__ = ["HeadSet", "PairModel"]

_WIDTH = 256


class HeadSet(nn.Module):
    """The classifier of one schema: C x (P D) states to C x (1 + R) logits, column 0 for "no link"."""

    def __init__(self, width: int, layout: Layout, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Linear(width, _WIDTH)
        self.link = nn.Linear(_WIDTH, 1 + len(layout.links))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Return the logits (C, 1 + R) of states (C, P D)."""
        return cast(Tensor, self.link(self.dropout(nn.functional.silu(self.mix(self.dropout(states))))))


class PairModel(nn.Module):
    """An encoder with a pair classifier for each schema."""

    def __init__(self, encoder: Encoder, layouts: Mapping[str, Layout], scheme: str, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.layouts = dict(layouts)
        self._places = list(SCHEMES[scheme])
        width = len(self._places) * encoder.hidden_size
        self.heads = nn.ModuleDict({name: HeadSet(width, layout, dropout) for name, layout in layouts.items()})

    def hidden(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Run the encoder on padded rows: (rows, tokens, D) float32."""
        return cast(Tensor, self.encoder(**inputs))

    def pair_scores(self, head: str, hidden: Tensor, rows: Tensor, places: Tensor, legal: Tensor) -> Tensor:
        """Return the logits of pairs, minus infinity where illegal: (C, 1 + R).

        hidden: (rows, tokens, D); rows: (C,) the row of each pair; places: (C, 5) positions in it; legal: (C, 1 + R).
        """
        states = hidden[rows[:, None], places[:, self._places]]  # (C, P, D)
        logits = self.heads[head](states.flatten(1))
        return cast(Tensor, logits.masked_fill(~legal, -torch.inf))
