"""What passes between a study and the processes of its cells: jobs, plans and finished runs, as files.

The folder of a cell holds

    job.json      what its process is to do
    plan.json     what was asked, of the cell and of those it needs (hashes), and how many steps fit the budget
    recipe.json   the recipe as it is trained
    run/          the run, a checkpoint
    failure.json  why it did not get to its end, if so
    output.log    what libraries printed
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medspan.interchange.atomic import partial_path, publish
from medspan.studies.keeping import asked_hash

__all__ = ["Job", "is_trained", "read_metrics", "read_plan", "write_plan"]


@dataclass(frozen=True)
class Job:
    """What one process is to do.

    study: the study as plain data, in a file. folder: of all cells' runs. cells: where finished ones are kept. do:
    "measure" trains and keeps the figures; "train" only makes a run that another cell needs and whose figures are kept
    already. steps: known from a cell of the same pace; None: to be found by timing.
    """

    study: Path
    cell: str
    folder: Path
    cells: Path
    do: Literal["measure", "train"]
    steps: int | None

    def write(self, path: Path) -> None:
        """Write the job for the process that will do it."""
        _write(path, {key: str(value) if isinstance(value, Path) else value for key, value in vars(self).items()})

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read what `write` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        places = {key: Path(data[key]) for key in ("study", "folder", "cells")}
        return cls(**{**data, **places})


def read_plan(folder: Path) -> dict[str, Any]:
    """Return a cell's plan; empty where there is none."""
    return _read(folder / "plan.json")


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Write a cell's plan whole or not at all."""
    _write(folder / "plan.json", plan)


def read_metrics(run: Path) -> dict[str, Any]:
    """Return the metrics of a run that came to its end; empty for one that did not."""
    return _read(run / "metrics.json")


def is_trained(folder: Path, demanded: Mapping[str, Any]) -> bool:
    """Say whether a cell's folder holds a whole run of what is asked."""
    return read_plan(folder).get("asked_hash") == asked_hash(demanded) and bool(read_metrics(folder / "run"))


def _write(path: Path, data: Mapping[str, Any]) -> None:
    partial_path(path).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    publish(path)


def _read(path: Path) -> dict[str, Any]:
    """Read what was written whole; a file that a kill cut short counts as none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
