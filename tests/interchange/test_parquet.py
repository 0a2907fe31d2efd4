from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Document, Entity, Quarantine, Sink, Span, document_to_dict
from medspan.errors import AnnotationError, ConfigError, FormatError
from medspan.interchange import (
    ParquetSink,
    keep_column_types,
    read_notes_parquet,
    read_parquet_documents,
    write_parquet,
)

FILES = ["documents.parquet", "entities.parquet", "events.parquet", "relations.parquet"]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def many(n: int) -> list[Document]:
    return [
        Document(
            f"n{i}", f"fever on day {i}", (Entity("T1", "Problem", (Span(0, 5),), score=i / n),), metadata={"i": i}
        )
        for i in range(n)
    ]


def notes_table(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "notes.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_documents_come_back_from_parquet_as_they_were(tmp_path: Path, rash_note: Document) -> None:
    notes = [rash_note, Document("empty", ""), Document("bare", "nothing\x00 \U0001f600")]
    write_parquet(notes, tmp_path / "out", keep_columns=["ward"])
    assert names(tmp_path / "out") == FILES
    read = list(read_parquet_documents(tmp_path / "out"))
    assert [document_to_dict(d) for d in read] == [document_to_dict(d) for d in notes]


def test_tables_hold_one_row_an_entity_relation_and_argument(tmp_path: Path, rash_note: Document) -> None:
    write_parquet([rash_note], tmp_path, {"person_id": "int64", "note_date": "date32"})
    entities = pq.read_table(tmp_path / "entities.parquet")
    assert entities.num_rows == 7
    assert entities.column("fragments")[2].as_py() == [{"start": 26, "end": 31}, {"start": 50, "end": 54}]
    assert entities.column("assertion").to_pylist()[2:5] == ["present", "possible", "absent"]
    assert pq.read_table(tmp_path / "relations.parquet").column("head_mention").to_pylist() == [
        "500 mg",
        "itchy rash",
        "Smokes",
    ]
    assert pq.read_table(tmp_path / "events.parquet").column("role").to_pylist() == ["Frequency", "With", None]
    for name in FILES:
        kept = pq.read_table(tmp_path / name, columns=["person_id", "note_date"]).to_pylist()
        assert {(r["person_id"], r["note_date"]) for r in kept} == {(17, date(2026, 1, 31))}
    assert "text" not in entities.column_names


def test_file_columns_do_not_depend_on_the_content(tmp_path: Path, rash_note: Document) -> None:
    write_parquet([], tmp_path / "none")
    write_parquet([rash_note], tmp_path / "one")
    for name in FILES:
        assert pq.read_schema(tmp_path / "none" / name) == pq.read_schema(tmp_path / "one" / name)


def test_bytes_do_not_depend_on_how_documents_arrive(tmp_path: Path) -> None:
    notes = many(5_000)
    write_parquet(notes, tmp_path / "at once")
    with ParquetSink(tmp_path / "in pieces") as sink:
        for start in range(0, len(notes), 7):
            sink.write(iter(notes[start : start + 7]))
    for name in FILES:
        assert (tmp_path / "at once" / name).read_bytes() == (tmp_path / "in pieces" / name).read_bytes()
    assert pq.ParquetFile(tmp_path / "at once" / "documents.parquet").metadata.num_row_groups == 3


def test_a_row_group_of_documents_ends_when_their_text_is_long(tmp_path: Path) -> None:
    write_parquet([Document(f"n{i}", "x" * 1_500_000) for i in range(4)], tmp_path)
    with pq.ParquetFile(tmp_path / "documents.parquet") as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] == [3, 1]


def test_nothing_stands_under_its_final_name_before_the_end_or_after_a_failure(tmp_path: Path) -> None:
    sink: Sink = ParquetSink(tmp_path / "open")
    sink.write(many(3))
    assert not [n for n in names(tmp_path / "open") if not n.startswith(".")]
    sink.close()
    sink.close()
    assert names(tmp_path / "open") == FILES

    def broken() -> Any:
        yield from many(3)
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        write_parquet(broken(), tmp_path / "failed")
    assert names(tmp_path / "failed") == []


def test_kept_columns_keep_the_type_they_had_in_the_users_table(tmp_path: Path) -> None:
    when = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    columns = {
        "person_id": pa.array([2**40, None]),
        "day": pa.array([date(2026, 3, 1), None]),
        "at": pa.array([when, None], pa.timestamp("ns", tz="UTC")),
        "local": pa.array([datetime(2026, 3, 1), None], pa.timestamp("s")),
        "weight": pa.array([71.5, None]),
        "inpatient": pa.array([True, None]),
        "big": pa.array([2**63 + 1, None], pa.uint64()),
        "ward": pa.array(["7 Ost", None]).dictionary_encode(),
    }
    path = notes_table(tmp_path, note_id=[1, 2], note_text=["a", "b"], **columns)
    types = keep_column_types(path, columns)
    notes = list(read_notes_parquet(path, "note_id", "note_text", list(columns)))
    write_parquet([n for n in notes if isinstance(n, Document)], tmp_path / "out", types)
    first, second = pq.read_table(tmp_path / "out" / "documents.parquet").select(list(columns)).to_pylist()
    assert first == {
        "person_id": 2**40,
        "day": date(2026, 3, 1),
        "at": when,
        "local": datetime(2026, 3, 1),
        "weight": 71.5,
        "inpatient": True,
        "big": 2**63 + 1,
        "ward": "7 Ost",
    }
    assert set(second.values()) == {None}


