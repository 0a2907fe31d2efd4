"""Studies run for real on tiny models: to the end, past failures, after a kill, with cells that need others."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from medspan.apps.cli import app
from studies.tiny_study import tiny_study

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from medspan.errors import ConfigError  # noqa: E402
from medspan.studies import load_study, running  # noqa: E402
from medspan.studies.budget import time_steps  # noqa: E402
from medspan.studies.grid import expand  # noqa: E402
from medspan.studies.jobs import Job, read_plan  # noqa: E402
from medspan.studies.keeping import asked, pace  # noqa: E402
from medspan.studies.one_cell import run_cell  # noqa: E402

Kept = dict[str, Any]
REAL_POPEN = subprocess.Popen
AXES = {
    "kind": {
        "joint": {},
        "pair": {"formulation": "pair_classification", "entities": {"cell": {"kind": "joint"}}},
        "bad": {"backbone": "/nowhere/at/all"},
        "needy": {"formulation": "pair_classification", "entities": {"cell": {"kind": "bad"}}},
    },
    "seed": [1],
}
MEASURES = ["entities.strict", "relations.end_to_end.strict"]


class Place:
    """A study file, a folder for its runs and one for its kept cells."""

    def __init__(self, folder: Path, study: dict[str, Any]) -> None:
        self.study = folder / "study.yaml"
        self.runs = folder / "runs"
        self.cells = folder / "cells"
        self.write(study)

    def write(self, study: dict[str, Any]) -> None:
        self.study.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")

    def arguments(self, *more: str) -> list[str]:
        return ["study", "run", str(self.study), "-o", str(self.runs), "--cells", str(self.cells), *more]

    def run(self, *more: str) -> Result:
        return CliRunner().invoke(app, self.arguments(*more))

    def kept(self, name: str) -> Kept:
        kept: Kept = json.loads((self.cells / "tiny" / f"{name}.json").read_text(encoding="utf-8"))
        return kept

    def copy(self, folder: Path) -> "Place":
        shutil.copytree(self.study.parent, folder, dirs_exist_ok=True)
        return Place(folder, yaml.safe_load(self.study.read_text(encoding="utf-8")))


def study_of(backbone: Path, **changes: Any) -> dict[str, Any]:
    study = tiny_study(
        str(backbone),
        group={"axes": AXES, "score": {"documents": "ward:dev", "measures": MEASURES}},
        evaluations=3,
        **changes,
    )
    study["base"]["optimisation"] |= {"steps": 60, "epochs": 30, "learning_rate": 4e-3, "layer_decay": 1.0}
    return study


@pytest.fixture(scope="module")
def data(ward: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSPAN_DATA", str(ward))
        yield ward


@pytest.fixture(scope="module")
def whole(data: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Result]:
    """A study run to its end, in real processes: two cells finish, one fails, one cannot begin."""
    place = Place(tmp_path_factory.mktemp("whole"), study_of(backbone))
    return place, place.run()


class InThisProcess:
    """Stands in for a started process, to save the seconds that imports take."""

    def __init__(self, command: list[str], **_options: Any) -> None:
        run_cell(Job.read(Path(command[-1])))
        self.returncode = 0

    def poll(self) -> int:
        return self.returncode


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.subprocess, "Popen", InThisProcess)


def test_a_study_goes_on_past_a_cell_that_fails_and_names_it_at_the_end(whole: tuple[Place, Result]) -> None:
    place, result = whole
    assert result.exit_code == 1
    assert sorted(path.stem for path in (place.cells / "tiny").iterdir()) == ["ward-joint-seed1", "ward-pair-seed1"]
    failure = json.loads((place.runs / "ward-bad-seed1" / "failure.json").read_text(encoding="utf-8"))
    assert failure["kind"] == "CheckpointError"
    assert "medspan: cell ward-bad-seed1 failed: CheckpointError: backbone" in result.output
    assert "medspan: cell ward-needy-seed1 failed: it needs ward-bad-seed1, which failed" in result.output
    assert "2 cells finished, 0 were before" in result.output
    assert re.search(r"\[1/4\] ward-joint-seed1: entities\.strict F1 0\.\d{3} after 60 steps", result.output)


def test_a_kept_cell_says_what_was_asked_found_and_spent(whole: tuple[Place, Result]) -> None:
    place, _ = whole
    kept = place.kept("ward-joint-seed1")
    assert kept["values"] == {"kind": "joint", "seed": "1"}
    assert kept["asked"]["recipe"]["optimisation"]["learning_rate"] == 0.004
    micro = kept["metrics"]["entities"]["strict"]["micro"]
    assert micro["f1"] > 0.2
    tp, fp, fn = kept["counts"]["entities.strict"]
    assert (sum(tp), sum(fp), sum(fn)) == (micro["tp"], micro["fp"], micro["fn"])
    assert len(tp) == kept["units"] == kept["documents"] == 8
    low, high = kept["metrics"]["entities"]["strict"]["intervals"]["f1"]
    assert low < micro["f1"] < high
    assert kept["ceiling"]["entities.strict"] == 1.0
    training = kept["training"]
    assert [point["step"] for point in training["curve"]] == [20, 40, 60]
    assert training["trainable"] == training["parameters"] > 100_000
    assert training["peak_memory_bytes"] > 1e8
    assert 0 < training["cpu_seconds"] < 60
    assert kept["data"]["ward:train"]["documents"] == 30
    assert {"medspan", "torch", "python"} <= kept["versions"].keys()
    assert kept["threads"] == 1
    assert (place.cells / "tiny" / "ward-joint-seed1.json").stat().st_size < 20_000


def test_a_cell_that_joins_entities_is_scored_end_to_end_and_on_gold_ones(whole: tuple[Place, Result]) -> None:
    place, _ = whole
    joint, pair = place.kept("ward-joint-seed1"), place.kept("ward-pair-seed1")
    assert pair["metrics"]["entities"]["strict"]["micro"] == joint["metrics"]["entities"]["strict"]["micro"]
    assert pair["needs"] == {"ward-joint-seed1": joint["asked_hash"]}
    assert pair["asked"]["recipe"]["entities"] == "cell:ward-joint-seed1"
    given = pair["given_entities"]["metrics"]
    assert set(given) == {"relations"}
    sides = [figures["relations"]["end_to_end"]["strict"]["micro"] for figures in (given, pair["metrics"])]
    assert sides[0]["tp"] + sides[0]["fn"] == sides[1]["tp"] + sides[1]["fn"] > 0
    assert next(iter(pair["given_entities"]["counts"])).startswith("relations")
    assert str(place.runs) not in (place.cells / "tiny" / "ward-pair-seed1.json").read_text(encoding="utf-8")


def test_no_word_of_a_note_is_in_what_a_study_leaves_beside_its_runs(whole: tuple[Place, Result], data: Path) -> None:
    place, result = whole
    text = json.loads((data / "ward" / "dev.jsonl").read_text(encoding="utf-8").splitlines()[0])["text"]
    words = set(re.findall(r"[a-z]{7,}", text)) - {"invented"}
    assert len(words) > 2
    written = [path for path in (*place.cells.rglob("*.json"), *place.runs.glob("*/*")) if path.is_file()]
    for said in (result.output, *(path.read_text(encoding="utf-8") for path in written)):
        assert not [word for word in words if re.search(rf"\b{word}\b", said)]


def test_finished_cells_are_not_run_again(whole: tuple[Place, Result]) -> None:
    place, _ = whole
    files = list((place.cells / "tiny").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    result = place.run("--only", "ward-[jp]*")
    assert result.exit_code == 0, result.output
    assert "0 cells finished, 2 were before" in result.output
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_run_that_is_gone_is_trained_once_more_for_those_that_need_it(
    whole: tuple[Place, Result], here: None, tmp_path: Path
) -> None:
    place = whole[0].copy(tmp_path)
    kept = place.cells / "tiny" / "ward-joint-seed1.json"
    before, pair = kept.read_bytes(), place.kept("ward-pair-seed1")
    weights = load_file(place.runs / "ward-joint-seed1" / "run" / "model.safetensors")
    shutil.rmtree(place.runs)
    (place.cells / "tiny" / "ward-pair-seed1.json").unlink()
    assert place.run("--only", "*pair*", "--dry-run").output.splitlines()[:2] == [
        "retrain  ward-joint-seed1",
        "run      ward-pair-seed1",
    ]
    result = place.run("--only", "*pair*")
    assert result.exit_code == 0, result.output
    assert "ward-joint-seed1: trained; its figures were kept already" in result.output
    assert kept.read_bytes() == before
    for name, value in load_file(place.runs / "ward-joint-seed1" / "run" / "model.safetensors").items():
        assert torch.equal(value, weights[name]), name
    again = place.kept("ward-pair-seed1")
    assert again["metrics"] == pair["metrics"]
    assert again["counts"] == pair["counts"]


def test_a_cell_whose_recipe_has_changed_is_reported_and_left_alone_until_asked(
    whole: tuple[Place, Result], backbone: Path, here: None, tmp_path: Path
) -> None:
    place = whole[0].copy(tmp_path)
    before = {path.name: path.read_bytes() for path in (place.cells / "tiny").iterdir()}
    study = study_of(backbone)
    study["groups"][0]["axes"]["kind"]["joint"] = {"optimisation.clip": 0.5}
    place.write(study)
    result = place.run("--only", "ward-[jp]*")
    assert result.exit_code == 1
    assert "stale       ward-joint-seed1: changed since: optimisation.clip; --stale runs it again" in result.output
    assert "stale       ward-pair-seed1: its entity model, ward-joint-seed1, is stale" in result.output
    assert {path.name: path.read_bytes() for path in (place.cells / "tiny").iterdir()} == before
    result = place.run("--only", "*joint*", "--stale")
    assert result.exit_code == 0, result.output
    assert place.kept("ward-joint-seed1")["asked"]["recipe"]["optimisation"]["clip"] == 0.5
    result = place.run("--only", "*pair*", "--dry-run")
    assert "stale    ward-pair-seed1: its entity model, ward-joint-seed1, was run anew" in result.output
    result = place.run("--only", "*pair*", "--stale")
    assert result.exit_code == 0, result.output
    found = load_file(place.runs / "ward-pair-seed1" / "run" / "entities" / "model.safetensors")
    for name, value in load_file(place.runs / "ward-joint-seed1" / "run" / "model.safetensors").items():
        assert torch.equal(value, found[name]), name


@contextmanager
def started(place: Place, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The command line in a process group of its own, of which nothing is left in the end."""
    command = [sys.executable, "-m", "medspan.apps.cli", *place.arguments(*more)]
    with (place.study.parent / "said").open("w") as said:
        process = REAL_POPEN(command, stdout=said, stderr=said, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(happened: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait, as long as a busy machine may take, but not for a process that has ended."""
    end = time.monotonic() + 300
    while not happened():
        assert process is None or process.poll() is None, "it ended before that"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_a_study_that_is_killed_goes_on_and_finds_what_it_would_have_found(
    whole: tuple[Place, Result], data: Path, here: None, tmp_path: Path
) -> None:
    place = Place(tmp_path, yaml.safe_load(whole[0].study.read_text(encoding="utf-8")))
    run = place.runs / "ward-joint-seed1" / "run"
    with started(place, "--only", "*joint*") as process:
        wait_for(lambda: saved_step(run) > 0, process)
    assert not (run / "metrics.json").exists()
    assert not place.cells.exists()
    result = place.run("--only", "*joint*")
    assert result.exit_code == 0, result.output
    events = [json.loads(line)["event"] for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert events.count("resume") == 1
    uninterrupted = whole[0].kept("ward-joint-seed1")
    for key in ("metrics", "counts", "asked_hash", "data"):
        assert place.kept("ward-joint-seed1")[key] == uninterrupted[key]
    assert not (run / "state").exists()  # a finished cell keeps no more than its model


def saved_step(run: Path) -> int:
    try:
        return int(json.loads((run / "state" / "counters.json").read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError):  # the state is being replaced
        return 0


def test_a_cell_process_ends_when_the_study_that_started_it_is_gone(
    whole: tuple[Place, Result], tmp_path: Path
) -> None:
    place = Place(tmp_path, yaml.safe_load(whole[0].study.read_text(encoding="utf-8")))
    lock = place.runs / "ward-joint-seed1" / "lock"
    with started(place, "--only", "*joint*") as process:
        wait_for(lambda: lock.is_file() and not is_free(lock), process)
        process.kill()
        process.wait()
        wait_for(lambda: is_free(lock))
    assert not place.cells.exists()


def is_free(lock: Path) -> bool:
    import fcntl

    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def test_steps_are_timed_where_the_recipe_names_none_and_seeds_take_the_same_number(
    data: Path, backbone: Path, here: None, tmp_path: Path
) -> None:
    study = study_of(backbone)
    study["evaluations"] = 2
    study["base"]["optimisation"] |= {"steps": 0, "epochs": 3}
    study["groups"][0]["axes"] = {"kind": {"joint": {}}, "seed": [1, 2]}
    place = Place(tmp_path, study)
    result = place.run()
    assert result.exit_code == 0, result.output
    first, second = (place.kept(f"ward-joint-seed{seed}") for seed in (1, 2))
    steps = read_plan(place.runs / "ward-joint-seed1")["steps"]
    assert 10 <= steps <= 20  # three epochs of about five steps fit five minutes
    assert first["training"]["steps_allowed"] == second["training"]["steps_allowed"] == steps
    assert first["pace"] == second["pace"]
    assert len(first["training"]["curve"]) == len(second["training"]["curve"]) == 2
    assert not (place.runs / "ward-joint-seed1" / "timing").exists()
    assert first["metrics"] != second["metrics"]


def test_timing_gives_what_a_step_costs_and_how_many_an_epoch_has(data: Path, backbone: Path, tmp_path: Path) -> None:
    place = Place(tmp_path, study_of(backbone))
    cost = time_steps(expand(load_study(place.study))[0].recipe, tmp_path / "timing")
    assert 0.001 < cost.step < 2
    assert 4 < cost.epoch < 6.5


def test_a_cell_without_the_run_it_needs_says_so(data: Path, backbone: Path, tmp_path: Path) -> None:
    study = load_study(Place(tmp_path, study_of(backbone)).study)
    (tmp_path / "study.json").write_text(study.model_dump_json(by_alias=True), encoding="utf-8")
    (tmp_path / "ward-pair-seed1").mkdir()
    job = Job(tmp_path / "study.json", "ward-pair-seed1", tmp_path, tmp_path / "cells", "measure", None)
    with pytest.raises(ConfigError, match="needs the run of ward-joint-seed1"):
        run_cell(job)


def test_again_runs_what_is_chosen_though_it_is_finished(whole: tuple[Place, Result], tmp_path: Path) -> None:
    place, _ = whole
    lines = place.run("--only", "*pair*", "--again", "--dry-run").output.splitlines()
    assert lines[0] == "run      ward-pair-seed1"
    assert "2 of 4 cells are finished; 1 to run, 5 CPU minutes" in lines[-1]


def test_a_pattern_that_fits_no_cell_is_refused(whole: tuple[Place, Result]) -> None:
    result = whole[0].run("--only", "nothing*")
    assert result.exit_code == 2
    assert "--only nothing*: fits none of 4 cells, such as ward-joint-seed1" in result.output


def test_a_report_can_be_made_from_the_folder_of_the_runs(whole: tuple[Place, Result], tmp_path: Path) -> None:
    place, _ = whole
    arguments = ["study", "report", str(place.runs), "-o", str(tmp_path), "--cells", str(place.cells), "--no-plots"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "tiny.md: 2 of 4 cells" in result.output
    page = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert "Missing: ward-bad-seed1, ward-needy-seed1." in page
    assert "F1 where the entities are given" in page
    result = CliRunner().invoke(app, ["study", "report", str(tmp_path), "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "no study was run here" in result.output


def test_both_cells_of_one_pace_hash_alike_after_a_round_trip_through_json(backbone: Path, tmp_path: Path) -> None:
    study = load_study(Place(tmp_path, study_of(backbone)).study)
    saved = type(study).model_validate_json(study.model_dump_json(by_alias=True))
    for one, other in zip(expand(study), expand(saved), strict=True):
        assert asked(study, one) == asked(saved, other) == json.loads(json.dumps(asked(study, one)))
        assert pace(asked(study, one)) == pace(asked(saved, other))
