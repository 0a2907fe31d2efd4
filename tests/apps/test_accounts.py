"""Every note ends as done or set aside, with a reason that never quotes it; failures leave earlier results alone."""

import gzip
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from medspan.annotation import Document
from medspan.inference import Extractor

Run = Callable[..., Result]
Records = Callable[[Path], list[dict[str, Any]]]

CANARY = "zebrafinch"
"""A word that stands in notes and may stand in results, and nowhere else."""


def accounts(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return manifest


def assert_canary_is_silent(result: Result, folder: Path) -> None:
    assert CANARY not in result.stdout + result.stderr
    for name in ("manifest.json", "quarantine.jsonl"):
        if (folder / name).exists():
            assert CANARY not in (folder / name).read_text("utf-8")


def test_notes_that_are_not_utf8_are_set_aside_and_counted(
    run: Run, model: Path, notes: Path, tmp_path: Path, read_records: Records
) -> None:
    (notes / "latin.txt").write_bytes(f"{CANARY} caf\xe9".encode("latin-1"))
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3, result.stderr
    assert accounts(tmp_path / "out")["notes"] == {"read": 5, "done": 4, "quarantined": 1}
    (entry,) = read_records(tmp_path / "out" / "quarantine.jsonl")
    assert entry["id"] == "latin"
    assert "byte 14 is not UTF-8" in entry["reason"]
    assert "1 set aside" in result.stdout
    assert_canary_is_silent(result, tmp_path / "out")


def test_bad_lines_of_json_are_set_aside_by_their_number(
    run: Run, model: Path, tmp_path: Path, read_records: Records
) -> None:
    lines = [
        b'{"id": "1", "text": "No fever."}',
        b'{"id": "2", "text": "' + CANARY.encode() + b'"',
        b'["' + CANARY.encode() + b'"]',
        b'{"id": "3", "text": "\\ud800 ' + CANARY.encode() + b'"}',
        b'{"id": "4"}',
        b'{"text": "' + CANARY.encode() + b'"}',
        b'{"id": "5", "text": "caf\xe9 ' + CANARY.encode() + b'"}',
        b'{"id": "1", "text": "again ' + CANARY.encode() + b'"}',
        b"",
        b'{"id": "6\\ud800", "text": "x"}',
        b'{"id": "7", "text": "nul \\u0000 here"}',
    ]
    (tmp_path / "n.jsonl").write_bytes(b"\n".join(lines))
    result = run("extract", tmp_path / "n.jsonl", "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3, result.stderr
    assert accounts(tmp_path / "out")["notes"] == {"read": 10, "done": 2, "quarantined": 8}
    entries = read_records(tmp_path / "out" / "quarantine.jsonl")
    assert [entry["id"] for entry in entries] == [
        "n.jsonl line 2", "n.jsonl line 3", "3", "4", "n.jsonl line 6", "n.jsonl line 7", "1", "6\ud800",
    ]  # fmt: skip
    assert "lone surrogate at character 0" in entries[2]["reason"]
    assert [r["id"] for r in read_records(tmp_path / "out" / "documents.jsonl")] == ["1", "7"]
    assert_canary_is_silent(result, tmp_path / "out")


def test_rows_of_parquet_without_id_or_text_are_set_aside(run: Run, model: Path, tmp_path: Path) -> None:
    table = pa.table({"id": ["1", None, "3"], "text": ["No fever.", "x", None]})
    pq.write_table(table, tmp_path / "n.parquet")
    result = run("extract", tmp_path / "n.parquet", "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3
    assert accounts(tmp_path / "out")["notes"] == {"read": 3, "done": 1, "quarantined": 2}


def test_a_damaged_gzip_file_is_set_aside_after_its_readable_lines(
    run: Run, model: Path, tmp_path: Path, read_records: Records
) -> None:
    lines = "".join(json.dumps({"id": str(n), "text": os.urandom(40).hex()}) + "\n" for n in range(400)).encode()
    (tmp_path / "n.jsonl.gz").write_bytes(gzip.compress(lines)[:-4000])
    result = run("extract", tmp_path / "n.jsonl.gz", "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3
    assert 0 < accounts(tmp_path / "out")["notes"]["done"] < 400
    assert "cannot be read further" in read_records(tmp_path / "out" / "quarantine.jsonl")[-1]["reason"]


def test_a_second_note_with_the_same_id_is_set_aside(
    run: Run, model: Path, notes: Path, tmp_path: Path, read_records: Records
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.txt").write_text("Another note.", "utf-8")
    result = run("extract", notes, tmp_path / "other", "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3
    (entry,) = read_records(tmp_path / "out" / "quarantine.jsonl")
    assert entry["id"] == "c"
    assert "earlier note has this id" in entry["reason"]


def test_ids_that_are_no_file_names_are_set_aside_for_brat_alone(run: Run, model: Path, tmp_path: Path) -> None:
    ids = ["ok", "../up", "/abs", "a\\b", "x" * 300, "a//b"]
    lines = "".join(json.dumps({"id": name, "text": "No fever."}) + "\n" for name in ids)
    (tmp_path / "n.jsonl").write_text(lines, "utf-8")
    with_brat = run("extract", tmp_path / "n.jsonl", "-o", tmp_path / "a", "--model", model, "--to", "jsonl,brat")
    without = run("extract", tmp_path / "n.jsonl", "-o", tmp_path / "b", "--model", model)
    assert (with_brat.exit_code, without.exit_code) == (3, 0)
    assert accounts(tmp_path / "a")["notes"] == {"read": 6, "done": 1, "quarantined": 5}
    assert [p.name for p in (tmp_path / "a" / "brat").iterdir()] and not (tmp_path / "up.txt").exists()


def test_a_file_that_may_not_be_read_is_set_aside(
    run: Run, model: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "c.txt":
            raise PermissionError(13, "Permission denied")
        return allowed(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3
    assert "c.txt: cannot be read: Permission denied" in (tmp_path / "out" / "quarantine.jsonl").read_text("utf-8")


def test_a_note_on_which_the_model_fails_is_set_aside_and_the_rest_is_done_in_order(
    run: Run, model: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_records: Records
) -> None:
    whole = Extractor.annotate

    def annotate(
        self: Extractor, given: Iterable[Document | str], schemas: Sequence[str] | None = None
    ) -> list[Document]:
        given = list(given)
        if any(isinstance(d, Document) and d.id == "ward/a" for d in given):
            raise ValueError(f"cannot handle {CANARY}")
        return whole(self, given, schemas)

    (notes / "ward" / "a.txt").write_text(f"Denies {CANARY}.", "utf-8")
    monkeypatch.setattr(Extractor, "annotate", annotate)
    result = run("-v", "extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 3, result.stderr
    assert [r["id"] for r in read_records(tmp_path / "out" / "documents.jsonl")] == ["c", "empty", "ward/b"]
    (entry,) = read_records(tmp_path / "out" / "quarantine.jsonl")
    assert entry == {"id": "ward/a", "reason": "the model failed on this note (ValueError)"}
    assert "ward/a" in result.stderr
    assert_canary_is_silent(result, tmp_path / "out")


def test_a_model_that_fails_on_everything_ends_the_job(
    run: Run, model: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def annotate(self: Extractor, given: Iterable[Document], schemas: Sequence[str] | None = None) -> list[Document]:
        raise ValueError(f"{CANARY} in {len(list(given))} notes")

    monkeypatch.setattr(Extractor, "annotate", annotate)
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 1
    assert "the model fails on every note (ValueError)" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert_canary_is_silent(result, tmp_path / "out")


def test_an_internal_error_names_its_type_and_place_but_not_its_message(
    run: Run, model: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: Any, given: Iterable[Document]) -> None:
        raise RuntimeError(f"{CANARY} in {len(list(given))} notes")

    monkeypatch.setattr("medspan.apps.extract.outputs.JsonLinesSink.write", write)
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 1
    assert "internal error, please report it: RuntimeError at test_accounts.py:" in result.stderr
    assert result.stderr.count("\n") == 1
    assert_canary_is_silent(result, tmp_path / "out")


def test_a_full_disk_leaves_the_results_of_an_earlier_run(
    run: Run, model: Path, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run("extract", notes, "-o", out, "--model", model).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def write(self: Any, given: Iterable[Document]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medspan.apps.extract.outputs.JsonLinesSink.write", write)
    result = run("extract", notes, "-o", out, "--model", model, "--overwrite")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_results_are_replaced_only_when_asked_and_then_completely(
    run: Run, model: Path, notes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("extract", notes, "-o", out, "--model", model, "--to", "jsonl,brat,parquet").exit_code == 0
    refused = run("extract", notes / "c.txt", "-o", out, "--model", model)
    assert refused.exit_code == 2
    assert "already holds documents.jsonl" in refused.stderr
    assert run("extract", notes / "c.txt", "-o", out, "--model", model, "--overwrite").exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["documents.jsonl", "manifest.json", "quarantine.jsonl"]


def test_files_that_are_no_notes_are_counted(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    (notes / "scan.pdf").write_bytes(b"%PDF")
    (notes / "._c.txt").write_bytes(b"\x00\x05\x16\x07\xff")
    (notes / "c.ann").write_bytes(b"")
    result = run("extract", notes, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 0
    assert accounts(tmp_path / "out")["ignored_files"] == {".pdf": 1, ".txt": 1}
    assert "left out: 1 .pdf, 1 .txt" in result.stdout


def test_the_manifest_tells_versions_model_and_arguments(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    from medspan import __version__
    from medspan.apps.models import model_digest

    assert run("extract", notes, "-o", tmp_path / "out", "--model", model, "--min-score", "0.5").exit_code == 0
    manifest = accounts(tmp_path / "out")
    assert manifest["medspan"] == __version__
    assert manifest["model"]["sha256"] == model_digest(model)
    assert manifest["model"]["engine"] == "OnnxEngine"
    assert manifest["peak_memory_mb"] > 20
    assert manifest["arguments"]["min_score"] == 0.5
    assert set(manifest["versions"]) >= {"python", "openvino", "tokenizers"}
    seconds = manifest["seconds"]
    stages = ("read", "tokenize", "encode", "decode", "write")
    assert all(seconds[stage] >= 0 for stage in stages)
    assert seconds["encode"] + seconds["decode"] > 0
    assert 0 < seconds["startup"] < seconds["total"]
