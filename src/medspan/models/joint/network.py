"""The joint model in torch, as it is trained: one encoder, shared span states, one small head set a schema.

`scorer.py` holds the same arithmetic in numpy, as it is served; a test keeps the two equal. Parameter names are the
contract between them.

Shapes: N tokens of all rows laid end to end, D hidden width, L entity labels, A attribute columns, R links, S spans,
M mentions, C pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from medspan.formulations.joint import N_BUCKETS, gap_features, width_bucket
from medspan.formulations.mentions import Layout
from medspan.models.encoder import Encoder
from medspan.models.placing import as_array, as_tensor

__all__ = ["HeadSet", "JointModel", "JointSizes", "SpanStates", "range_means"]


@dataclass(frozen=True)
class JointSizes:
    """Widths of the layers above the encoder."""

    span: int = 256
    state: int = 192
    link: int = 128


class SpanStates(nn.Module):
    """Projections shared by all head sets: the edges and the mean of a span, twice (for its label; for its links)."""

    def __init__(self, hidden: int, sizes: JointSizes, dropout: float) -> None:
        super().__init__()
        self.span_first = nn.Linear(hidden, sizes.span)
        self.span_last = nn.Linear(hidden, sizes.span, bias=False)
        self.span_mean = nn.Linear(hidden, sizes.span, bias=False)
        self.span_width = nn.Embedding(N_BUCKETS, sizes.span)
        self.state_first = nn.Linear(hidden, sizes.state)
        self.state_last = nn.Linear(hidden, sizes.state, bias=False)
        self.state_mean = nn.Linear(hidden, sizes.state, bias=False)
        self.link_head = nn.Linear(sizes.state, sizes.link)
        self.link_tail = nn.Linear(sizes.state, sizes.link, bias=False)
        self.link_gap = nn.Embedding(3 * N_BUCKETS, sizes.link)
        self.link_between = nn.Linear(hidden, sizes.link, bias=False)
        nn.init.normal_(self.span_width.weight, std=0.02)
        nn.init.normal_(self.link_gap.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)

    def spans(self, h: Tensor, mean: Tensor, first: Tensor, last: Tensor, width: Tensor) -> Tensor:
        """Return the state that labels a span: (S, span)."""
        z = self.span_first(h[first]) + self.span_last(h[last]) + self.span_mean(mean) + self.span_width(width)
        return cast(Tensor, self.dropout(nn.functional.silu(z)))

    def mentions(self, h: Tensor, mean: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return the state that gives a mention its attributes and links: (M, state)."""
        z = self.state_first(h[first]) + self.state_last(h[last]) + self.state_mean(mean)
        return cast(Tensor, self.dropout(nn.functional.silu(z)))


class HeadSet(nn.Module):
    """What is scored for one schema."""

    def __init__(self, hidden: int, layout: Layout, sizes: JointSizes) -> None:
        super().__init__()
        n_labels = len(layout.labels)
        self.token = nn.Linear(hidden, 3 * n_labels)
        self.mix = nn.Parameter(torch.full((3,), 0.5))
        self.label = nn.Linear(sizes.span, n_labels)
        nn.init.constant_(self.token.bias, -3.0)
        if layout.attributes:
            self.value = nn.Linear(sizes.state, layout.n_attribute_columns)
        if layout.links:
            self.head_label = nn.Embedding(n_labels, sizes.link)
            self.tail_label = nn.Embedding(n_labels, sizes.link)
            self.link = nn.Linear(sizes.link, len(layout.links))
            nn.init.normal_(self.head_label.weight, std=0.1)
            nn.init.normal_(self.tail_label.weight, std=0.1)
            nn.init.constant_(self.link.bias, -1.0)


def range_means(h: Tensor, first: Tensor, past: Tensor) -> Tensor:
    """Mean of rows [first, past) of h: (ranges, D); zero where empty. Sums run in double precision."""
    sums = torch.cat([h.new_zeros(1, h.shape[1], dtype=torch.float64), h.double().cumsum(0)])
    return ((sums[past] - sums[first]) / (past - first).clamp(min=1).unsqueeze(1)).to(h.dtype)


class JointModel(nn.Module):
    """An encoder with span states and a head set for each schema."""

    def __init__(
        self, encoder: Encoder, layouts: Mapping[str, Layout], sizes: JointSizes, dropout: float = 0.1
    ) -> None:
        super().__init__()
        hidden = encoder.hidden_size
        self.encoder = encoder
        self.layouts = dict(layouts)
        self.states = SpanStates(hidden, sizes, dropout)
        self.heads = nn.ModuleDict({name: HeadSet(hidden, layout, sizes) for name, layout in layouts.items()})
        self.dropout = nn.Dropout(dropout)

    def _head(self, name: str) -> HeadSet:
        return cast(HeadSet, self.heads[name])

    def hidden(self, inputs: Mapping[str, Tensor], is_token: Tensor) -> Tensor:
        """Run the encoder on padded rows (rows, length) and return the states of real tokens: (N, D) float32."""
        return cast(Tensor, self.dropout(self.encoder(**inputs)[is_token]))

    def token_scores(self, head: str, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return start, end and inside logits, each (N, L)."""
        start, end, inside = self._head(head).token(h).chunk(3, dim=1)
        return start, end, inside

    def span_scores(
        self, head: str, h: Tensor, scores: tuple[Tensor, Tensor, Tensor], first: Tensor, last: Tensor
    ) -> Tensor:
        """Return the logit of every label for every span: (S, L)."""
        module = self._head(head)
        start, end, inside = scores
        width = as_tensor(width_bucket(as_array(last - first)), h)
        z = self.states.spans(h, range_means(h, first, last + 1), first, last, width)
        within = range_means(inside, first, last + 1)
        mixed = module.mix[0] * start[first] + module.mix[1] * end[last] + module.mix[2] * within
        return cast(Tensor, module.label(z)) + mixed

    def mention_states(self, h: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return the state of each mention: (M, state)."""
        return self.states.mentions(h, range_means(h, first, last + 1), first, last)

    def value_scores(self, head: str, state: Tensor) -> Tensor:
        """Return attribute logits: (M, A)."""
        return cast(Tensor, self._head(head).value(state))

    def link_scores(
        self, head: str, h: Tensor, state: Tensor, first: Tensor, last: Tensor, labels: Tensor, pairs: Tensor
    ) -> Tensor:
        """Return link logits of pairs of mentions: (C, R)."""
        module = self._head(head)
        heads, tails = pairs[:, 0], pairs[:, 1]
        code, start, past = gap_features(*(as_array(part) for part in (first, last, heads, tails)))
        between = range_means(self.states.link_between(h), as_tensor(start, h), as_tensor(past, h))
        z = (
            self.states.link_head(state)[heads]
            + self.states.link_tail(state)[tails]
            + module.head_label(labels[heads])
            + module.tail_label(labels[tails])
            + self.states.link_gap(as_tensor(code, h))
            + between
        )
        return cast(Tensor, module.link(self.states.dropout(nn.functional.silu(z))))
