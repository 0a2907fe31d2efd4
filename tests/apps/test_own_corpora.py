"""`medspan corpora init` and what then works with the corpus's name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora import write
from medspan.training.config import Recipe
from medspan.training.sources import build_layouts

Run = Callable[..., Result]
TEXT = "Aspirin 81 mg daily."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Invented brat notes of ten patients, one line of them broken, and an empty data folder."""
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path / "data"))
    entities = (Entity("T1", "Drug", (Span(0, 7),)), Entity("T2", "Strength", (Span(8, 13),)))
    documents = [
        Document(f"p{n}_{m}", TEXT, entities, (Relation("R1", "Strength-Drug", "T2", "T1"),))
        for n in range(10)
        for m in range(2)
    ]
    write(documents, tmp_path / "ward", "brat")
    with (tmp_path / "ward" / "p0_0.ann").open("a", encoding="utf-8") as stream:
        stream.write("R2\tStrength-Drug Arg1:T2 Arg2:T9\n")
    return tmp_path / "ward"


def test_a_folder_becomes_a_corpus_that_show_list_and_evaluate_know(folder: Path, run: Run) -> None:
    result = run("corpora", "init", folder)
    assert result.exit_code == 0, result.output
    assert "brat: 20 documents with 2 labels, 1 relations" in result.output
    assert "warning: 1 things could not be read" in result.output
    shown = run("corpora", "show", "ward", "--problems")
    assert shown.exit_code == 0, shown.output
    assert "3 of 3 definitions in corpus.yaml are still to be written" in shown.output
    assert ".: 20 read, 0 kept, 0 repaired, 1 skipped" in shown.output
    assert "p0_0 line 4: skipped" in shown.output
    assert "Aspirin" not in shown.output
    assert "ward" in run("corpora", "list").output
    scored = run("evaluate", "--gold", "corpus:ward:train", "--predicted", folder, "--json")
    assert scored.exit_code == 0, scored.output


def test_a_recipe_may_name_the_corpus_and_its_schema(folder: Path, run: Run) -> None:
    assert run("corpora", "init", folder).exit_code == 0
    recipe = Recipe.model_validate(
        {
            "name": "own",
            "backbone": "anywhere",
            "heads": {"own": {"schema": "ward"}},
            "compose": {"ward": ["own"]},
            "sources": [{"corpus": "ward", "targets": [{"head": "own"}]}],
        }
    )
    assert build_layouts(recipe)["own"].labels == ("Drug", "Strength")


def test_a_second_start_and_a_taken_name_end_with_an_error(folder: Path, run: Run) -> None:
    assert run("corpora", "init", folder).exit_code == 0
    again = run("corpora", "init", folder)
    assert again.exit_code == 2
    assert "is there already" in again.output
    taken = run("corpora", "init", folder, "--name", "phee")
    assert taken.exit_code == 2
    assert "taken" in taken.output


def test_a_corpus_under_agreement_says_how_to_apply_and_where_files_go(folder: Path, run: Run) -> None:
    shown = run("corpora", "show", "n2c2-2022")
    assert "apply at the DBMI data portal" in shown.output
    assert "$MEDSPAN_DATA/n2c2-2022/: train/, dev/ and test/" in shown.output
    got = run("corpora", "get", "n2c2-2022")
    assert got.exit_code == 1
    assert "data use agreement" in got.output
