"""The plain baseline learns, gives the same figures for the same seed, and keeps finished cells."""

import sys
from pathlib import Path

import pytest

import token_classification
from cells import read_cell
from comparisons import COMPARISONS, Comparison, Part
from medspan.annotation import Document, LabelSchema
from medspan.corpora import read
from medspan.formulations import TextTokenizer
from medspan.scoring import score
from tiny import tiny_backbone, tiny_notes
from token_classification import Recipe, predict, train

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_backbone(tmp_path_factory.mktemp("backbone"), [note.text for note in tiny_notes(n=5)])


def recipe(backbone: Path, epochs: int) -> Recipe:
    return Recipe(str(backbone), epochs=epochs, seed=1, batch_tokens=512, lr=1e-2, precision="float32")


def labels_of(notes: list[Document]) -> list[str]:
    return sorted({entity.label for note in notes for entity in note.entities})


def test_the_baseline_learns_five_notes_by_heart(backbone: Path) -> None:
    notes = tiny_notes(n=5)
    labels = labels_of(notes)
    tokenizer = TextTokenizer.load(backbone)
    predicted = predict(train(notes, labels, tokenizer, recipe(backbone, 60)), notes, labels, tokenizer)
    reached = score(notes, predicted).tally("entities.strict").micro.f1
    assert reached == pytest.approx(token_classification.ceiling(notes, labels, tokenizer), abs=0.01)
    assert reached > 0.9


def test_the_same_seed_gives_the_same_weights(backbone: Path) -> None:
    notes, tokenizer = tiny_notes(n=3), TextTokenizer.load(backbone)
    first, second = (train(notes, labels_of(notes), tokenizer, recipe(backbone, 2)).state_dict() for _ in range(2))
    assert all(bool((first[name] == second[name]).all()) for name in first)


def test_batches_hold_every_row_once_and_no_more_than_they_may() -> None:
    lengths = [5, 90, 1, 40, 40, 126, 7]
    batches = token_classification._batches(lengths, 130, None)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 130 for batch in batches)


def test_a_run_leaves_predictions_and_cells_and_is_not_repeated(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def invented(part: Part, labels: LabelSchema) -> list[Document]:
        return tiny_notes(n=4, seed=len(part.corpus) + (part.split == "dev"))

    def training(comparison: Comparison, labels: LabelSchema) -> tuple[list[Document], int]:
        return tiny_notes(n=6, seed=99), 2

    monkeypatch.setattr(token_classification, "gold_of", invented)
    monkeypatch.setattr(token_classification, "training_of", training)
    arguments = (
        f"x clin -o {tmp_path / 'out'} --cells {tmp_path / 'cells'} --epochs 1 --backbone {backbone} --threads 1"
    )
    monkeypatch.setattr(sys, "argv", arguments.split())
    token_classification.main()

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{part}-seed1.jsonl" for part in sorted(COMPARISONS["clin"].test, key=str)
    ]
    assert len(read(tmp_path / "out" / "clin-mts-dev-seed1.jsonl").documents) == 4
    cell = read_cell(tmp_path / "cells" / "baseline-clin-mts-seed1.json")
    assert cell is not None
    assert (cell["epochs"], cell["seed"], cell["documents"]["left out of train"]) == (1, 1, 2)
    assert {"strict", "lenient"} <= set(cell["entities"])

    capsys.readouterr()
    token_classification.main()
    assert capsys.readouterr().out.count("finished before") == 1
