"""`medspan extract` from each kind of input to each kind of output, with a tiny model."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from medspan.annotation import Document
from medspan.corpora import read
from medspan.interchange import read_parquet_documents
from tiny import tiny_notes

Run = Callable[..., Result]
Records = Callable[[Path], list[dict[str, Any]]]


def extract(run: Run, model: Path, *arguments: Any, **options: Any) -> Result:
    result = run("extract", *arguments, "--model", model, **options)
    assert result.exit_code == 0, result.stderr
    return result


def documents(folder: Path) -> dict[str, Document]:
    return {d.id: d for d in read(folder / "documents.jsonl", "jsonl").documents}


def test_a_folder_gives_one_document_a_file_with_its_text_unchanged(
    run: Run, model: Path, notes: Path, texts: dict[str, str], tmp_path: Path
) -> None:
    extract(run, model, notes, "-o", tmp_path / "out")
    found = documents(tmp_path / "out")
    assert {name: d.text for name, d in found.items()} == texts
    assert list(found) == ["c", "empty", "ward/a", "ward/b"]


def test_offsets_are_those_of_the_mentions_in_every_table(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    extract(run, model, notes, "-o", tmp_path / "out", "--to", "jsonl", "--to", "parquet")
    found = documents(tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "entities.parquet").to_pylist()
    assert len(table) == sum(len(d.entities) for d in found.values()) > 3
    for row in table:
        text = found[row["document_id"]].text
        assert row["mention"] == " ".join(text[f["start"] : f["end"]] for f in row["fragments"])
        assert (row["fragments"][0]["start"], row["fragments"][-1]["end"]) == (row["start"], row["end"])


def test_every_format_holds_the_same_documents(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract(run, model, notes, "-o", out, "--to", "jsonl,parquet", "--to", "brat", "--to", "html")
    expected = documents(out)
    assert {d.id: d for d in read_parquet_documents(out)} == expected
    in_brat = {d.id: d for d in read(out / "brat", "brat").documents}
    assert set(in_brat) == set(expected)
    for name, document in expected.items():
        assert in_brat[name].text == document.text
        assert [(e.label, e.fragments) for e in in_brat[name].entities] == [
            (e.label, e.fragments) for e in document.entities
        ]
    page = (out / "index.html").read_text("utf-8")
    assert len(re.findall(r'id="note-\d', page)) == len(expected)
    assert [p.name for p in out.iterdir() if p.name.startswith(".")] == []


def test_text_files_json_lines_gzip_parquet_and_brat_give_the_same_annotation(
    run: Run, model: Path, texts: dict[str, str], notes: Path, tmp_path: Path
) -> None:
    rows = [{"id": name, "text": text} for name, text in sorted(texts.items())]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    (tmp_path / "n.jsonl").write_bytes(lines)
    (tmp_path / "n.jsonl.gz").write_bytes(gzip.compress(lines))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "n.parquet")
    for name in texts:
        (notes / f"{name}.ann").write_text("", "utf-8")
    found = []
    for number, source in enumerate([notes, *(tmp_path / f"n.{s}" for s in ("jsonl", "jsonl.gz", "parquet"))]):
        extract(run, model, source, "-o", tmp_path / f"out{number}")
        found.append(documents(tmp_path / f"out{number}"))
    assert found[0] == found[1] == found[2] == found[3]
    assert any(d.entities for d in found[0].values())


def test_standard_input_is_one_note(run: Run, model: Path, tmp_path: Path) -> None:
    extract(run, model, "-", "-o", tmp_path / "out", stdin="No fever – today.".encode())
    assert {d.id: d.text for d in documents(tmp_path / "out").values()} == {"stdin": "No fever – today."}


def test_the_bundled_examples_can_be_asked_for_by_flag(run: Run, model: Path, tmp_path: Path) -> None:
    from medspan.examples import example_paths

    extract(run, model, "--examples", "-o", tmp_path / "out")
    assert set(documents(tmp_path / "out")) == {path.stem for path in example_paths()}


def test_several_inputs_are_read_in_the_order_given(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    (tmp_path / "z.txt").write_text("No fever.", "utf-8")
    extract(run, model, tmp_path / "z.txt", notes, "-o", tmp_path / "out")
    assert list(documents(tmp_path / "out")) == ["z", "c", "empty", "ward/a", "ward/b"]


def test_columns_are_named_and_kept_with_their_types(run: Run, model: Path, tmp_path: Path) -> None:
    rows = [
        {"nr": 7, "body": "Denies fever.", "patient": "P1", "age": 61},
        {"nr": 8, "body": "Cough.", "patient": None, "age": 5},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "n.parquet")
    out = tmp_path / "out"
    extract(
        run, model, tmp_path / "n.parquet", "-o", out, "--to", "jsonl,parquet,brat",
        "--id-column", "nr", "--text-column", "body", "--keep-columns", "patient, age",
    )  # fmt: skip
    assert {d.id: d.metadata for d in documents(out).values()} == {
        "7": {"patient": "P1", "age": 61},
        "8": {"patient": None, "age": 5},
    }
    assert pq.read_table(out / "documents.parquet").select(["id", "patient", "age"]).to_pylist() == [
        {"id": "7", "patient": "P1", "age": 61},
        {"id": "8", "patient": None, "age": 5},
    ]
    assert pa.types.is_int64(pq.read_schema(out / "entities.parquet").field("age").type)
    assert read(out / "brat", "brat").documents[0].metadata["patient"] == "P1"


def test_an_omop_note_table_needs_no_column_names(run: Run, model: Path, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{"note_id": 1, "note_text": "No cough."}]), tmp_path / "note.parquet")
    extract(run, model, tmp_path / "note.parquet", "-o", tmp_path / "out")
    assert documents(tmp_path / "out")["1"].text == "No cough."


def test_kept_keys_of_json_lines_may_stand_in_the_metadata(
    run: Run, model: Path, tmp_path: Path, read_records: Records
) -> None:
    lines = ['{"id": "1", "text": "a", "metadata": {"ward": 3}}', '{"id": 2, "text": "b", "ward": "4", "x": 1}']
    (tmp_path / "n.jsonl").write_text("\n".join(lines), "utf-8")
    extract(run, model, tmp_path / "n.jsonl", "-o", tmp_path / "out", "--keep-columns", "ward")
    kept = [record["metadata"] for record in read_records(tmp_path / "out" / "documents.jsonl")]
    assert [(m["ward"], "x" in m) for m in kept] == [(3, False), ("4", False)]


def test_asking_for_several_schemas_prefixes_the_labels(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    extract(run, model, notes, "-o", tmp_path / "out", "--schema", "clinical,sdoh")
    labels = {e.label for d in documents(tmp_path / "out").values() for e in d.entities}
    assert {label.partition(":")[0] for label in labels} <= {"clinical", "sdoh"}
    assert any(label.startswith("clinical:") for label in labels)


def test_a_minimal_score_drops_what_is_below_it(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    extract(run, model, notes, "-o", tmp_path / "all")
    extract(run, model, notes, "-o", tmp_path / "few", "--min-score", "0.6")
    before = [e.score for d in documents(tmp_path / "all").values() for e in d.entities]
    after = [e.score for d in documents(tmp_path / "few").values() for e in d.entities]
    assert after == [score for score in before if score is not None and score >= 0.6]
    assert 0 < len(after) < len(before)


def test_a_term_list_fills_codes(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    extract(run, model, notes, "-o", tmp_path / "plain")
    found = documents(tmp_path / "plain")
    mention = next(d.mention(e) for d in found.values() for e in d.entities)
    (tmp_path / "codes.csv").write_text(f'term,code\n"{mention.upper()}",X1\n', "utf-8")
    result = extract(run, model, notes, "-o", tmp_path / "coded", "--codes", tmp_path / "codes.csv")
    coded = [d.mention(e) for d in documents(tmp_path / "coded").values() for e in d.entities if e.code == "X1"]
    assert mention in coded
    assert f"{len(coded)} entities have a code" in result.stdout


def test_torch_and_the_exported_encoder_find_the_same(
    run: Run, model: Path, trained: Path, notes: Path, tmp_path: Path
) -> None:
    extract(run, model, notes, "-o", tmp_path / "a")
    extract(run, trained, notes, "-o", tmp_path / "b", "--engine", "torch")
    assert documents(tmp_path / "a") == documents(tmp_path / "b")


def test_the_order_of_inputs_does_not_change_what_is_found(run: Run, model: Path, tmp_path: Path) -> None:
    some = [*tiny_notes("findings", 12, seed=3), *tiny_notes("medications", 12, seed=3)]
    for name, order in (("a", some), ("b", some[::-1])):
        lines = [json.dumps({"id": d.id, "text": d.text}) for d in order]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
        extract(run, model, tmp_path / f"{name}.jsonl", "-o", tmp_path / name)
    assert documents(tmp_path / "a") == documents(tmp_path / "b")


def test_the_summary_counts_what_the_documents_hold(run: Run, model: Path, notes: Path, tmp_path: Path) -> None:
    result = extract(run, model, notes, "-o", tmp_path / "out")
    found = documents(tmp_path / "out")
    n_drugs = sum(e.label == "Drug" for d in found.values() for e in d.entities)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["found"]["entities"]["Drug"] == n_drugs > 0
    assert manifest["characters"] == sum(len(d.text) for d in found.values())
    assert "Notes: 4 read, 4 done, 0 set aside." in result.stdout


@pytest.mark.parametrize("suffix", [".txt.gz", ".text"])
def test_other_suffixes_of_text_are_notes_too(run: Run, model: Path, tmp_path: Path, suffix: str) -> None:
    content = b"No fever."
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"n{suffix}").write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    extract(run, model, tmp_path / "in", "-o", tmp_path / "out")
    assert documents(tmp_path / "out")["n"].text == "No fever."
