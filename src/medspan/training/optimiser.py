"""Parameter groups and weight averaging."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from medspan.training.config import Optimisation

__all__ = ["Average", "build_optimiser"]

_LAYER = re.compile(r"encoder\.backbone\..*?layers?\.(\d+)\.")
_ADDED = re.compile(r"\.(lora_|ia3_|prompt_encoder\.)")
_FREE = re.compile(r"\.(ia3_|prompt_encoder\.)")
"""What no decay pulls to 0: factors, neutral at 1, and virtual tokens, whose high rates would multiply it."""


def build_optimiser(model: nn.Module, options: Optimisation) -> torch.optim.AdamW:
    """Return AdamW over what learns, with layer-wise rates that fall by `layer_decay` from the encoder's last layer.

    What a strategy adds to the encoder has one rate whatever its layer: it starts from nothing everywhere.
    """
    numbers = [int(match.group(1)) for name, _ in model.named_parameters() if (match := _LAYER.match(name))]
    n_layers = max(numbers, default=-1) + 1
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_decaying = parameter.ndim > 1 and not _FREE.search(name)
        decay = options.weight_decay if is_decaying else 0.0
        groups.setdefault((_rate(name, n_layers, options), decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "lr": rate, "peak": rate, "weight_decay": decay}
            for (rate, decay), members in groups.items()
        ],
        fused=True,
    )


def _rate(name: str, n_layers: int, options: Optimisation) -> float:
    if not name.startswith("encoder."):
        return options.head_learning_rate
    if _ADDED.search(name):
        return options.adapter_learning_rate or options.learning_rate
    if match := _LAYER.match(name):
        depth = n_layers - 1 - int(match.group(1))
    else:
        depth = n_layers if "embeddings" in name else 0  # a norm behind the last layer learns as that does
    return options.learning_rate * options.layer_decay**depth


class Average:
    """An exponential moving average of the weights that learn; evaluated and kept instead of the last weights.

    weights: the average, by parameter name. Frozen weights are the same at every step and are not copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._learning = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.weights: Mapping[str, Tensor] = {name: value.detach().clone() for name, value in self._learning.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the present weights; faster in the first steps."""
        share = 1.0 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.weights.values()), [p.detach() for p in self._learning.values()], share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the averaged weights inside, and its own back afterwards."""
        own = {name: parameter.detach().clone() for name, parameter in self._learning.items()}
        self._copy(self.weights)
        try:
            yield
        finally:
            self._copy(own)

    @torch.no_grad()
    def _copy(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self._learning.items():
            parameter.copy_(weights[name])
