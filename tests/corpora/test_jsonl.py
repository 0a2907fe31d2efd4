"""JSON Lines: the interchange form."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import read, write
from medspan.errors import FormatError

FULL = Document(
    "a/1",
    "Hx:\tnone\r\nfever 😀\u2028chills",
    entities=(
        Entity("T1", "Problem", (Span(10, 15), Span(18, 24)), (Attribute("assertion", "absent"),), "C1", 0.5),
        Entity("T2", "Problem", (Span(18, 24),)),
    ),
    relations=(Relation("R1", "With", "T1", "E1"),),
    events=(Event("E1", "Finding", "T2", (), (Attribute("sure"),)),),
    groups=(Group("G1", "OR", ("T1", "T2")),),
    concept_relations=(ConceptRelation("CID", "C1", "C2", ("x",)),),
    metadata={"patient": "p1"},
)


@pytest.mark.parametrize("name", ["notes.jsonl", "notes.jsonl.gz", "deep/er/notes.jsonl"])
def test_documents_come_back_with_scores(tmp_path: Path, name: str) -> None:
    write([FULL, Document("b", "")], tmp_path / name, "jsonl")
    result = read(tmp_path / name)
    assert result.documents == (FULL, Document("b", ""))
    assert result.documents[0].entities[0].score == 0.5


def test_equal_documents_give_equal_gzip_bytes(tmp_path: Path) -> None:
    write([FULL], tmp_path / "a.jsonl.gz", "jsonl")
    write([FULL], tmp_path / "b.jsonl.gz", "jsonl")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_folder_of_parts_reads_as_one_in_name_order(tmp_path: Path) -> None:
    for name, document in (("part-2.jsonl", "b"), ("part-1.jsonl.gz", "a")):
        write([Document(document, "x")], tmp_path / name, "jsonl")
    (tmp_path / "report.html").write_text("not data")
    assert [d.id for d in read(tmp_path).documents] == ["a", "b"]


def test_byte_order_mark_blank_lines_and_line_ends_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": "a", "text": "x"}\r\n\r\n{"id": "b", "text": "y\\r\\n"}')
    assert [(d.id, d.text) for d in read(path).documents] == [("a", "x"), ("b", "y\r\n")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{secret", "not JSON"),
        ('["secret"]', "not a JSON object"),
        ('{"text": "secret"}', "'id'"),
        ('{"id": "x", "text": 5}', "must be strings"),
        ('{"id": "x", "text": "secret \\ud800"}', "lone surrogate"),
        ('{"id": "x", "text": "secret", "entities": [{"id": "T1", "label": "A", "fragments": [[0, 99]]}]}', "past"),
        (
            '{"id": "x", "text": "secret", "entities": [{"id": "T1", "label": "A", "fragments": [["s", 9]]}]}',
            "fragment",
        ),
        ('{"id": "x", "text": "secret", "entities": 7}', "wrong type"),
        ('{"id": "x", "text": "secret", "metadata": {"format_version": 99}}', "version"),
        ("[" * 100_000, ""),
    ],
)
def test_bad_line_is_skipped_with_its_number_and_without_its_text(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text('{"id": "a", "text": "x"}\n' + line + '\n{"id": "b", "text": "y"}\n', encoding="utf-8")
    result = read(path)
    assert [d.id for d in result.documents] == ["a", "b"]
    assert [(p.line, p.action) for p in result.problems] == [(2, "skipped")]
    assert reason in result.problems[0].reason
    assert "secret" not in str(result.problems[0])


def test_file_without_any_document_raises(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text("patient,note\n1,secret\n")
    with pytest.raises(FormatError, match=r"n\.jsonl line 1: no document was found") as error:
        read(path)
    assert "secret" not in str(error.value)


def test_empty_file_holds_no_documents(tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_bytes(b"")
    assert read(tmp_path / "n.jsonl").documents == ()


def test_repeated_document_id_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "x"}) + "\n" + json.dumps({"id": "a", "text": "y"}) + "\n")
    result = read(path)
    assert len(result.documents) == 2
    assert [(p.line, p.action) for p in result.problems] == [(2, "kept")]


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": "a", "text": "x"}\n')[:-9])
    with pytest.raises(FormatError, match=r"n\.jsonl\.gz"):
        read(path, "jsonl")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_and_id_come_back(text: str, name: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "n.jsonl"
        write([Document(name, text)], path, "jsonl")
        assert read(path).documents == (Document(name, text),)
