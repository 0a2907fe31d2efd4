"""A study run to its end: what is left to do, each cell in a process of its own, in an order that fits their needs."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medspan.studies.grid import Cell, chosen, expand, in_order
from medspan.studies.jobs import Job, is_trained
from medspan.studies.keeping import Kept, asked, cell_file, pace, read_kept, stale
from medspan.studies.study_file import Study

__all__ = ["Again", "Outcome", "State", "Task", "run_study", "survey", "tasks"]

Again = Literal["no", "stale", "all"]
"""Which of the cells chosen are run though they have figures: none, those that are stale, all."""


@dataclass(frozen=True)
class State:
    """Where a cell stands: its kept figures, and why they are not what the study asks for now, if so."""

    cell: Cell
    kept: Kept | None
    staleness: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing to do."""
        return self.kept is not None and not self.staleness


@dataclass(frozen=True)
class Task:
    """A cell to run: measured, or trained once more for the sake of those that need it."""

    cell: Cell
    do: Literal["measure", "train"]


@dataclass
class Outcome:
    """How a study's run ended: names of cells, with reasons where something stands against them."""

    finished: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    stale: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether every cell asked for has its figures."""
        return not self.failed and not self.stale


def survey(study: Study, cells: Path) -> list[State]:
    """Say of every cell of a study where it stands."""
    planned = expand(study)
    kept = {cell.name: read_kept(cell_file(cells, study, cell.name)) for cell in planned}
    states: dict[str, State] = {}
    for cell in in_order(planned, planned):
        found = kept[cell.name]
        reason = stale(study, cell, found, {name: kept[name] for name in cell.needs}) if found else ""
        for name in cell.needs:
            if found and not reason and states[name].staleness:
                reason = f"its entity model, {name}, is stale"
        states[cell.name] = State(cell, found, reason)
    return [states[cell.name] for cell in planned]


def tasks(study: Study, states: Sequence[State], folder: Path, only: str | None, again: Again) -> list[Task]:
    """Return what is to be run, each cell after those it needs.

    Beside the cells chosen that have no figures, these are cells that they need: measured where they have no figures
    either, and else trained once more where their run is not on disk. Stale cells are left alone unless `again`.
    """
    by_name = {state.cell.name: state for state in states}
    cells = [state.cell for state in states]
    wanted = {cell.name for cell in chosen(cells, only)}
    measured = {
        name
        for name in wanted
        if by_name[name].kept is None or again == "all" or (again == "stale" and by_name[name].staleness)
    }
    found = []
    for cell in in_order([cell for cell in cells if cell.name in measured], cells):
        state = by_name[cell.name]
        if cell.name in measured or state.kept is None:
            found.append(Task(cell, "measure"))
        elif not state.staleness and not is_trained(folder / cell.name, asked(study, cell)):
            found.append(Task(cell, "train"))
    return found


def run_study(
    study: Study,
    folder: Path,
    cells: Path,
    *,
    only: str | None = None,
    jobs: int = 1,
    again: Again = "no",
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run the cells that have no figures yet, `jobs` at a time; a study that was stopped goes on where it stood.

    folder: runs, one folder a cell. cells: where figures are kept, one file a cell. A cell that fails is recorded and
    the study goes on; those that need it are not run. `say` takes a line of progress.
    """
    states = survey(study, cells)
    todo = tasks(study, states, folder, only, again)
    wanted = {cell.name for cell in chosen([state.cell for state in states], only)}
    running = {task.cell.name for task in todo}
    outcome = Outcome()
    for state in states:
        name = state.cell.name
        if state.staleness and name not in running:
            outcome.stale[name] = state.staleness
        elif state.kept is not None and name in wanted - running:
            outcome.kept.append(name)
    for name, reason in outcome.stale.items():
        say(f"stale       {name}: {reason}; --stale runs it again")
    if outcome.kept:
        say(f"kept        {len(outcome.kept)} cells have their figures")
    folder.mkdir(parents=True, exist_ok=True)
    _write_study(study, folder)
    _Runner(study, folder, cells, todo, again, say, outcome).run(jobs)
    outcome.stale = {name: why for name, why in outcome.stale.items() if name in wanted}
    return outcome


def _write_study(study: Study, folder: Path) -> None:
    own = folder / f".study.{os.getpid()}.json"  # several commands may share the folder, each with cells of its own
    own.write_text(study.model_dump_json(by_alias=True, indent=1), encoding="utf-8")
    own.replace(folder / "study.json")


