"""`medspan train`, `export`, `bench` and `doctor` on a tiny recipe and model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from tiny import tiny_backbone, tiny_notes, tiny_recipe

Run = Callable[..., Result]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of a few steps."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    backbone = tiny_backbone(tmp_path / "backbone", [d.text for d in tiny_notes("medications", 20)])
    source = {"corpus": "invented:medications", "count": 12, "targets": [{"head": "core", "mapping": "clin"}]}
    changes = {"heads": {"core": {"schema": "clinical", "without_events": True}}, "compose": {}, "sources": [source]}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(backbone, **changes)), "utf-8")
    return path


def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(run: Run, recipe: Path, tmp_path: Path) -> None:
    result = run("train", recipe, "-o", tmp_path / "run", "--dry-run", "--set", "optimisation.epochs=3")
    assert result.exit_code == 0, result.stderr
    told = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert set(told) == {"documents", "tune", "rows", "steps", "parameters", "ceiling", "estimate"}
    assert told["steps"].endswith("in 3 epochs at most")
    assert told["ceiling"].startswith("core: ")
    assert not (tmp_path / "run").exists()


def test_a_run_is_trained_exported_and_extracts(run: Run, recipe: Path, notes: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    trained, exported = tmp_path / "run", tmp_path / "exported"
    settings = ("--set", "optimisation.epochs=2", "--set", "evaluation.every=1")
    done = run("train", recipe, "-o", trained, *settings)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("mean strict F1 on tune")  # no progress bar where nobody watches one
    assert "medspan extract NOTES" in done.stdout
    assert "curve" not in run("models", "show", trained).stdout
    config = json.loads((trained / "config.json").read_text("utf-8"))
    assert config["recipe"]["optimisation"]["epochs"] == 2
    refused = run("train", recipe, "-o", trained, *settings)
    assert (refused.exit_code, "--resume" in refused.stderr) == (2, True)
    (trained / "config.json").rename(tmp_path / "config.json")  # as if it had been killed before its first score
    refused = run("train", recipe, "-o", trained, *settings)
    assert (refused.exit_code, "--resume" in refused.stderr) == (2, True)
    (tmp_path / "config.json").rename(trained / "config.json")
    done = run("export", trained, "-o", exported, "--float32")
    assert done.exit_code == 0, done.stderr
    assert "MB" in done.stdout
    assert "-0.00 points" not in done.stdout
    again = run("export", trained, "-o", exported, "--float32")
    assert again.exit_code == 1
    assert "not empty" in again.stderr
    assert run("extract", notes, "-o", tmp_path / "out", "--model", exported).exit_code == 0


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimisation.epoch=3", "did you mean 'epochs'?"),
        ("optimisation.epochs=none", "epochs"),
        ("optimisation", "expected key=value"),
        ("sources.0.targets.0.head=cor", "head 'cor' is not under heads"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_that_names_the_key(
    run: Run, recipe: Path, tmp_path: Path, setting: str, said: str
) -> None:
    result = run("train", recipe, "-o", tmp_path / "run", "--set", setting)
    assert said in result.stderr
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_a_recipe_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    result = run("train", tmp_path / "none.yaml", "-o", tmp_path / "run")
    assert (result.exit_code, "none.yaml does not exist" in result.stderr) == (2, True)


def test_exporting_what_is_no_run_fails_in_one_line(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result = run("export", tmp_path, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "is not a model folder" in result.stderr


def test_the_bench_measures_a_whole_process(run: Run, model: Path, notes: Path) -> None:
    result = run("bench", notes, "--repeat", 3, "--model", model, "--json")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["notes"] == 12
    assert 0 < figures["startup"] < figures["seconds"]
    assert figures["characters_per_second"] == pytest.approx(figures["characters"] / figures["seconds"], rel=0.01)
    assert set(figures["shares"]) == {"tokenize", "encode", "decode", "read", "write"}
    assert 0 <= figures["padding_share"] < 1
    assert figures["peak_mb"] > 20
    assert "start-up" in run("bench", notes, "--repeat", 1, "--model", model).stdout


def test_the_bench_says_why_the_measured_process_failed(run: Run, notes: Path) -> None:
    result = run("bench", notes, "--model", "nowhere")
    assert result.exit_code == 1
    assert "no model 'nowhere'" in result.stderr


def test_the_doctor_finds_a_working_model_well(run: Run, model: Path) -> None:
    result = run("doctor", "--model", model)
    assert result.exit_code == 0, result.stdout
    assert "model answers" in result.stdout
    assert "FAIL" not in result.stdout


def test_the_doctor_finds_a_damaged_model_ill(run: Run, model: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "heads.safetensors").write_bytes(b"not weights")
    result = run("doctor", "--model", broken)
    assert result.exit_code == 1
    assert "FAIL" in result.stdout
