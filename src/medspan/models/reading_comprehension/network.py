"""The reading comprehension model in torch, as it is trained: one encoder and one set of layers for all questions.

`scorer.py` holds the same arithmetic in numpy, as it is served; a test keeps the two equal. Parameter names are the
contract between them.

Shapes: N text tokens of all rows laid end to end, D hidden width, S spans, L entity labels, A attribute columns.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from medspan.formulations.joint import N_BUCKETS, width_bucket
from medspan.formulations.mentions import Layout
from medspan.models.encoder import Encoder
from medspan.models.placing import as_array, as_tensor

__all__ = ["ReadingModel", "range_means"]

SPAN_SIZE = 256
"""Width of a span's state."""


class _Schema(nn.Module):
    """What is scored for one schema beside answers: attribute values, and how well a label's mention fits as a tail."""

    def __init__(self, size: int, layout: Layout) -> None:
        super().__init__()
        if layout.attributes:
            self.value = nn.Linear(size, layout.n_attribute_columns)
        if layout.links:
            self.tail = nn.Linear(size, len(layout.labels))


def range_means(h: Tensor, first: Tensor, past: Tensor) -> Tensor:
    """Mean of rows [first, past) of h: (ranges, D); zero where empty. Sums run in double precision."""
    sums = torch.cat([h.new_zeros(1, h.shape[1], dtype=torch.float64), h.double().cumsum(0)])
    return ((sums[past] - sums[first]) / (past - first).clamp(min=1).unsqueeze(1)).to(h.dtype)


class ReadingModel(nn.Module):
    """An encoder whose rows hold a question and a window, with layers that score spans of the window as answers."""

    def __init__(
        self, encoder: Encoder, layouts: Mapping[str, Layout], dropout: float = 0.1, size: int = SPAN_SIZE
    ) -> None:
        super().__init__()
        hidden = encoder.hidden_size
        self.encoder = encoder
        self.layouts = dict(layouts)
        self.token = nn.Linear(hidden, 3)
        self.span_first = nn.Linear(hidden, size)
        self.span_last = nn.Linear(hidden, size, bias=False)
        self.span_mean = nn.Linear(hidden, size, bias=False)
        self.span_width = nn.Embedding(N_BUCKETS, size)
        self.span_gap = nn.Embedding(3 * N_BUCKETS, size)
        self.answer = nn.Linear(size, 1)
        self.mix = nn.Parameter(torch.full((3,), 0.5))
        self.heads = nn.ModuleDict({name: _Schema(size, layout) for name, layout in layouts.items()})
        self.dropout = nn.Dropout(dropout)
        nn.init.constant_(self.token.bias, -3.0)
        nn.init.normal_(self.span_width.weight, std=0.02)
        nn.init.normal_(self.span_gap.weight, std=0.02)

    def hidden(self, inputs: Mapping[str, Tensor], text: Tensor) -> Tensor:
        """Run the encoder on padded rows (rows, length) and return the states of text tokens: (N, D) float32.

        text: (N,) their positions in the rows laid end to end, padding included.
        """
        return cast(Tensor, self.dropout(self.encoder(**inputs).flatten(0, 1)[text]))

    def token_scores(self, h: Tensor) -> Tensor:
        """Return the logits that an answer starts, ends and goes on at a token: (N, 3)."""
        return cast(Tensor, self.token(h))

    def span_states(self, h: Tensor, first: Tensor, last: Tensor, gap: Tensor) -> Tensor:
        """Return the state of each span: (S, size).

        gap: (S,) how the span lies to the mention that the question is about, as `gap_codes`; -1: about none.
        """
        width = as_tensor(width_bucket(as_array(last - first)), h)
        z = self.span_first(h[first]) + self.span_last(h[last]) + self.span_mean(range_means(h, first, last + 1))
        z = z + self.span_width(width) + self.span_gap(gap.clamp(min=0)) * (gap >= 0).unsqueeze(1)
        return cast(Tensor, self.dropout(nn.functional.silu(z)))

    def answer_scores(self, state: Tensor, tokens: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return the logit that a span answers its row's question: (S,). tokens: (N, 3)."""
        inside = range_means(tokens[:, 2:], first, last + 1)[:, 0]
        mixed = self.mix[0] * tokens[first, 0] + self.mix[1] * tokens[last, 1] + self.mix[2] * inside
        return cast(Tensor, self.answer(state)[:, 0]) + mixed

    def value_scores(self, head: str, state: Tensor) -> Tensor:
        """Return attribute logits of mentions: (S, A)."""
        return cast(Tensor, cast(_Schema, self.heads[head]).value(state))

    def tail_scores(self, head: str, state: Tensor, labels: Tensor) -> Tensor:
        """Return what is added to the logit of a span that is a mention of a label: (S,)."""
        scores = cast(_Schema, self.heads[head]).tail(state)
        return cast(Tensor, scores.gather(1, labels.unsqueeze(1))[:, 0])
