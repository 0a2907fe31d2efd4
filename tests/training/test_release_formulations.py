"""Exported runs of every formulation under every strategy predict what torch does (G5)."""

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoints import NOTES, random_checkpoint, tiny_corpus

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("onnx")

from typer.testing import CliRunner

from medspan.annotation import Document
from medspan.apps.cli import app
from medspan.corpora import write
from medspan.formulations.inputs import EncoderInput, held
from medspan.inference import load
from medspan.training import release as module
from medspan.training.release import release

FORMULATIONS: dict[str, dict[str, Any]] = {
    "joint": {},
    "tagging": {},
    "reading_comprehension": {},
    "pair_classification": {},
    "pair_classification levitated": {"markers": "levitated"},
}
"""By formulation, and further words where one has several kinds of rows, its options."""

CASES = [
    (formulation, strategy)
    for strategy in ("full", "lora", "prompt", "p-tuning")
    for formulation in FORMULATIONS
    if strategy == "full" or " " not in formulation
]


Released = Callable[[str, str], tuple[Path, Path]]


class Recorder:
    """An encoder that keeps the rows it was given."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.rows: list[Any] = []

    def encode(self, rows: Any) -> Any:
        self.rows.extend(rows)
        return self.inner.encode(rows)


@pytest.fixture(scope="module")
def exported_once() -> Iterator[None]:
    """Export the same encoder with the same inputs once: formulations share it, and an export takes seconds."""
    there: dict[Any, Path] = {}
    export = module.export_encoder

    def cached(encoder: Any, folder: Path, calibration: list[EncoderInput], *, int8: bool) -> Path:
        weights = tuple((name, value.numpy().tobytes()) for name, value in encoder.state_dict().items())
        key = (encoder.strategy, weights, held(calibration))
        if key not in there:
            there[key] = export(encoder, folder, calibration, int8=int8)
            return there[key]
        (folder / "onnx").mkdir()
        return Path(shutil.copy(there[key], folder / "onnx"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "export_encoder", cached)
        yield


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, exported_once: None) -> Released:
    """Return the folders of a run and its export."""
    del exported_once

    @functools.cache
    def folders(formulation: str, strategy: str) -> tuple[Path, Path]:
        place = tmp_path_factory.mktemp("run")
        with tiny_corpus():
            run = random_checkpoint(place / "run", formulation.split()[0], strategy, **FORMULATIONS[formulation])
            return run, release(run, place / "exported", int8=False).folder

    return folders


def found(document: Document) -> tuple[Any, ...]:
    return document.entities, document.relations, document.events


def check_same(run: Path, folder: Path) -> None:
    """Compare a run in torch with its export: annotation, scores, and the states of every row that was sent."""
    torch, onnx = load(run, engine="torch"), load(folder, engine="onnx")
    onnx = onnx.with_thresholds(torch.heads.thresholds)
    torch.annotator.encoder = recorder = Recorder(torch.annotator.encoder)
    expected = torch.annotate(NOTES[:5])
    given = 0 if torch.annotator.needs_entities is False else sum(len(note.entities) for note in NOTES[:5])
    assert sum(len(part) for document in expected for part in found(document)) > given + 2
    for mine, wanted in zip(onnx.annotate(NOTES[:5]), expected, strict=True):
        assert found(mine) == found(wanted)
        for kind in ("entities", "relations"):
            for one, other in zip(getattr(mine, kind), getattr(wanted, kind), strict=True):
                assert one.score is other.score is None or one.score == pytest.approx(other.score, abs=1e-4)
    states = onnx.annotator.encoder.encode(recorder.rows)
    np.testing.assert_allclose(states, recorder.inner.encode(recorder.rows), atol=1e-4)


@pytest.mark.parametrize(("formulation", "strategy"), CASES)
def test_a_float32_export_predicts_what_the_run_does(formulation: str, strategy: str, released: Released) -> None:
    check_same(*released(formulation, strategy))


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_deep_soft_prompt_exported_predicts_what_torch_does(formulation: str, released: Released) -> None:
    check_same(*released(formulation, "prefix"))


def test_the_model_that_finds_entities_is_exported_along(tmp_path: Path) -> None:
    with tiny_corpus():
        run = random_checkpoint(tmp_path / "run", "pair_classification", "full")
        random_checkpoint(run / "entities", "joint", "lora")
        done = release(run, tmp_path / "exported", int8=False)
    assert not list(done.folder.rglob("model.safetensors"))
    expected = load(run, engine="torch").annotate([note.text for note in NOTES[:5]])
    for mine, wanted in zip(load(done.folder).annotate([note.text for note in NOTES[:5]]), expected, strict=True):
        assert found(mine) == found(wanted)
    card = (done.folder / "README.md").read_text("utf-8")
    assert "A `pair_classification` model of medspan" in card
    assert "the model under `entities/` finds them" in card
    assert "Strategy: `lora`" in (done.folder / "entities" / "README.md").read_text("utf-8")
    shown = CliRunner().invoke(app, ["models", "show", str(done.folder)]).output
    assert "formulation pair_classification, strategy full" in shown
    assert "joins the entities that the joint model in its folder finds" in shown


_WITHOUT_TORCH = """
import sys
sys.modules.update(dict.fromkeys(["torch", "transformers", "peft", "accelerate", "onnx", "nncf"]))
from medspan.apps.cli import app
app()
"""


def extract(*arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run `medspan extract` in a process that cannot import torch."""
    command = [sys.executable, "-c", _WITHOUT_TORCH, "extract", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_extract_runs_every_export_without_torch(formulation: str, released: Released, tmp_path: Path) -> None:
    _, exported = released(formulation, "full")
    folder = shutil.copytree(exported, tmp_path / "model")
    if formulation.startswith("pair"):
        shutil.copytree(released("joint", "full")[1], folder / "entities")
    for note in NOTES[:3]:
        (tmp_path / f"{note.id}.txt").write_text(note.text, encoding="utf-8")
    done = extract(*(tmp_path / f"{note.id}.txt" for note in NOTES[:3]), "-o", tmp_path / "out", "--model", folder)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "documents.jsonl").read_text("utf-8").splitlines()
    expected = load(folder).annotate([note.bare() for note in NOTES[:3]])
    assert sum(len(part) for document in expected for part in found(document)) > 3
    for line, wanted in zip(lines, expected, strict=True):
        record = json.loads(line)
        assert [record["id"], *(len(record.get(name, [])) for name in ("entities", "relations", "events"))] == [
            wanted.id,
            *map(len, found(wanted)),
        ]


def test_extract_joins_given_entities_and_says_so_where_there_are_none(released: Released, tmp_path: Path) -> None:
    _, folder = released("pair_classification", "full")
    (tmp_path / "plain.txt").write_text(NOTES[0].text, encoding="utf-8")
    refused = extract(tmp_path / "plain.txt", "-o", tmp_path / "none", "--model", folder)
    assert refused.returncode == 2
    assert "plain text has no entities" in refused.stderr
    assert refused.stderr.count("\n") == 1
    write(NOTES[:5], tmp_path / "given.jsonl", "jsonl")
    done = extract(tmp_path / "given.jsonl", "-o", tmp_path / "out", "--model", folder)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "out" / "documents.jsonl").read_text("utf-8").splitlines()]
    assert [len(record["entities"]) for record in records] == [len(note.entities) for note in NOTES[:5]]
    assert sum(len(record.get("relations", [])) for record in records) > 5
