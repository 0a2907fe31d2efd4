"""The state of a run that stopped: weights, average and optimiser moments as safetensors, counters as JSON."""

import json
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
    """Write everything a resumed run needs. The counters come last: their file makes the state complete."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "counters.json").unlink(missing_ok=True)
    moments = {
        f"{number}.{key}": value.detach().contiguous()
        for number, values in optimiser.state_dict()["state"].items()
        for key, value in values.items()
    }
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "weights.safetensors")
    save_file({name: value.contiguous() for name, value in average.weights.items()}, folder / "average.safetensors")
    save_file(moments, folder / "optimiser.safetensors")
    write_json(folder / "counters.json", counters)


def load_state(folder: Path, model: nn.Module, average: Average, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore what `save_state` wrote and return the counters; raises CheckpointError when there is nothing whole."""
    from safetensors.torch import load_file

    if not (folder / "counters.json").is_file():
        raise CheckpointError(f"{folder}: no complete state to resume from; start without --resume")
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    average.weights = load_file(folder / "average.safetensors")
    state: dict[int, dict[str, Any]] = {}
    for name, value in load_file(folder / "optimiser.safetensors").items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    counters: dict[str, Any] = json.loads((folder / "counters.json").read_text(encoding="utf-8"))
    return counters
