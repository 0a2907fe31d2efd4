"""How wrong logits are: the criterion that every formulation's losses are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

__all__ = ["Criterion", "balanced_weights"]


@dataclass(frozen=True)
class Criterion:
    """Sums of cross-entropies: plain, focal (Lin et al., arXiv 1708.02002) or class-balanced (Cui et al. 2019).

    Losses are sums, never means: the loop divides by what the whole step holds, so that neither padding, accumulation
    nor the number of devices changes them.

    groups: for class_balanced, the weights of the classes of each group, such as the labels of a head set. A loss over
    classes that form no group, and one that was not asked for with `of`, is plain.
    """

    kind: Literal["cross_entropy", "focal", "class_balanced"] = "cross_entropy"
    gamma: float = 2.0
    groups: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Tensor | None = None

    def of(self, group: str) -> "Criterion":
        """Return the criterion for logits whose last axis is a group of classes; focal and plain have no groups."""
        return replace(self, weights=self.groups.get(group))

    def binary(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sum over independent yes-or-no decisions; all of one shape, `mask` says which count.

        Class-balanced, every yes weighs as its class does, every no 1.
        """
        weights = None if self.weights is None else self.weights.to(logits)
        loss = binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=weights)
        return _summed(self._focused(loss), mask)

    def categorical(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sum over choices of one class: logits (items, classes), targets and mask (items,)."""
        weights = None if self.weights is None else self.weights.to(logits)
        loss = cross_entropy(logits, targets, weight=weights, reduction="none")
        return _summed(self._focused(loss), mask)

    def _focused(self, loss: Tensor) -> Tensor:
        if self.kind != "focal":
            return loss
        return loss * (-torch.expm1(-loss)).clamp(min=0) ** self.gamma


def balanced_weights(counts: Sequence[int], beta: float) -> Tensor:
    """Return a weight for each class, the inverse of its effective number of samples, (1 - beta^n) / (1 - beta).

    The weights of classes that occur average 1; a class that never occurs weighs 1.
    """
    n = torch.tensor([float(count) for count in counts], dtype=torch.float64)
    occurs = n > 0
    inverse = (1.0 - beta) / (1.0 - beta ** n.clamp(min=1))
    mean = inverse[occurs].mean() if bool(occurs.any()) else torch.ones((), dtype=torch.float64)
    return torch.where(occurs, inverse / mean, torch.ones_like(inverse)).float()


def _summed(loss: Tensor, mask: Tensor | None) -> Tensor:
    return (loss if mask is None else loss * mask).sum()
