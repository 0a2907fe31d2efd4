"""One recipe trained from several seeds: how much of a score is luck."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from medspan.errors import ConfigError
from medspan.models.checkpoint import write_json
from medspan.training.config import Recipe
from medspan.training.loop import train
from medspan.training.state import has_state

__all__ = ["summary", "train_seeds"]


def train_seeds(
    recipe: Recipe, folder: Path, seeds: Sequence[int], *, resume: bool = False, quiet: bool = False
) -> dict[str, Any]:
    """Train a recipe into `folder`/seedN for every seed, write `folder`/summary.json and return what it says.

    With `resume`, seeds that have ended are kept and the one that was stopped goes on. Raises ConfigError for a seed
    given twice, and for runs that are there already otherwise.
    """
    if len(set(seeds)) != len(seeds) or not seeds:
        raise ConfigError("seeds: give each number once, as in 1,2,3")
    runs = {seed: folder / f"seed{seed}" for seed in seeds}
    there = [run.name for run in runs.values() if (run / "log.jsonl").exists()]
    if there and not resume:
        raise ConfigError(f"{folder} already holds {', '.join(there)}; give --resume to go on, or another folder")
    found = {}
    for seed, run in runs.items():
        if (run / "metrics.json").is_file():
            found[seed] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        else:
            chosen = recipe.model_copy(update={"seed": seed})
            found[seed] = train(chosen, run, resume=has_state(run / "state"), quiet=quiet)
    told = summary(found)
    write_json(folder / "summary.json", told)
    return told


def summary(metrics: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean, spread (the standard deviation of a sample; 0 for a single seed) and values of every score."""
    runs = list(metrics.values())
    heads = {
        head: {
            name: _described([run["tune"]["heads"][head].get(name, 0.0) for run in runs])
            for name in runs[0]["tune"]["heads"][head]
        }
        for head in runs[0]["tune"]["heads"]
    }
    measure = _described([run["tune"]["measure"] for run in runs])
    return {"seeds": list(metrics), "tune": {"measure": measure, "heads": heads}}


def _described(values: Sequence[float]) -> dict[str, Any]:
    spread = stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(mean(values), 4), "spread": round(spread, 4), "values": list(values)}
