"""A model that joins entities behind one that finds them: one folder that runs alone, and what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_backbone, tiny_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.annotation import Document  # noqa: E402
from medspan.apps.extract import ExtractOptions, run_extract  # noqa: E402
from medspan.corpora import write  # noqa: E402
from medspan.errors import CheckpointError, ConfigError  # noqa: E402
from medspan.inference import load  # noqa: E402
from medspan.models.checkpoint import read_config  # noqa: E402
from medspan.training import sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.evaluation import strict_scores  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from medspan.training.release import release  # noqa: E402


@pytest.fixture(scope="module")
def patched() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "load_corpus", lambda name, split: FIVE)
        patch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
        yield patch


def recipe_of(backbone: Path, **changes: Any) -> Recipe:
    recipe = tiny_recipe(
        backbone,
        heads={"tiny": {"schema": "tiny", "fragmented": True}},
        compose={},
        sources=[{"corpus": "five", "tune": False, "targets": [{"head": "tiny"}]}],
        evaluation={"every": 100},
    )
    recipe["optimisation"] |= {"epochs": 80, "learning_rate": 2e-3, "head_learning_rate": 2e-3}
    recipe["optimisation"] |= changes.pop("optimisation", {})
    return Recipe.model_validate(recipe | changes)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, patched: Any) -> Path:
    """Folder with `finder`, a joint run, and `pairs`, which joins what it finds."""
    del patched
    folder = tmp_path_factory.mktemp("chain")
    backbone = tiny_backbone(folder / "backbone", [note.text for note in FIVE], hidden=64)
    train(recipe_of(backbone), folder / "finder", quiet=True)
    train(
        recipe_of(
            backbone,
            formulation="pair_classification",
            entities=str(folder / "finder"),
            optimisation={"epochs": 40, "batch_tokens": 512},
        ),
        folder / "pairs",
        quiet=True,
    )
    return folder


def test_plain_notes_go_through_both_models(runs: Path) -> None:
    extractor = load(runs / "pairs", engine="torch")
    assert not extractor.keeps_entities
    found = extractor.annotate([note.text for note in FIVE])
    scores = strict_scores(
        FIVE, [Document(g.id, f.text, f.entities, f.relations, f.events) for g, f in both(found)], TINY_SCHEMA
    )
    assert (scores["entities"], scores["relations"], scores["arguments"]) == (1.0, 1.0, 1.0)


def both(found: list[Document]) -> Any:
    return zip(FIVE, found, strict=True)


def test_the_chain_holds_all_it_needs_and_nothing_of_the_run(runs: Path) -> None:
    inner = runs / "pairs" / "entities"
    assert read_config(inner).formulation == "joint"
    assert {path.name for path in inner.iterdir()} <= {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "backbone",
        "metrics.json",
    }
    (runs / "finder").rename(runs / "moved")
    try:
        assert load(runs / "pairs", engine="torch").annotate([FIVE[0].text])[0].entities
    finally:
        (runs / "moved").rename(runs / "finder")


def test_the_weights_of_the_last_step_run_alone_too(runs: Path) -> None:
    assert load(runs / "pairs" / "last", engine="torch").annotate([FIVE[0].text])[0].entities


def test_a_chain_that_lost_its_finder_joins_nothing_else(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "pairs", tmp_path / "pairs", ignore=shutil.ignore_patterns("entities"))
    with pytest.raises(CheckpointError, match=r"entities is missing.*copy the run's folder whole"):
        load(tmp_path / "pairs", engine="torch")
    with pytest.raises(CheckpointError, match="entities is missing"):
        release(tmp_path / "pairs", tmp_path / "exported")


def test_present_entities_give_way_where_the_chain_finds_them(runs: Path) -> None:
    extractor = load(runs / "pairs", engine="torch")
    (bare,) = extractor.annotate([FIVE[0].bare()])
    (annotated,) = extractor.annotate([Document(FIVE[0].id, FIVE[0].text, FIVE[0].entities[:1])])
    assert annotated.entities == bare.entities


def extract(inputs: Path, runs: Path, folder: Path) -> list[Any]:
    run_extract(ExtractOptions((str(inputs),), folder, model=str(runs / "alone"), engine="torch"))
    return [json.loads(line) for line in (folder / "documents.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(runs: Path) -> Path:
    """The model that joins, as if its recipe had named none that finds."""
    shutil.copytree(runs / "pairs", runs / "alone", ignore=shutil.ignore_patterns("entities"))
    config = json.loads((runs / "alone" / "config.json").read_text())
    config["recipe"]["entities"] = None
    (runs / "alone" / "config.json").write_text(json.dumps(config))
    return runs


@pytest.mark.parametrize("name", ["jsonl", "brat"])
def test_extract_joins_the_entities_of_annotated_documents(alone: Path, tmp_path: Path, name: str) -> None:
    bare = [Document(note.id, note.text, note.entities) for note in FIVE]
    place = tmp_path / ("notes.jsonl" if name == "jsonl" else "notes")
    write(bare, place, name)
    found = {record["id"]: record for record in extract(place, alone, tmp_path / "out")}
    for note in FIVE:
        assert len(found[note.id]["entities"]) == len(note.entities)
        assert len(found[note.id].get("relations", [])) == len(note.relations)
        assert len(found[note.id].get("events", [])) == len(note.events)


def test_extract_of_plain_text_says_what_to_do(alone: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text(FIVE[0].text)
    with pytest.raises(ConfigError, match=r"plain text has no entities.*entities: RUN in the recipe"):
        extract(tmp_path / "note.txt", alone, tmp_path / "out")
    write([FIVE[0].bare()], tmp_path / "bare.jsonl", "jsonl")
    with pytest.raises(ConfigError, match=r"bare.jsonl: no entity in it.*give annotated documents"):
        extract(tmp_path / "bare.jsonl", alone, tmp_path / "other")
    assert not (tmp_path / "other" / "documents.jsonl").exists()


def refused(runs: Path, folder: Path, **changes: Any) -> str:
    with pytest.raises((ConfigError, CheckpointError)) as caught:
        train(recipe_of(runs / "backbone", **changes), folder / "run", quiet=True)
    return str(caught.value)


def test_a_model_that_cannot_find_what_is_joined_is_refused(runs: Path, tmp_path: Path) -> None:
    pairs = {"formulation": "pair_classification"}
    assert "finds entities itself" in refused(runs, tmp_path, entities=str(runs / "finder"))
    assert "joins entities and finds none" in refused(runs, tmp_path, entities=str(runs / "pairs"), **pairs)
    assert "config.json is missing" in refused(runs, tmp_path, entities=str(runs / "backbone" / ".."), **pairs)
    other = {
        "heads": {"other": {"schema": "tiny"}},
        "sources": [{"corpus": "five", "tune": False, "targets": [{"head": "other"}]}],
    }
    assert "answers tiny, but not 'other'" in refused(runs, tmp_path, entities=str(runs / "finder"), **pairs, **other)
