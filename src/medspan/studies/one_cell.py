"""One cell, in a process of its own: `python -m medspan.studies.one_cell JOB.json`.

Its peak memory, its threads and its end, however sudden, are then its own.
"""

import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError, MedspanError
from medspan.models.checkpoint import write_json
from medspan.studies.budget import steps_within, time_steps, with_steps
from medspan.studies.grid import CELL_PREFIX, Cell, expand
from medspan.studies.jobs import Job, read_metrics, read_plan, write_plan
from medspan.studies.keeping import asked, asked_hash, cell_file, pace, read_kept, write_kept
from medspan.studies.machine import hardware, peak_memory, versions
from medspan.studies.study_file import Study
from medspan.training.config import Recipe

__all__ = ["main", "run_cell"]

FAILED = 1


def run_cell(job: Job) -> None:
    """Train a cell, going on where an earlier process stopped, and keep its figures."""
    study = Study.model_validate_json(job.study.read_text(encoding="utf-8"))
    cell = next(cell for cell in expand(study) if cell.name == job.cell)
    folder = job.folder / cell.name
    demanded = asked(study, cell)
    plan = _plan(folder, demanded, {name: read_plan(job.folder / name).get("asked_hash") for name in cell.needs})
    recipe = _with_entities(cell, job.folder)
    if plan["steps"] is None:
        # Steps that a recipe names are taken at their word; nothing is timed then.
        plan["steps"] = recipe.optimisation.steps or job.steps or _timed(recipe, folder, study, cell)
        write_plan(folder, plan)
    resolved = with_steps(recipe, plan["steps"], study.evaluations)
    write_json(folder / "recipe.json", resolved.model_dump(mode="json", by_alias=True))
    metrics, cpu = _trained(resolved, folder / "run")
    # Before anything is scored: what follows is not the training's memory.
    memory = metrics.get("peak_memory_bytes") or peak_memory()
    if job.do == "measure":
        kept = _kept(study, cell, demanded, resolved, folder / "run", job)
        kept["training"] = _training(metrics, plan["steps"], cpu, memory)
        write_kept(cell_file(job.cells, study, cell.name), kept)
    shutil.rmtree(folder / "run" / "state", ignore_errors=True)


def _plan(folder: Path, demanded: Mapping[str, Any], needs: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the cell's plan; what was begun under another recipe, or on another entity model, is thrown away."""
    fresh = {"asked_hash": asked_hash(demanded), "needs": dict(needs), "steps": None}
    plan = read_plan(folder)
    if plan.get("asked_hash") != fresh["asked_hash"] or plan.get("needs", {}) != needs:
        shutil.rmtree(folder / "run", ignore_errors=True)
        plan = fresh
        write_plan(folder, plan)
    return plan


def _with_entities(cell: Cell, folder: Path) -> Recipe:
    if not cell.needs:
        return cell.recipe
    run = folder / cell.needs[0] / "run"
    if not read_metrics(run):
        raise ConfigError(f"cell {cell.name} needs the run of {cell.needs[0]}, and {run} holds none")
    return cell.recipe.model_copy(update={"entities": run})


def _timed(recipe: Recipe, folder: Path, study: Study, cell: Cell) -> int:
    place = folder / "timing"
    shutil.rmtree(place, ignore_errors=True)
    try:
        cost = time_steps(recipe, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    minutes = cell.group.budget or study.budget
    return steps_within(cost, minutes, recipe.optimisation.epochs)


def _trained(recipe: Recipe, run: Path) -> tuple[dict[str, Any], float]:
    """Return the metrics of a run and the processor seconds of its last process."""
    if metrics := read_metrics(run):
        return metrics, float(metrics.get("cpu_seconds") or metrics.get("seconds") or 0.0)
    from medspan.training.loop import train

    began = time.process_time()
    is_begun = any((run / name / "counters.json").is_file() for name in ("state", "state.new"))
    if not is_begun:
        shutil.rmtree(run, ignore_errors=True)
    metrics = train(recipe, run, resume=is_begun, quiet=True)
    return metrics, float(metrics.get("cpu_seconds") or time.process_time() - began)


def _training(metrics: Mapping[str, Any], steps: int, cpu: float, memory: int) -> dict[str, Any]:
    noted = ("steps", "epochs", "trainable", "parameters", "cpu_seconds_per_step", "curve", "tune")
    return {
        **{key: metrics[key] for key in (*noted, "memory_growth_bytes") if key in metrics},
        "steps_allowed": steps,
        "cpu_seconds": cpu,
        "peak_memory_bytes": memory,
        "tune_ceiling": metrics.get("ceiling"),
    }


def _kept(
    study: Study, cell: Cell, demanded: Mapping[str, Any], resolved: Recipe, run: Path, job: Job
) -> dict[str, Any]:
    from medspan.studies.measuring import ceiling, digest, measure, scored_documents, training_data

    scored = cell.group.scored
    gold = scored_documents(scored)
    needed = {name: read_kept(cell_file(job.cells, study, name)) for name in cell.needs}
    return {
        "study": study.name,
        "cell": cell.name,
        "group": cell.group.name,
        "values": dict(cell.values),
        "settings": {key: _shown(cell, value, key) for key, value in cell.settings.items()},
        "asked_hash": asked_hash(demanded),
        "pace": pace(demanded),
        "needs": {name: other["asked_hash"] for name, other in needed.items() if other is not None},
        "scored_on": scored.documents,
        **measure(run, gold, scored, bootstrap=study.bootstrap, threads=study.threads),
        "ceiling": ceiling(run, gold, scored),
        "versions": versions(),
        "hardware": hardware(),
        "threads": study.threads,
        "data": {scored.documents: {"documents": len(gold), "sha256": digest(gold)}, **training_data(resolved)},
        "asked": demanded,
    }


def _shown(cell: Cell, value: Any, key: str) -> Any:
    return CELL_PREFIX + cell.needs[0] if key == "entities" and cell.needs else value


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, or nobody could stop it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(FAILED)

    threading.Thread(target=watch, daemon=True).start()


def _alone(folder: Path) -> Any:
    """Hold the cell's folder, waiting a little for a process that is just ending; returns what must be kept alive."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return None
    file = (folder / "lock").open("w")
    for attempt in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError as error:
            if attempt == 19:
                raise ConfigError(f"{folder.name}: another process is working on this cell") from error
            time.sleep(0.5)
    return file


def main(arguments: list[str]) -> int:
    """Do the job in the file named; returns the exit code. Failures are left in the cell's folder."""
    job = Job.read(Path(arguments[0]))
    folder = job.folder / job.cell
    _end_with_parent()
    try:
        held = _alone(folder)
        run_cell(job)
        del held
    except MedspanError as error:
        write_json(folder / "failure.json", {"kind": type(error).__name__, "message": str(error)})
    except Exception as error:
        # The message of a foreign exception may quote a note: its type and place must do.
        frames = traceback.extract_tb(error.__traceback__)
        place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:]))
        write_json(folder / "failure.json", {"kind": type(error).__name__, "message": f"at {place}"})
    else:
        return 0
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
