"""`medspan corpora invent`: native files from one command."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from medspan.corpora import read

Run = Callable[..., Result]


def test_a_corpus_is_invented_in_its_native_format(run: Run, tmp_path: Path) -> None:
    made = run("corpora", "invent", "--format", "i2b2-2010", "--notes", 12, "--seed", 4, "-o", tmp_path / "notes")
    assert made.exit_code == 0, made.stderr
    assert "12 invented documents written" in made.stdout
    assert "of the files made untidy" in made.stdout
    documents = read(tmp_path / "notes", "i2b2-2010").documents
    assert len(documents) == 12
    assert {e.label for d in documents for e in d.entities} == {"problem", "treatment", "test"}


def test_another_schema_length_and_plain_files_can_be_asked_for(run: Run, tmp_path: Path) -> None:
    options = ("--schema", "soda", "--characters", 600, "--no-traps", "-n", 20)
    made = run("corpora", "invent", "--format", "brat", *options, "-o", tmp_path / "notes")
    assert made.exit_code == 0, made.stderr
    assert "untidy" not in made.stdout
    result = read(tmp_path / "notes", "brat")
    assert result.problems == ()
    assert 450 < sum(len(d.text) for d in result.documents) / 20 < 800


def test_tables_can_be_invented_too(run: Run, tmp_path: Path) -> None:
    made = run("corpora", "invent", "--format", "parquet", "-n", 5, "-o", tmp_path / "tables")
    assert made.exit_code == 0, made.stderr
    assert any((tmp_path / "tables").rglob("*.parquet"))


def test_what_a_format_cannot_hold_needs_the_word_lossy(run: Run, tmp_path: Path) -> None:
    refused = run("corpora", "invent", "--format", "conll", "-n", 5, "-o", tmp_path / "notes")
    assert refused.exit_code == 1
    assert "--lossy" in refused.stderr
    made = run("corpora", "invent", "--format", "conll", "-n", 5, "-o", tmp_path / "notes", "--lossy", "--overwrite")
    assert made.exit_code == 0, made.stderr
    assert "has no place for" in made.stdout


def test_nothing_is_overwritten_unasked_and_the_format_must_be_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("{}\n")
    kept = run("corpora", "invent", "-o", tmp_path / "notes.jsonl")
    assert (kept.exit_code, (tmp_path / "notes.jsonl").read_text()) == (2, "{}\n")
    untold = run("corpora", "invent", "-o", tmp_path / "notes")
    assert untold.exit_code == 2
    assert "--format" in untold.stderr


def test_a_mistyped_schema_is_met_with_a_suggestion(run: Run, tmp_path: Path) -> None:
    result = run("corpora", "invent", "--schema", "n2c2-2019", "-o", tmp_path / "notes.jsonl")
    assert result.exit_code == 2
    assert "did you mean 'n2c2-2018'" in result.stderr
    assert not (tmp_path / "notes.jsonl").exists()
