"""Short runs on invented notes that tests of the loop share: their recipe, their comparison, a run in a process."""

import json
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml

from medspan.training.config import Recipe, load_recipe
from tiny import tiny_backbone, tiny_notes, tiny_recipe

__all__ = ["environment", "kill_at", "recipe", "still_backbone", "write_recipe"]


def still_backbone(folder: Path, *, dropout: float = 0.0) -> Path:
    """Write the tiny backbone with a dropout of its own, none unless asked."""
    backbone = tiny_backbone(folder, [document.text for document in tiny_notes("medications", 20)])
    config = json.loads((backbone / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    (backbone / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return backbone


def recipe(backbone: Path, *, optimisation: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a recipe of a dozen steps, two head sets, as plain data."""
    sources = [
        {"corpus": "invented:medications", "count": 14, "targets": [{"head": "core", "mapping": "clin"}]},
        {"corpus": "invented:social", "count": 12, "repeat": 1.5, "targets": [{"head": "sdoh"}]},
    ]
    data = tiny_recipe(backbone, **({"sources": sources, "evaluation": {"every": 1, "patience": 9}} | changes))
    data["optimisation"] |= {"epochs": 2, "batch_tokens": 400, "average": 0.5} | (optimisation or {})
    return data


def write_recipe(path: Path, data: dict[str, Any]) -> Path:
    """Write a recipe as YAML, checked."""
    path.write_text(
        yaml.safe_dump(Recipe.model_validate(data).model_dump(mode="json", by_alias=True)), encoding="utf-8"
    )
    return path


def environment(**further: str) -> dict[str, str]:
    """Return an environment for a child process: one thread, on the CPU."""
    return os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""} | further


def kill_at(path: Path, run: Path, steps: list[int]) -> None:
    """Train in processes of their own, each killed (SIGKILL) once it has made so many steps, the next one resuming.

    The last process is left to end. Steps count from the place where a process starts.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medspan.training.loop", "medspan.models.strategies.injected", "rich.progress"])
    for number, survived in enumerate([*steps, 0]):
        told, tell = context.Pipe(duplex=False)
        process = context.Process(target=_train, args=(path, run, bool(number), tell))
        process.start()
        tell.close()
        for made in range(1, survived + 1):
            assert told.recv() == made
        if survived:
            time.sleep(0.004 * survived)  # some way into what follows the step: the next one, or saving
            process.kill()
        process.join(120)
        assert process.exitcode == (-signal.SIGKILL if survived else 0)


def _train(path: Path, run: Path, resume: bool, tell: Connection) -> None:
    from medspan.training import loop

    step = loop.Stepper.step
    made = 0

    def counted(*args: Any) -> Any:
        nonlocal made
        outcome = step(*args)
        made += 1
        tell.send(made)
        return outcome

    loop.Stepper.step = counted  # type: ignore[method-assign]
    loop.train(load_recipe(path), run, resume=resume, quiet=True)
