"""The tagging model in torch, as it is trained: an encoder, and for each head set a layer of tags and one of values.

`scorer.py` holds the same arithmetic in numpy, as it is served; a test keeps the two equal. Parameter names are the
contract between them.

Shapes: N tokens of all rows laid end to end, D hidden width, U units, C tags of all layers of a head set, M mentions,
A attribute columns.
"""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from medspan.formulations.mentions import Layout
from medspan.formulations.tagging import Layers
from medspan.models.encoder import Encoder
from medspan.models.joint.network import range_means
from medspan.models.tagging.crf import TagTransitions

__all__ = ["TagHead", "TaggingModel"]


class TagHead(nn.Module):
    """What is scored for one schema."""

    def __init__(self, hidden: int, layout: Layout, layers: Layers, has_crf: bool) -> None:
        super().__init__()
        self.tag = nn.Linear(hidden, layers.n_columns)
        self.crf = TagTransitions(layers) if has_crf else None
        if layout.attributes:
            self.value = nn.Linear(hidden, layout.n_attribute_columns)


class TaggingModel(nn.Module):
    """An encoder with a tagging head for each schema."""

    def __init__(
        self,
        encoder: Encoder,
        layouts: Mapping[str, Layout],
        layers: Mapping[str, Layers],
        has_crf: bool = False,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.layouts = dict(layouts)
        self.layers = dict(layers)
        self.heads = nn.ModuleDict(
            {name: TagHead(encoder.hidden_size, layout, layers[name], has_crf) for name, layout in layouts.items()}
        )
        self.dropout = nn.Dropout(dropout)

    def head(self, name: str) -> TagHead:
        """Return the layers of a head set."""
        return cast(TagHead, self.heads[name])

    def hidden(self, inputs: Mapping[str, Tensor], is_token: Tensor) -> Tensor:
        """Run the encoder on padded rows (rows, length) and return the states of real tokens: (N, D) float32."""
        return cast(Tensor, self.dropout(self.encoder(**inputs)[is_token]))

    def tag_scores(self, head: str, h: Tensor) -> Tensor:
        """Return the logits of all tags for the states of units (U, D): (U, C)."""
        return cast(Tensor, self.head(head).tag(h))

    def value_scores(self, head: str, h: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return attribute logits of mentions: (M, A), from the mean of the states (N, D) of their tokens."""
        return cast(Tensor, self.head(head).value(range_means(h, first, last + 1)))
