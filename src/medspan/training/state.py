"""The state of a run that stopped: weights, average and optimiser moments as safetensors, counters as JSON."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medspan.errors import CheckpointError
from medspan.models.checkpoint import write_json
from medspan.training.optimiser import Average

__all__ = ["load_state", "save_state"]


def save_state(
    folder: Path, model: nn.Module, average: Average, optimiser: torch.optim.Optimizer, counters: dict[str, Any]
) -> None:
    """Write everything a resumed run needs. Killed at any moment, the former state or this one is left whole."""
    from safetensors.torch import save_file

    _finish_swap(folder)
    fresh = _fresh(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    moments = {
        f"{number}.{key}": value.detach().contiguous()
        for number, values in optimiser.state_dict()["state"].items()
        for key, value in values.items()
    }
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, fresh / "weights.safetensors")
    save_file({name: value.contiguous() for name, value in average.weights.items()}, fresh / "average.safetensors")
    save_file(moments, fresh / "optimiser.safetensors")
    write_json(fresh / "counters.json.part", counters)
    # From here on the fresh state is whole, and `_finish_swap` does what a kill leaves undone.
    (fresh / "counters.json.part").rename(fresh / "counters.json")
    _finish_swap(folder)


def load_state(folder: Path, model: nn.Module, average: Average, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore what `save_state` wrote and return the counters.

    Raises CheckpointError when there is nothing whole, or when the state is of a model with other weights.
    """
    from safetensors.torch import load_file

    _finish_swap(folder)
    if not (folder / "counters.json").is_file():
        raise CheckpointError(f"{folder}: no complete state to resume from; start without --resume")
    weights = load_file(folder / "weights.safetensors")
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    if wanted != {name: value.shape for name, value in weights.items()}:
        raise CheckpointError(f"{folder}: the state is of another model; resume with the recipe the run began with")
    model.load_state_dict(weights)
    average.weights = load_file(folder / "average.safetensors")
    state: dict[int, dict[str, Any]] = {}
    for name, value in load_file(folder / "optimiser.safetensors").items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    counters: dict[str, Any] = json.loads((folder / "counters.json").read_text(encoding="utf-8"))
    return counters


def _fresh(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def _finish_swap(folder: Path) -> None:
    """Put a whole fresh state in the place of the former one."""
    fresh = _fresh(folder)
    if (fresh / "counters.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
