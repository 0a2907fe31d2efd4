"""A linear-chain CRF in torch: scores of neighbouring tags, and the log-sum over all legal sequences.

Shapes: L layers, R rows, S steps of the longest row, T tags.
"""

import torch
from torch import Tensor, nn

from medspan.formulations.tagging import Layers

__all__ = ["NEVER", "TagTransitions", "log_sums"]

NEVER = -1e4
"""The score of what is not allowed: its exponential is 0 in double precision."""

LEAST = 1e-300


class TagTransitions(nn.Module):
    """Learnt scores: `between` a tag and the next (L, T, T), of the `first` and the `last` tag of a row, (L, T)."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        n, width = len(layers), layers.width
        self.between = nn.Parameter(torch.zeros(n, width, width))
        self.first = nn.Parameter(torch.zeros(n, width))
        self.last = nn.Parameter(torch.zeros(n, width))
        self.layers = layers

    def log_sums(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Return the log of the summed exponentials of all legal sequences' scores: (L, R) float64."""
        illegal = torch.from_numpy(~self.layers.transition_legal).to(self.between.device)
        between = self.between.double().masked_fill(illegal, NEVER)
        illegal = torch.from_numpy(~self.layers.first_legal).to(self.first.device)
        first = self.first.double().masked_fill(illegal, NEVER)
        return log_sums(emissions, lengths, between, first, self.last.double())


def log_sums(emissions: Tensor, lengths: Tensor, between: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Return the log of the summed exponentials of the scores of all sequences: (L, R), by the forward algorithm.

    emissions: (L, R, S, T) float64; lengths: (R,); between: (L, T, T); first, last: (L, T). NEVER where not allowed.
    """
    best = between.amax(dim=(1, 2), keepdim=True).detach()
    weights = torch.exp(between - best)
    alpha = emissions[:, :, 0] + first.unsqueeze(1)
    for step in range(1, emissions.shape[2]):
        top = alpha.amax(dim=2, keepdim=True).detach()
        reached = torch.exp(alpha - top) @ weights
        moved = torch.log(reached.clamp(min=LEAST)) + top + best + emissions[:, :, step]
        alpha = torch.where((step < lengths).view(1, -1, 1), moved, alpha)
    return torch.logsumexp(alpha + last.unsqueeze(1), dim=2)
