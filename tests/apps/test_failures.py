"""What a user does wrong gives one line on stderr and the exit code that says whose fault it is."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.txt"], "nowhere.txt: there is no such file or folder"),
        ([], "no input: name text files"),
        (["-", "-"], "standard input (-) can be read only once"),
        (["{notes}", "--to", "jsonl", "--to", "xml"], "unknown output format 'xml'"),
        (["{notes}", "--to", "jsnl"], "did you mean 'jsonl'?"),
        (["{notes}", "--to", "jsonl,jsonl"], "names a format twice"),
        (["{notes}", "--min-score", "2"], "--min-score must lie between 0 and 1"),
        (["{notes}", "--threads", "0"], "--threads must be at least 1"),
        (["{notes}", "--schema", "clinicl"], "did you mean 'clinical'?"),
        (["{notes}", "--keep-columns", "patient"], "need a .jsonl or .parquet file"),
        (["{empty}"], "no notes in it"),
        (["{table}"], "give --id-column"),
        (["{table}", "--id-column", "nr", "--text-column", "txt"], "did you mean 'text'?"),
        (["{table}", "--id-column", "nr", "--text-column", "text", "--keep-columns", "ward"], "has no column"),
        (["{notes}", "--engine", "gpu"], "--engine is one of"),
    ],
)
def test_wrong_arguments_of_extract_are_usage_errors_in_one_line(
    run: Run, model: Path, notes: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table({"nr": [1], "text": ["a"]}), tmp_path / "t.parquet")
    places = {"notes": notes, "empty": tmp_path / "empty", "table": tmp_path / "t.parquet"}
    given = [argument.format(**places) for argument in arguments]
    result = run("extract", *given, "-o", tmp_path / "out", "--model", model)
    assert said in result.stderr
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert not list(tmp_path.glob("out/*"))


def test_a_model_that_is_not_there_is_named_with_those_that_are(run: Run, notes: Path, tmp_path: Path) -> None:
    result = run("extract", notes, "-o", tmp_path / "out", "--model", "defualt")
    assert result.exit_code == 1
    assert "no model 'defualt'" in result.stderr


def test_a_term_list_without_its_columns_is_refused_with_its_line(
    run: Run, model: Path, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / "codes.csv").write_text("word,number\na,1\n", "utf-8")
    codes = tmp_path / "codes.csv"
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model, "--codes", codes)
    assert result.exit_code == 1
    assert "codes.csv line 1: no column term and code" in result.stderr


def test_an_output_folder_that_is_a_file_is_refused(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", "utf-8")
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert (result.exit_code, "is a file" in result.stderr) == (2, True)


def test_a_parquet_file_that_is_none_is_a_failure(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "n.parquet").write_bytes(b"PAR0")
    result = run("extract", tmp_path / "n.parquet", "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 1
    assert "n.parquet: not a readable Parquet file" in result.stderr


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    assert run("extrct").exit_code == 2


def test_help_and_version_are_printed(run: Run) -> None:
    from medspan import __version__

    assert run("--version").stdout == f"medspan {__version__}\n"
    shown = run("--help").stdout
    for command in ("extract", "evaluate", "convert", "corpora", "train", "export", "models", "bench", "doctor"):
        assert command in shown
        assert run(command, "--help").exit_code == 0


def test_logs_are_silent_unless_asked_for(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    (notes / "bad.txt").write_bytes(b"\xff")
    quiet = run("extract", notes, "-o", tmp_path / "a", "--model", model)
    loud = run("-v", "extract", notes, "-o", tmp_path / "b", "--model", model)
    assert quiet.stderr == ""
    assert "level='warning'" in loud.stderr
    assert "bad" in loud.stderr
