"""How wrong logits are: the criterion that every formulation's losses are made of."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

__all__ = ["Criterion"]


@dataclass(frozen=True)
class Criterion:
    """Sums of cross-entropies, plain or focal (Lin et al., arXiv 1708.02002).

    Losses are sums, never means: the loop divides by what the whole step holds, so that neither padding, accumulation
    nor the number of devices changes them.
    """

    kind: Literal["cross_entropy", "focal"] = "cross_entropy"
    gamma: float = 2.0

    def binary(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sum over independent yes-or-no decisions; all of one shape, `mask` says which count."""
        loss = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        if self.kind == "focal":
            loss = loss * (-torch.expm1(-loss)).clamp(min=0) ** self.gamma
        return (loss if mask is None else loss * mask).sum()

    def categorical(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """Sum over choices of one class: logits (items, classes), targets and mask (items,)."""
        loss = cross_entropy(logits, targets, reduction="none")
        if self.kind == "focal":
            loss = loss * (-torch.expm1(-loss)).clamp(min=0) ** self.gamma
        return (loss if mask is None else loss * mask).sum()
