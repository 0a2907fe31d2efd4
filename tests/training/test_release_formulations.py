"""Exported runs of every formulation under every strategy predict what torch does (G5)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoints import NOTES, random_checkpoint, tiny_corpus

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("onnx")

from medspan.annotation import Document
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

STRATEGIES = ("full", "lora", "prefix", "prompt", "p-tuning")
CASES = [
    (formulation, strategy)
    for formulation in FORMULATIONS
    for strategy in (STRATEGIES if " " not in formulation else STRATEGIES[:3])
]


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


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, exported_once: None
) -> tuple[Path, Path]:
    """A run's folder and its export."""
    formulation, strategy = request.param
    folder = tmp_path_factory.mktemp("run")
    with tiny_corpus():
        run = random_checkpoint(folder / "run", formulation.split()[0], strategy, **FORMULATIONS[formulation])
        return run, release(run, folder / "exported", int8=False).folder


def found(document: Document) -> tuple[Any, ...]:
    return document.entities, document.relations, document.events


def test_a_float32_export_predicts_what_the_run_does(both: tuple[Path, Path]) -> None:
    run, folder = both
    torch, onnx = load(run, engine="torch"), load(folder, engine="onnx")
    onnx = onnx.with_thresholds(torch.heads.thresholds)
    torch.annotator.encoder = recorder = Recorder(torch.annotator.encoder)
    expected = torch.annotate(NOTES[:5])
    given = 0 if torch.annotator.needs_entities is False else sum(len(note.entities) for note in NOTES[:5])
    assert sum(len(part) for document in expected for part in found(document)) > given + 5
    for mine, wanted in zip(onnx.annotate(NOTES[:5]), expected, strict=True):
        assert found(mine) == found(wanted)
        for kind in ("entities", "relations"):
            for one, other in zip(getattr(mine, kind), getattr(wanted, kind), strict=True):
                assert one.score is other.score is None or one.score == pytest.approx(other.score, abs=1e-4)
    states = onnx.annotator.encoder.encode(recorder.rows)
    np.testing.assert_allclose(states, recorder.inner.encode(recorder.rows), atol=1e-4)
