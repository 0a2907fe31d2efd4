"""Layers: which labels share one BIO sequence, and how tags are numbered there.

Tags are numbers, never strings taken apart, so that labels may hold hyphens or anything else. In each layer tag 0 is
O; its label k, counted from 0, begins with tag 2k + 1 and goes on with tag 2k + 2.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medspan.errors import ConfigError
from medspan.formulations.mentions import Layout
from medspan.formulations.tagging.options import Options

__all__ = ["Layers", "apart", "layers_of"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Layers:
    """The label numbers of each layer; every label of the layout is in one of them.

    Arrays over (layers, tags) are as wide as the layer with most tags; `is_tag` says which places exist.
    """

    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)

    @cached_property
    def n_tags(self) -> IntArray:
        """Tags of each layer: (layers,)."""
        return np.array([1 + 2 * len(labels) for labels in self.members], dtype=np.int64)

    @property
    def width(self) -> int:
        """Tags of the widest layer."""
        return int(self.n_tags.max())

    @property
    def n_columns(self) -> int:
        """Tags of all layers together: the columns of the model's output, layer after layer."""
        return int(self.n_tags.sum())

    @cached_property
    def is_tag(self) -> BoolArray:
        """Whether a place is a tag: (layers, width)."""
        return np.asarray(np.arange(self.width) < self.n_tags[:, None])

    @cached_property
    def columns(self) -> IntArray:
        """Output column of each tag, 0 where there is none: (layers, width)."""
        starts = np.cumsum(self.n_tags) - self.n_tags
        return np.where(self.is_tag, starts[:, None] + np.arange(self.width), 0)

    @cached_property
    def label_of_tag(self) -> IntArray:
        """Label number of each tag, -1 for O and where there is none: (layers, width)."""
        table = np.full((len(self), self.width), -1, dtype=np.int64)
        for layer, labels in enumerate(self.members):
            table[layer, 1 : 1 + 2 * len(labels)] = np.repeat(labels, 2)
        return table

    @cached_property
    def place_of_label(self) -> IntArray:
        """Layer and beginning tag of each label: (labels, 2)."""
        table = np.zeros((sum(map(len, self.members)), 2), dtype=np.int64)
        for layer, labels in enumerate(self.members):
            for number, label in enumerate(labels):
                table[label] = layer, 2 * number + 1
        return table

    @cached_property
    def first_legal(self) -> BoolArray:
        """Tags that may begin a sequence: (layers, width)."""
        tags = np.arange(self.width)
        return np.asarray(self.is_tag & ((tags == 0) | (tags % 2 == 1)))

    @cached_property
    def transition_legal(self) -> BoolArray:
        """Whether a tag (second axis) may be followed by another (third): (layers, width, width).

        A mention goes on only after its own label.
        """
        tags = np.arange(self.width)
        goes_on = (tags[:, None] == tags) | (tags[:, None] == tags - 1)
        legal = (tags == 0) | (tags % 2 == 1) | goes_on
        return np.asarray(self.is_tag[:, :, None] & self.is_tag[:, None, :] & legal)

    def names(self, layout: Layout) -> tuple[tuple[str, ...], ...]:
        """Return the labels of each layer by name, as options hold them."""
        return tuple(tuple(layout.labels[label] for label in labels) for labels in self.members)


def apart(n_labels: int, overlaps: Collection[tuple[int, int]]) -> Layers:
    """Put labels that overlap into different layers, and all others into the first.

    overlaps: pairs of different label numbers. Labels are placed one by one into the first layer that is free for
    them, the most constrained first (Brelaz's DSATUR, Commun. ACM 22(4), 1979): exact where two layers do, and
    seldom more than the fewest elsewhere.
    """
    neighbours: list[set[int]] = [set() for _ in range(n_labels)]
    for left, right in overlaps:
        neighbours[left].add(right)
        neighbours[right].add(left)
    layer_of: dict[int, int] = {}
    waiting = set(range(n_labels))

    def constraint(label: int) -> tuple[int, int, int]:
        taken = {layer_of[other] for other in neighbours[label] if other in layer_of}
        return len(taken), len(neighbours[label]), -label

    while waiting:
        label = max(waiting, key=constraint)
        waiting.remove(label)
        taken = {layer_of[other] for other in neighbours[label] if other in layer_of}
        layer_of[label] = next(layer for layer in range(n_labels) if layer not in taken)
    n_layers = max(layer_of.values(), default=0) + 1
    return Layers(tuple(tuple(x for x in range(n_labels) if layer_of[x] == layer) for layer in range(n_layers)))


def layers_of(options: Options, layouts: Mapping[str, Layout]) -> dict[str, Layers]:
    """Return the layers of every head set; `auto`, as long as nothing is known of the gold, is one layer.

    Raises ConfigError where the options' layers do not hold every label of a head set once.
    """
    found: dict[str, Layers] = {}
    for head, layout in layouts.items():
        n_labels = len(layout.labels)
        if not isinstance(options.layers, dict):
            every = tuple(range(n_labels))
            found[head] = Layers(tuple((label,) for label in every) if options.layers == "label" else (every,))
            continue
        given = options.layers.get(head, ())
        if sorted(label for labels in given for label in labels) != sorted(layout.labels):
            raise ConfigError(
                f"tagging.layers: head set {head!r} needs each label of its schema in one layer: "
                f"{', '.join(layout.labels)}"
            )
        found[head] = Layers(tuple(tuple(layout.label_index[label] for label in labels) for labels in given))
    return found
