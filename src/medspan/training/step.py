"""One step of training: batches to losses to gradients to moved weights."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medspan.errors import ConfigError
from medspan.models.objective import Criterion
from medspan.training.config import Optimisation
from medspan.training.devices import Devices, whole
from medspan.training.examples import Example
from medspan.training.optimiser import Average, build_optimiser
from medspan.training.schedule import rate_factor
from medspan.training.tasks import Task

__all__ = ["DivergedError", "Losses", "StepOutcome", "Stepper", "clip"]


class DivergedError(ConfigError):
    """Training went astray: its gradient is no longer a number."""


class Losses(nn.Module):
    """The network together with its losses, so that a wrapper for many devices sees one forward pass.

    reaches: parameters under names without these prefixes are reached by every pass, because devices exchange gradients
    of all of them at once; None: no parameter need be.
    """

    def __init__(self, network: nn.Module, task: Task, criterion: Criterion) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.criterion = criterion
        self.reaches: tuple[str, ...] | None = None

    def forward(self, batch: Any, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the summed loss and its parts."""
        parts = self.task.losses(self.network, batch, rng, self.criterion)
        terms = [*parts.values(), *self._reached()]
        total = torch.stack(terms).sum() if terms else torch.zeros((), requires_grad=True)
        return total, {name: value.detach() for name, value in parts.items()}

    def _reached(self) -> list[Tensor]:
        if self.reaches is None:
            return []
        # Looked up in every pass: sharded parameters are whole, and other objects, only inside it.
        named = self.network.named_parameters()
        return [p.sum() * 0.0 for name, p in named if p.requires_grad and not name.startswith(self.reaches)]


@dataclass(frozen=True)
class StepOutcome:
    """Summed losses by part on this device; units of the whole step; this device's tokens, padding not counted."""

    parts: Mapping[str, Tensor]
    n_units: int
    n_tokens: int


class Stepper:
    """Moves the weights of a network, one step at a time.

    Random numbers of a batch depend on the seed, the step and the batch's place in it alone. A resumed run therefore
    draws what an uninterrupted one would, and several devices what one would that takes their batches in turn.
    """

    def __init__(
        self, network: nn.Module, task: Task, criterion: Criterion, options: Optimisation, seed: int, devices: Devices
    ) -> None:
        self.options = options
        self.seed = seed
        self.devices = devices
        self.network = network
        self.task = task
        network.to(devices.device)
        losses = Losses(network, task, criterion)
        self.optimiser = build_optimiser(network, options)
        self.module = devices.join(losses, self.optimiser)
        self.learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if devices.count > 1:
            # Sharded layers are put together only while they run, and every pass runs them all.
            losses.reaches = ("encoder.",) if devices.is_sharded else ()
        self.average = Average(network, options.average)
        self.scaler = torch.amp.GradScaler(devices.device.type, enabled=options.precision == "fp16")

    def step(self, number: int, total: int, batches: Sequence[Sequence[Example]]) -> StepOutcome:
        """Make step `number` of `total` with the examples of its batches, all devices' batches together.

        Raises DivergedError where the gradient is no longer a number.
        """
        own = self.devices.own(batches)
        collated = [self.task.collate(batches[place]) for place, _ in own]
        n_units = sum(batch.n_units for batch, (_, counts) in zip(collated, own, strict=True) if counts)
        n_units = max(1, self.devices.total(n_units))
        n_tokens = sum(len(example.row) for place, counts in own if counts for example in batches[place])
        self.module.train()
        parts: dict[str, Tensor] = {}
        for turn, (batch, (place, counts)) in enumerate(zip(collated, own, strict=True)):
            rng = self._seeded(number, place)
            with self.devices.holding_back(self.module, is_last=turn == len(own) - 1):
                loss, shares = self.module(batch.to(self.devices.device), rng)
                # Devices' gradients are averaged; theirs must add up.
                loss = loss * (self.devices.count / n_units if counts else 0.0)
                self.scaler.scale(loss).backward()
            if counts:
                for name, value in shares.items():
                    parts[name] = parts[name] + value if name in parts else value
        self._move(number, total)
        return StepOutcome(parts, n_units, n_tokens)

    def _seeded(self, number: int, place: int) -> np.random.Generator:
        words = np.random.SeedSequence((self.seed, 2, number, place)).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0]) >> 1)
        return np.random.default_rng((self.seed, 1, number, place))

    def _move(self, number: int, total: int) -> None:
        options = self.options
        factor = rate_factor(
            number, total, options.warmup, options.schedule, options.schedule_power, options.schedule_floor
        )
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        self.scaler.unscale_(self.optimiser)
        norm = clip(self.learning, options.clip)
        if not math.isfinite(norm) and not self.scaler.is_enabled():
            raise DivergedError(
                f"step {number + 1}: the gradient is not a number; lower the learning rates, or use precision float32"
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        self.average.update(number)


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], limit: float) -> float:
    """Scale gradients down to a norm of at most `limit` and return the norm they had.

    A parameter whose gradient is zero throughout took no part in the step, as a head set that no row trained, and is
    left where it is: its gradient is taken away. So a step on many devices, which exchange zeros, is that of one.
    """
    there = [parameter for parameter in parameters if parameter.grad is not None]
    if not there:
        return 0.0
    gradients = [parameter.grad for parameter in there if parameter.grad is not None]
    norms = torch.stack([whole(norm) for norm in torch._foreach_norm(gradients)])
    total = float(torch.linalg.vector_norm(norms))
    if total > limit:
        torch._foreach_mul_(gradients, limit / (total + 1e-6))
    for parameter, norm in zip(there, norms.tolist(), strict=True):
        if norm == 0.0:
            parameter.grad = None
    return total