@dataclass
class _Runner:
    study: Study
    folder: Path
    cells: Path
    todo: list[Task]
    again: Again
    say: Callable[[str], None]
    outcome: Outcome
    running: dict[str, tuple[Task, "subprocess.Popen[bytes]", float]] = field(default_factory=dict)
    n_done: int = 0

    def run(self, jobs: int) -> None:
        waiting = list(self.todo)
        try:
            while waiting or self.running:
                self._start_ready(waiting, jobs)
                self._collect()
                if self.running:
                    time.sleep(0.05)
        finally:
            for _, process, _ in self.running.values():
                process.terminate()
            for _, process, _ in self.running.values():
                process.wait()

    def _start_ready(self, waiting: list[Task], jobs: int) -> None:
        for task in list(waiting):
            needs = task.cell.needs
            unmet = [name for name in needs if name in self.running or any(t.cell.name == name for t in waiting)]
            if unmet:
                continue
            if lost := [name for name in needs if name in self.outcome.failed or name in self.outcome.stale]:
                waiting.remove(task)
                why = "failed" if lost[0] in self.outcome.failed else "is stale"
                self._fail(task, f"it needs {lost[0]}, which {why}")
            elif len(self.running) < jobs:
                waiting.remove(task)
                self._start(task)

    def _start(self, task: Task) -> None:
        name = task.cell.name
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "failure.json").unlink(missing_ok=True)
        if self.again == "all" and task.do == "measure":
            shutil.rmtree(place / "run", ignore_errors=True)
            (place / "plan.json").unlink(missing_ok=True)
        job = Job(self.folder / "study.json", name, self.folder, self.cells, task.do, self._steps(task))
        job.write(place / "job.json")
        threads = str(self.study.threads)
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
        }
        with (place / "output.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "medspan.studies.one_cell", str(place / "job.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.running[name] = (task, process, time.perf_counter())
        self.say(
            f"{self._count(len(self.running))} {name}: "
            + ("begins" if task.do == "measure" else "is trained once more")
        )

    def _steps(self, task: Task) -> int | None:
        """Take the steps of the cell itself or of one of the same pace, where one was measured."""
        mine = read_kept(cell_file(self.cells, self.study, task.cell.name))
        if task.do == "train" and mine is not None:
            return int(mine["training"]["steps_allowed"])
        wanted = pace(asked(self.study, task.cell))
        for path in sorted((self.cells / self.study.name).glob("*.json")):
            kept = read_kept(path)
            if kept is not None and kept.get("pace") == wanted and path.stem != task.cell.name:
                return int(kept["training"]["steps_allowed"])
        return None

    def _collect(self) -> None:
        for name, (task, process, began) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[name]
            minutes = (time.perf_counter() - began) / 60
            if process.returncode == 0:
                self.n_done += 1
                self.outcome.finished += [name] * (task.do == "measure")
                self.say(f"{self._count(0)} {name}: {self._result(task)}, {minutes:.1f} minutes")
            else:
                self._fail(task, _why(self.folder / name, process.returncode))

    def _fail(self, task: Task, reason: str) -> None:
        self.n_done += 1
        self.outcome.failed[task.cell.name] = reason
        self.say(f"{self._count(0)} {task.cell.name}: FAILED, {reason}")

    def _count(self, ahead: int) -> str:
        return f"[{self.n_done + ahead:>{len(str(len(self.todo)))}}/{len(self.todo)}]"

    def _result(self, task: Task) -> str:
        if task.do == "train":
            return "trained; its figures were kept already"
        kept = read_kept(cell_file(self.cells, self.study, task.cell.name))
        assert kept is not None
        measure = task.cell.group.scored.measures[0]
        return f"{measure} F1 {_f1(kept['metrics'], measure):.3f} after {kept['training']['steps']} steps"


def _f1(metrics: Mapping[str, Any], measure: str) -> float:
    node: Any = metrics
    for part in (*measure.split("."), "micro", "f1"):
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    return float(node) if isinstance(node, float | int) else 0.0


def _why(folder: Path, code: int) -> str:
    path = folder / "failure.json"
    if path.is_file():
        failure = json.loads(path.read_text(encoding="utf-8"))
        return f"{failure['kind']}: {failure['message']}"
    ending = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    path.write_text(json.dumps({"kind": "Ended", "message": ending}), encoding="utf-8")
    return f"{ending}; see {folder.name}/output.log"
