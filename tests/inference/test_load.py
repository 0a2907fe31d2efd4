"""Folders to extractors: which engine runs which part, and what is refused."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints import NOTES, random_checkpoint, tiny_corpus

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("onnx")

from medspan.errors import CheckpointError
from medspan.inference import load
from medspan.inference.encoder_engine import OnnxEngine, TorchEngine
from medspan.training.release import release

TEXTS = [note.text for note in NOTES[:5]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model that joins, in torch, with one that finds entities, exported."""
    folder = tmp_path_factory.mktemp("chain")
    with tiny_corpus():
        run = random_checkpoint(folder / "pairs", "pair_classification", "lora")
        finder = random_checkpoint(folder / "finder", "joint", "full")
        release(finder, run / "entities", int8=False)
        yield run


@pytest.mark.parametrize("engine", ["torch", "auto"])
def test_an_exported_model_finds_entities_for_one_in_torch(chain: Path, engine: str) -> None:
    extractor = load(chain, engine=engine)
    assert extractor.entities is not None
    assert isinstance(extractor.annotator.encoder, TorchEngine)
    assert isinstance(extractor.entities.annotator.encoder, OnnxEngine)
    expected = load(chain.parent / "finder", engine="torch").annotate(TEXTS)
    assert sum(len(document.entities) for document in expected) > 5
    for found, wanted in zip(extractor.annotate(TEXTS), expected, strict=True):
        assert {(e.label, e.fragments) for e in found.entities} == {(e.label, e.fragments) for e in wanted.entities}


def test_a_model_without_export_is_not_run_by_its_finder_s(chain: Path) -> None:
    with pytest.raises(CheckpointError, match="run medspan export first"):
        load(chain, engine="onnx")


def test_a_chain_is_exported_with_the_export_of_its_finder(chain: Path, tmp_path: Path) -> None:
    done = release(chain, tmp_path / "exported", int8=False)
    told = [
        path.read_text(encoding="utf-8") for name in ("config.json", "README.md") for path in done.folder.rglob(name)
    ]
    assert len(told) == 4
    assert not [text for text in told if str(tmp_path.parent) in text]
    assert (done.folder / "entities" / "onnx" / "model.onnx").read_bytes() == (
        chain / "entities" / "onnx" / "model.onnx"
    ).read_bytes()
    for found, wanted in zip(load(done.folder).annotate(TEXTS), load(chain).annotate(TEXTS), strict=True):
        assert (found.entities, found.relations, found.events) == (wanted.entities, wanted.relations, wanted.events)


def test_int8_is_refused_where_nothing_can_tell_what_it_costs(chain: Path, tmp_path: Path) -> None:
    run = shutil.copytree(chain, tmp_path / "run")
    config = json.loads((run / "config.json").read_text("utf-8"))
    config["recipe"]["sources"][0]["tune"] = False
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"no documents were kept apart as tune.*--float32"):
        release(run, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    assert release(run, tmp_path / "exported", int8=False).folder.is_dir()


@pytest.mark.parametrize(
    ("own", "others", "told"),
    [("lora", None, "there is none"), ("lora", "ia3", "of strategy ia3"), ("head", "prompt", "of strategy prompt")],
)
def test_a_checkpoint_without_its_adapter_or_with_another_one_is_not_run(
    own: str, others: str | None, told: str, tmp_path: Path
) -> None:
    with tiny_corpus():
        run = random_checkpoint(tmp_path / "run", "tagging", own)
        shutil.rmtree(run / "adapter", ignore_errors=True)
        if others:
            shutil.copytree(random_checkpoint(tmp_path / "other", "tagging", others) / "adapter", run / "adapter")
        with pytest.raises(CheckpointError, match=rf"adapter: config\.json says strategy {own}, .*{told}"):
            load(run)
        with pytest.raises(CheckpointError, match="copy the run's folder whole"):
            release(run, tmp_path / "exported")
