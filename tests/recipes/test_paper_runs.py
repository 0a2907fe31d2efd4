"""The paper's recipes run whole, on a tiny double of each model's architecture and invented notes in native files.

One run for each dataset, formulation and strategy; that every recipe of every size is built is in test_paper_recipes.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from medspan.annotation import Document
from medspan.corpora import catalog_entry, load_corpus
from medspan.corpora.formats import read, write
from medspan.corpora.invent import write_corpus
from medspan.formulations.mentions import Thresholds
from medspan.inference import load
from medspan.models.checkpoint import read_config
from medspan.scoring import score
from medspan.training.config import load_recipe
from medspan.training.loop import train

RECIPES = Path(__file__).parents[2] / "recipes" / "paper"
SETTINGS = (
    "backbone=tiny",
    "optimisation.steps=20",
    "optimisation.epochs=50",
    "optimisation.learning_rate=0.01",
    "optimisation.head_learning_rate=0.01",
    "optimisation.batch_rows=16",
    "optimisation.threads=1",
    "evaluation.every_steps=20",
    "window.budget=60",
)
READING = "ce-re-reading-comprehension-gatortron-345m"
RUNS = [
    ("i2b2-2010", "ce-tagging-bert-large"),
    ("n2c2-2018", "ce-tagging-clinicalbert"),
    ("n2c2-2022", "ce-tagging-spanbert-large"),
    ("radgraph", "ce-tagging-gatortron-8.9b"),
    *((dataset, READING) for dataset in ("i2b2-2010", "n2c2-2018", "n2c2-2022", "radgraph")),
    *(
        (dataset, f"{READING}-{kind}-{backbone}")
        for dataset in ("n2c2-2018", "n2c2-2022")
        for kind in ("prefix", "p-tuning")
        for backbone in ("frozen", "unfrozen")
    ),
]
TAGGING = {dataset: rest for dataset, rest in RUNS if rest.startswith("ce-tagging")}
HEADLINES = {
    "i2b2-2010": "entities.strict",
    "n2c2-2018": "entities.lenient",
    "n2c2-2022": "events.overall.overlap.exact.label",
    "radgraph": "entities.strict",
}


def _write_native(root: Path) -> None:
    """Lay out the four corpora as their owners do."""
    parts = (("train", 12, 1), ("dev", 2, 2), ("test", 3, 3))
    for part, n, seed in parts:
        for name, form in (("i2b2-2010", "i2b2-2010"), ("n2c2-2018", "brat")):
            if part != "dev":
                write_corpus(form, name, n, seed, root / name / part, characters=300)
        for number, place in enumerate(("mimic", "uw")):
            write_corpus("n2c2-2022", "n2c2-2022", n, seed + 10 * number, root / "n2c2-2022" / part / place)
        (root / "radgraph").mkdir(exist_ok=True)
        write_corpus("radgraph", "radgraph", n, seed, root / "radgraph" / f"{part}.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the corpora, which MEDSPAN_DATA names, and place for runs."""
    root = tmp_path_factory.mktemp("paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSPAN_DATA", str(root / "data"))
        for name in HEADLINES:
            (root / "data" / name).mkdir(parents=True)
        for part in ("train", "dev", "test"):
            (root / "data" / "n2c2-2022" / part).mkdir()
        _write_native(root / "data")
        yield root
    _trained.cache_clear()


@cache
def _trained(place: Path, name: str, *settings: str) -> Path:
    """Run a recipe for 20 steps; the run's folder."""
    run = place / name
    metrics = train(load_recipe(RECIPES / f"{name}.yaml", (*SETTINGS, *settings)), run, quiet=True)
    assert metrics["steps"] == 20
    return run


def _check_scores(dataset: str, gold: list[Document], predicted: list[Document], place: Path) -> tuple[int, int]:
    """Predictions survive their native files, and the official scorer takes them; the numbers of gold and predicted."""
    form = catalog_entry(dataset).format
    native = place / (f"{dataset}.json" if form == "radgraph" else dataset)
    write(predicted, native, form, lossy=True)
    stated = {document.id: document for document in read(native, form).documents}
    report = score(gold, predicted, scorer=dataset)
    counts = report.tally(HEADLINES[dataset]).micro
    assert report.headline == tuple(HEADLINES[dataset].split("."))
    if dataset != "radgraph":  # whose file joins the labelers' documents again
        assert {document.id for document in gold} == set(stated)
    return counts.tp + counts.fn, counts.tp + counts.fp


@pytest.mark.parametrize(("dataset", "rest"), RUNS)
def test_a_recipe_runs_from_native_notes_to_the_official_score(dataset: str, rest: str, place: Path) -> None:
    is_reading = "reading" in rest
    run = _trained(place, f"{dataset}-{rest}", *(("reading_comprehension.negatives=0.1",) if is_reading else ()))
    config = read_config(run)
    assert config.formulation.replace("_", "-") in rest
    assert json.loads((run / "backbone" / "config.json").read_text(encoding="utf-8"))["hidden_size"] == 32
    assert (run / "adapter").is_dir() == ("-prefix-" in rest or "-p-tuning-" in rest)
    gold = load_corpus(dataset, "test")
    predicted = load(run).annotate(gold)
    assert [(document.id, document.text) for document in predicted] == [(d.id, d.text) for d in gold]
    n_gold, n_predicted = _check_scores(dataset, gold, predicted, place / f"{rest}-out-{dataset}")
    assert n_gold > 0
    assert n_predicted > 0 or is_reading  # which answers nothing yet after so few of its many questions


@pytest.mark.parametrize("dataset", HEADLINES)
def test_pairs_join_what_the_tagging_run_finds(dataset: str, place: Path) -> None:
    entities = _trained(place, f"{dataset}-{TAGGING[dataset]}")
    run = _trained(place, f"{dataset}-re-pair-classification-gatortron-345m", f"entities={entities}")
    gold = load_corpus(dataset, "test")
    extractor = load(run).with_thresholds({dataset: Thresholds(default=0.0)})
    found = extractor.annotate(gold)
    joined = extractor.on_given_entities().annotate(gold)
    assert [[e.fragments for e in d.entities] for d in joined] == [[e.fragments for e in d.entities] for d in gold]
    assert any(document.relations or any(event.arguments for event in document.events) for document in joined)
    assert _check_scores(dataset, gold, found, place / f"pairs-{dataset}")[1] > 0
    n_gold, n_joined = _check_scores(dataset, gold, joined, place / f"given-{dataset}")
    assert n_joined >= n_gold > 0
