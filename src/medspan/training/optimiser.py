"""Parameter groups, learning-rate schedule and weight averaging."""

import math
import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from medspan.training.config import Optimisation

__all__ = ["Average", "build_optimiser", "rate_factor"]

_LAYER = re.compile(r"encoder\.backbone\..*?layers?\.(\d+)\.")


def build_optimiser(model: nn.Module, options: Optimisation) -> torch.optim.AdamW:
    """Return AdamW with layer-wise rates, falling by `layer_decay` from the encoder's last layer down."""
    numbers = [int(match.group(1)) for name, _ in model.named_parameters() if (match := _LAYER.match(name))]
    n_layers = max(numbers, default=-1) + 1
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("encoder."):
            match = _LAYER.match(name)
            depth = n_layers - 1 - int(match.group(1)) if match else n_layers
            rate = options.learning_rate * options.layer_decay**depth
        else:
            rate = options.head_learning_rate
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "lr": rate, "peak": rate, "weight_decay": decay}
            for (rate, decay), members in groups.items()
        ],
        fused=True,
    )


def rate_factor(step: int, total: int, warmup: float) -> float:
    """Return the share of the peak rate at a step: a linear rise over `warmup`, then a cosine fall to zero."""
    rise = max(1, int(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, (step - rise) / max(1, total - rise))))


class Average:
    """An exponential moving average of the weights; evaluated and kept instead of the last weights."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the present weights; faster in the first steps."""
        share = 1.0 - min(self.decay, (1 + step) / (10 + step))
        mine: list[Tensor] = []
        theirs: list[Tensor] = []
        for name, value in _named(model):
            if value.is_floating_point():
                mine.append(self.weights[name])
                theirs.append(value)
            else:
                self.weights[name].copy_(value)
        torch._foreach_lerp_(mine, theirs, share)


def _named(model: nn.Module) -> Iterable[tuple[str, Any]]:
    return ((name, value.detach()) for name, value in model.state_dict().items())