def test_a_kept_value_of_another_type_is_refused_without_quoting_it(tmp_path: Path) -> None:
    note = Document("n1", "", metadata={"age": "eleventy"})
    with pytest.raises(FormatError, match="document 'n1': column 'age' holds a value that is no int64") as caught:
        write_parquet([note], tmp_path, {"age": "int64"})
    assert "eleventy" not in str(caught.value)


def test_numbers_too_large_for_a_column_and_lone_surrogates_are_refused_with_the_document(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="document 'n1': column 'age' holds a value that is no int64"):
        write_parquet([Document("n1", "", metadata={"age": 2**63})], tmp_path, {"age": "int64"})
    with pytest.raises(FormatError, match="column 'ward' holds a value that is no string"):
        write_parquet([Document("n1", "", metadata={"ward": "\udcff"})], tmp_path, ["ward"])
    with pytest.raises(AnnotationError, match="document 'n1': metadata cannot be written"):
        write_parquet([Document("n1", "", metadata={"ward": "\udcff"})], tmp_path)
    with pytest.raises(AnnotationError, match="the id is not valid Unicode"):
        write_parquet([Document("n\udcff", "")], tmp_path)


def test_kept_columns_that_clash_or_have_no_known_type_are_refused(tmp_path: Path) -> None:
    for keep in (["mention"], ["ward", "ward"], {"ward": "varchar"}):
        with pytest.raises(ConfigError, match="columns to keep"):
            ParquetSink(tmp_path / "out", keep)  # type: ignore[arg-type]
    assert names(tmp_path / "out") == []


def test_metadata_that_json_cannot_hold_is_refused_with_the_document(tmp_path: Path) -> None:
    for value in ({1, 2}, float("nan")):
        with pytest.raises(AnnotationError, match="document 'n1': metadata cannot be written as JSON"):
            write_parquet([Document("n1", "", metadata={"x": value})], tmp_path)


def test_a_foreign_file_is_not_taken_for_documents(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a file of documents that medspan wrote"):
        read_parquet_documents(notes_table(tmp_path, id=["1"], text=["a"]))
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(FormatError, match=r"x\.parquet: not a readable Parquet file"):
        read_parquet_documents(tmp_path / "x.parquet")
    with pytest.raises(FormatError, match=r"y\.parquet: no such file"):
        read_parquet_documents(tmp_path / "y.parquet")


def test_every_row_of_a_users_table_is_a_note_or_quarantined_with_its_row(tmp_path: Path) -> None:
    path = notes_table(
        tmp_path,
        note_id=pa.array([7.0, None, 8.0, 7.0, 9.0, 9.5]),
        body=pa.array(["one", "two", None, "four", "", "six"]),
    )
    items = list(read_notes_parquet(path, "note_id", "body", ["note_id"]))
    assert [type(i) for i in items] == [Document, Quarantine, Quarantine, Quarantine, Document, Quarantine]
    assert [i.id for i in items] == ["7", "notes.parquet row 2", "8", "7", "9", "notes.parquet row 6"]
    reasons = [i.reason for i in items if isinstance(i, Quarantine)]
    assert [r.split(": ", 1)[1] for r in reasons] == [
        "note_id is null or not readable as an id",
        "body is null or not valid UTF-8",
        "this note_id stood on an earlier row",
        "note_id is null or not readable as an id",
    ]
    assert isinstance(items[0], Document) and items[0].metadata == {"note_id": 7.0}


def test_text_that_is_not_utf8_is_quarantined_and_its_neighbours_are_read(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(),
        2,
        [None, pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00"), pa.py_buffer(b"\xff\xfeok")],
    )
    path = notes_table(tmp_path, id=["a", "b"], text=bad, ward=bad)
    assert [type(i) for i in read_notes_parquet(path, "id", "text")] == [Quarantine, Document]
    assert [type(i) for i in read_notes_parquet(path, "id", "id", ["ward"])] == [Quarantine, Document]


def test_a_missing_or_unfit_column_is_named_with_what_the_file_has(tmp_path: Path) -> None:
    path = notes_table(tmp_path, note_id=["1"], note_text=["a"], blob=[b"x"])
    with pytest.raises(ConfigError, match="no column 'notetext'; did you mean 'note_text'"):
        read_notes_parquet(path, "note_id", "notetext")
    with pytest.raises(ConfigError, match="the text column 'blob' must hold text, not binary"):
        read_notes_parquet(path, "note_id", "blob")
    with pytest.raises(ConfigError, match="no column ward"):
        keep_column_types(path, ["ward"])


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c", "\u00e9"])), max_size=30))
def test_the_first_row_of_each_id_is_read_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str | None]
) -> None:
    path = notes_table(
        tmp_path_factory.mktemp("t"), id=pa.array(ids, pa.string()), text=pa.array(["x"] * len(ids), pa.string())
    )
    items = list(read_notes_parquet(path, "id", "text"))
    assert len(items) == len(ids)
    assert [i.id for i in items if isinstance(i, Document)] == list(dict.fromkeys(i for i in ids if i))
