"""Releases: a run exported to a folder that runs alone, its card, and the gate on int8."""

import json
from pathlib import Path

import pytest

from tiny import tiny_backbone, tiny_notes, tiny_recipe

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnx")

from medspan.errors import CheckpointError
from medspan.inference import load
from medspan.models.checkpoint import CheckpointConfig, read_config
from medspan.training import release as module
from medspan.training.card import model_card
from medspan.training.config import Recipe
from medspan.training.loop import train
from medspan.training.release import release

NOTES = [document.text for document in tiny_notes("medications", 20, seed=1)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained for long enough that its thresholds are no accident."""
    folder = tmp_path_factory.mktemp("run")
    recipe = tiny_recipe(
        tiny_backbone(folder / "backbone", NOTES),
        heads={"core": {"schema": "clinical", "without_events": True}},
        compose={"clinical": ["core"]},
        sources=[{"corpus": "invented:medications", "count": 30, "targets": [{"head": "core", "mapping": "clin"}]}],
    )
    train(Recipe.model_validate(recipe), folder / "run", quiet=True)
    return folder / "run"


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "tiny"
    release(run, folder, int8=False)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


EXPORTED = {"config.json", "tokenizer.json", "heads.safetensors", "metrics.json", "README.md"}


def test_a_float32_release_predicts_what_the_run_does(run: Path, exported: Path) -> None:
    assert files(exported) == EXPORTED | {"onnx/model.onnx"}
    expected = load(run, engine="torch").annotate(NOTES)
    assert sum(len(document.entities) for document in expected) > 20
    for found, wanted in zip(load(exported).annotate(NOTES), expected, strict=True):
        assert (found.entities, found.relations) == (wanted.entities, wanted.relations)
        for one, other in zip(found.entities, wanted.entities, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-3)


def test_an_int8_release_is_smaller_and_tells_its_scores(
    run: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATE", 1.0)
    released = release(run, tmp_path / "small")
    assert files(released.folder) == EXPORTED | {"onnx/model-int8.onnx"}
    assert (released.folder / "onnx/model-int8.onnx").stat().st_size < (exported / "onnx/model.onnx").stat().st_size
    metrics = json.loads((released.folder / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["tune"]) == {"torch", "int8"}
    assert metrics["tune"]["int8"]["heads"] == released.exported.heads
    assert metrics["tune"]["torch"]["measure"] - metrics["tune"]["int8"]["measure"] == released.drop
    assert load(released.folder).annotate(NOTES[:1])[0].text == NOTES[0]


def test_the_gate_refuses_and_leaves_no_folder(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATE", -1.0)
    with pytest.raises(CheckpointError, match=r"F1 points on tune, more than .*not exported"):
        release(run, tmp_path / "refused")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not empty"):
        release(run, tmp_path, int8=False)
    assert files(tmp_path) == {"mine.txt"}


def test_the_ceiling_stands_beside_the_scores_in_metrics_and_card(run: Path, exported: Path) -> None:
    metrics = json.loads((exported / "metrics.json").read_text(encoding="utf-8"))
    trained = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["ceiling"] == trained["ceiling"]
    entities = metrics["tune"]["float32"]["heads"]["core"]["entities"]
    best = metrics["ceiling"]["heads"]["core"]["entities"]
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert f"| float32 | core | entities | {entities:.3f} | {best:.3f} |" in card.splitlines()
    assert metrics["bytes"] <= sum((exported / name).stat().st_size for name in files(exported))


def test_a_card_lists_every_corpus_with_licence_and_citation(exported: Path) -> None:
    config = read_config(exported)
    described = CheckpointConfig(
        **{
            **vars(config),
            "data": {"documents": {"bc5cdr": 500, "invented:social": 20, "invented:plans": 30}},
        }
    )
    scores = {"measure": 0.5, "heads": {"core": {"entities": 0.5}}}
    card = model_card(described, {"tune": {"int8": scores}, "ceiling": scores})
    (line,) = [line for line in card.splitlines() if "`bc5cdr`" in line]
    assert "| 500 |" in line
    assert line.count("|") == 5
    assert "| invented notes (plans, social) | 50 | Apache-2.0 |" in card
    assert config.recipe["backbone"] in card
    assert "clinical, core" in card
