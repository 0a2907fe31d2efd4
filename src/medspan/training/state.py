"""The state of a run on disk: what learns, their average, the optimiser's moments, the counters and the recipe."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medspan.errors import CheckpointError
from medspan.models.checkpoint import write_json
from medspan.training.devices import part, whole
from medspan.training.optimiser import Average

__all__ = ["Snapshot", "has_state", "load_state", "save_state", "steps_made"]

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Snapshot:
    """Tensors of a run, whole whatever the number of devices.

    weights: of the parameters that learn, by name; what a strategy adds is there as it learns, not as peft saves it.
    average: their average. moments: of the optimiser, as number.key.
    """

    weights: Tensors
    average: Tensors
    moments: Tensors

    @classmethod
    def take(cls, model: nn.Module, average: Average, optimiser: torch.optim.Optimizer) -> "Snapshot":
        """Collect the tensors; where devices hold parts, all processes must do so together."""
        return cls(
            {name: whole(p.detach()) for name, p in model.named_parameters() if p.requires_grad},
            {name: whole(value) for name, value in average.weights.items()},
            {
                f"{number}.{key}": whole(value.detach())
                for number, values in sorted(optimiser.state_dict()["state"].items())
                for key, value in sorted(values.items())
            },
        )

    @torch.no_grad()
    def put(self, model: nn.Module, average: Average, optimiser: torch.optim.Optimizer) -> None:
        """Give the tensors back; raises CheckpointError where they are of a model with other weights."""
        learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if {name: p.shape for name, p in learning.items()} != {name: v.shape for name, v in self.weights.items()}:
            raise CheckpointError("the state is of another model; resume with the recipe the run began with")
        for name, parameter in learning.items():
            parameter.copy_(part(self.weights[name], parameter))
            average.weights[name].copy_(part(self.average[name], parameter))
        numbered = [p for group in optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Any]] = {}
        for name, value in self.moments.items():
            number, _, key = name.partition(".")
            like = numbered[int(number)]
            state.setdefault(int(number), {})[key] = part(value, like) if value.shape == like.shape else value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def save_state(folder: Path, snapshot: Snapshot, counters: Mapping[str, Any]) -> None:
    """Write everything a resumed run needs. Killed at any moment, the former state or this one is left whole."""
    from safetensors.torch import save_file

    _finish_swap(folder)
    fresh = _fresh(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, tensors in _parts(snapshot).items():
        save_file({key: value.contiguous() for key, value in tensors.items()}, fresh / f"{name}.safetensors")
    write_json(fresh / "counters.json.part", dict(counters))
    # From here on the fresh state is whole, and `_finish_swap` does what a kill leaves undone.
    (fresh / "counters.json.part").rename(fresh / "counters.json")
    _finish_swap(folder)


def load_state(folder: Path) -> tuple[Snapshot, dict[str, Any]]:
    """Read what `save_state` wrote, tensors and counters; raises CheckpointError when there is nothing whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _finish_swap(folder)
    if not (folder / "counters.json").is_file():
        raise CheckpointError(f"{folder}: no complete state to resume from; start without --resume")
    names = ("weights", "average", "optimiser")
    try:
        snapshot = Snapshot(*(load_file(folder / f"{name}.safetensors") for name in names))
        counters: dict[str, Any] = json.loads((folder / "counters.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder}: the state is damaged ({type(error).__name__}); start anew, without --resume, in another folder"
        ) from error
    return snapshot, counters


def has_state(folder: Path) -> bool:
    """Tell whether there is something whole to resume from."""
    return any((place / "counters.json").is_file() for place in (folder, _fresh(folder)))


def steps_made(folder: Path) -> int:
    """Return the step of a state, 0 where there is none or it cannot be read."""
    for place in (_fresh(folder), folder):
        try:
            return int(json.loads((place / "counters.json").read_text(encoding="utf-8"))["step"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return 0


def _parts(snapshot: Snapshot) -> dict[str, Tensors]:
    return {"weights": snapshot.weights, "average": snapshot.average, "optimiser": snapshot.moments}


def _fresh(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def _finish_swap(folder: Path) -> None:
    """Put a whole fresh state in the place of the former one."""
    fresh = _fresh(folder)
    if (fresh / "counters.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
