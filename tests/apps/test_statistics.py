"""`medspan compare`, `agreement` and the report of `evaluate` on invented documents."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from medspan.annotation import Document, Span
from medspan.apps.cli.versions import version_names
from medspan.corpora import write
from medspan.errors import ConfigError
from tiny import tiny_notes

Run = Callable[..., Result]


def shortened(documents: list[Document], every: int) -> list[Document]:
    """Cut a character off every so many mentions."""

    def cut(document: Document) -> Document:
        entities = tuple(
            replace(e, fragments=(Span(e.start, e.end - 1),)) if i % every == 0 and e.end - e.start > 1 else e
            for i, e in enumerate(document.entities)
        )
        return replace(document, entities=entities)

    return [cut(document) for document in documents]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Gold, a good system and a worse one."""
    gold = list(tiny_notes("medications", 12))
    found = {"gold": gold, "good": shortened(gold, 5), "poor": shortened(gold, 2)}
    for name, documents in found.items():
        write(documents, tmp_path / f"{name}.jsonl", "jsonl")
    return {name: tmp_path / f"{name}.jsonl" for name in found}


def test_compare_prints_a_row_for_every_two_systems_and_measure(run: Run, files: dict[str, Path]) -> None:
    arguments = ["compare", "--gold", files["gold"], "--resamples", "200"]
    for name in ("good", "poor", "gold"):
        arguments += ["--predicted", files[name]]
    arguments += ["--measure", "entities.strict", "--measure", "entities.lenient"]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["correction"] == "holm"
    rows = data["comparisons"]
    assert [(r["measure"], r["a"], r["b"]) for r in rows[:3]] == [
        ("entities.strict", "good", "poor"),
        ("entities.strict", "good", "gold"),
        ("entities.strict", "poor", "gold"),
    ]
    assert len(rows) == 6
    assert rows[0]["difference"] > 0 > rows[1]["difference"]
    assert rows[0]["interval"]["low"] > 0
    assert all(0 < r["p_randomization"] <= r["p_adjusted"] <= 1 for r in rows)
    shown = " ".join(run(*arguments, "--correction", "benjamini-hochberg").stdout.split())
    assert "micro F1 of entities.lenient, 12 documents" in shown
    assert "6 comparisons, corrected by Benjamini and Hochberg's step-up method" in shown


def test_compare_needs_two_systems_and_a_known_correction(run: Run, files: dict[str, Path]) -> None:
    one = run("compare", "--gold", files["gold"], "--predicted", files["good"])
    assert (one.exit_code, "two systems or more" in one.stderr) == (2, True)
    both = ("compare", "--gold", files["gold"], "--predicted", files["good"], "--predicted", files["poor"])
    mistyped = run(*both, "--correction", "holms")
    assert (mistyped.exit_code, "did you mean 'holm'" in mistyped.stderr) == (2, True)


def test_agreement_gives_f1_of_every_two_and_alpha_by_label(run: Run, files: dict[str, Path]) -> None:
    result = run("agreement", *files.values(), "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["annotators"] == ["gold", "good", "poor"]
    assert len(data["pairs"]) == 3
    assert 0 < data["alpha"]["overall"] < 1
    assert data["labels"]["Drug"]["lenient"] == 1.0
    assert data["labels"]["Drug"]["strict"] < 1.0
    shown = run("agreement", *files.values()).stdout
    assert "good and poor" in shown and "sets of labels" in shown


def test_agreement_of_one_version_is_wrong_usage(run: Run, files: dict[str, Path]) -> None:
    result = run("agreement", files["gold"])
    assert (result.exit_code, "two annotators or more" in result.stderr) == (2, True)


@pytest.mark.parametrize("to", ["md", "json", "html"])
def test_evaluate_writes_the_report_that_the_suffix_names(
    run: Run, files: dict[str, Path], tmp_path: Path, to: str
) -> None:
    arguments = ("evaluate", "--gold", files["gold"], "--predicted", files["poor"], "--bootstrap", "50")
    path = tmp_path / f"report.{to}"
    result = run(*arguments, "--report", path)
    assert result.exit_code == 0, result.stderr
    assert "boundary" in path.read_text("utf-8")
    again = run(*arguments, "--report", path)
    assert (again.exit_code, "--overwrite" in again.stderr) == (2, True)
    assert run(*arguments, "--report", path, "--overwrite").exit_code == 0


def test_the_report_counts_what_evaluate_counts(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    sides = ("--gold", files["gold"], "--predicted", files["poor"])
    scores = json.loads(run("evaluate", *sides, "--json", "--report", path, "--examples", "1").stdout)
    report = json.loads(path.read_text("utf-8"))
    assert report["scores"] == scores
    assert report["label_intervals"] == {}
    for part, strict in (
        ("entities", scores["entities"]["strict"]),
        ("relations", scores["relations"]["end_to_end"]["strict"]),
    ):
        assert {k: report["mistakes"][part][k] for k in ("tp", "fp", "fn")} == {
            k: strict["micro"][k] for k in ("tp", "fp", "fn")
        }
    categories = report["mistakes"]["entities"]["categories"]
    assert categories["boundary"]["mistakes"] == scores["entities"]["strict"]["micro"]["fn"]
    assert len(categories["boundary"]["examples"]) == 1


def test_the_report_holds_no_word_of_the_notes(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    assert run("evaluate", "--gold", files["gold"], "--predicted", files["poor"], "--report", path).exit_code == 0
    content = path.read_text("utf-8")
    assert content.startswith("# Scores")
    mentions = {d.mention(e) for d in tiny_notes("medications", 12) for e in d.entities if e.label == "Drug"}
    assert mentions
    assert [m for m in mentions if len(m) > 4 and m in content] == []


def test_a_report_of_another_suffix_is_wrong_usage(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    sides = ("evaluate", "--gold", files["gold"], "--predicted", files["poor"])
    result = run(*sides, "--report", tmp_path / "r.pdf")
    assert (result.exit_code, ".md, .json or .html" in result.stderr) == (2, True)
    assert list(tmp_path.glob("r.*")) == []


def test_versions_are_named_by_file_unless_two_would_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "run-1.5").mkdir()
    paths = [Path("x/a.jsonl"), Path("x/b.jsonl.gz"), Path("plain"), tmp_path / "run-1.5"]
    assert version_names(paths) == ["a", "b", "plain", "run-1.5"]
    assert version_names([Path("x/a.jsonl"), Path("y/a.jsonl")]) == ["x/a.jsonl", "y/a.jsonl"]
    with pytest.raises(ConfigError, match="given twice"):
        version_names([Path("a"), Path("b"), Path("a")])
