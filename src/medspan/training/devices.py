"""One device or many: what Accelerate's launcher started, behind the few questions the loop asks.

`accelerate launch ... -m medspan train RECIPE -o RUN` starts a process a device. All of them plan the same steps and
share out each step's batches; gradients are those of the whole step. Only the first process writes and evaluates.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from medspan.errors import ConfigError, MissingExtraError

__all__ = ["Devices", "connect", "part", "whole"]

_LONGEST_WAIT = timedelta(hours=6)
"""The other processes wait while the first evaluates."""


@dataclass(frozen=True)
class Devices:
    """The device of this process, its rank among `count`, and the accelerator that joins them; none when alone.

    is_sharded: whether no process holds the whole weights (FSDP).
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    accelerator: Any = None
    is_sharded: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this process writes and evaluates."""
        return self.rank == 0

    def join(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> nn.Module:
        """Return the module so wrapped that its gradients are averaged over processes; the optimiser follows it."""
        if self.accelerator is None:
            return module
        if not self.is_sharded:
            return self.accelerator.prepare_model(module)  # type: ignore[no-any-return]
        return self.accelerator.prepare(module, optimiser)[0]  # type: ignore[no-any-return]

    def own(self, members: Sequence[Any]) -> list[tuple[int, bool]]:
        """Return the numbers of this process's members, and whether each counts.

        Every process gets equally many, because all of them take part in every exchange of gradients; where members run
        out, the first one stands in and does not count.
        """
        rounds = -(-len(members) // self.count)
        places = [turn * self.count + self.rank for turn in range(rounds)]
        return [(place, True) if place < len(members) else (0, False) for place in places]

    def holding_back(self, module: nn.Module, *, is_last: bool) -> AbstractContextManager[Any]:
        """Exchange no gradients inside, unless it is the last backward pass of a step."""
        if self.accelerator is None or is_last:
            return nullcontext()
        return self.accelerator.no_sync(module)  # type: ignore[no-any-return]

    def total(self, number: int) -> int:
        """Return the sum of a number over processes."""
        if self.count == 1:
            return number
        summed = torch.tensor(number, device=self.device, dtype=torch.int64)
        torch.distributed.all_reduce(summed)
        return int(summed)

    def gather(self, thing: Any) -> list[Any]:
        """Return what every process holds, by rank."""
        if self.count == 1:
            return [thing]
        found: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(found, thing)
        return found

    def first(self, thing: Any) -> Any:
        """Return what the first process holds; others wait for it."""
        if self.count == 1:
            return thing
        held = [thing]
        torch.distributed.broadcast_object_list(held, src=0)
        return held[0]


def connect() -> Devices:
    """Return this process's place among those that Accelerate's launcher started, or the one device there is."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Devices(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        from accelerate import Accelerator, InitProcessGroupKwargs
    except ImportError as error:
        raise MissingExtraError("accelerate", "train") from error
    # The recipe says in which precision the encoder computes; the launcher's own setting would reach the heads too.
    accelerator = Accelerator(mixed_precision="no", kwargs_handlers=[InitProcessGroupKwargs(timeout=_LONGEST_WAIT)])
    if str(accelerator.distributed_type).endswith("FSDP") and not accelerator.is_fsdp2:
        raise ConfigError("FSDP of the first version flattens weights; launch with --fsdp_version 2")
    rank, count = accelerator.process_index, accelerator.num_processes
    return Devices(accelerator.device, rank, count, accelerator, bool(accelerator.is_fsdp2))


def whole(value: Tensor) -> Tensor:
    """Return a tensor with all its parts, where processes hold a part each; all of them must ask."""
    full = getattr(value, "full_tensor", None)
    return value if full is None else full()


def part(value: Tensor, like: Tensor) -> Tensor:
    """Return this process's part of a whole tensor, held as `like` is held."""
    value = value.to(like.device)
    if not hasattr(like, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, like.device_mesh, like.placements)  # type: ignore[attr-defined]
