"""PubTator: titles, abstracts, mentions with codes, relations between codes."""

import gzip
from pathlib import Path

import pytest

from medspan.annotation import Attribute, ConceptRelation, Document, Entity, Event, Relation, Span
from medspan.corpora.formats import read, write
from medspan.errors import FormatError

CONTENT = (
    "101|t|Fever after zolamide.\n"
    "101|a|Renal and hepatic failure 😀 followed.\n"
    "101\t0\t5\tFever\tDisease\tD005334\n"
    "101\t12\t20\tzolamide\tChemical\t-1\n"
    "101\t22\t47\tRenal and hepatic failure\tDisease\tD051437|D017093\tRenal failure|hepatic failure\n"
    "101\t50\t58\tfollowed\tOther\n"
    "101\tCID\tC000001\tD005334\n"
    "101\tAssociation\tC000001\tD051437\tNovel\tx\n"
    "\n"
    "102|t|Title only\n"
    "102\t0\t5\tTitle\tOther\t\n"
)


def written(path: Path, content: str = CONTENT) -> Path:
    path.write_bytes(content.encode("utf-8"))
    return path


def test_golden_file_is_read_whole(tmp_path: Path) -> None:
    result = read(written(tmp_path / "x.pubtator"))
    first, second = result.documents
    assert not result.problems
    assert first.text == "Fever after zolamide. Renal and hepatic failure 😀 followed."
    assert [(e.label, first.mention(e), e.code) for e in first.entities] == [
        ("Disease", "Fever", "D005334"),
        ("Chemical", "zolamide", "-1"),
        ("Disease", "Renal and hepatic failure", "D051437|D017093"),
        ("Other", "followed", None),
    ]
    assert first.concept_relations == (
        ConceptRelation("CID", "C000001", "D005334"),
        ConceptRelation("Association", "C000001", "D051437", ("Novel", "x")),
    )
    assert first.metadata["pubtator"]["parts"] == {"T3": "Renal failure|hepatic failure"}
    assert (second.id, second.text) == ("102", "Title only")


@pytest.mark.parametrize("name", ["x.pubtator", "x.PubTator.txt.gz", "x.txt"])
def test_read_write_read_loses_nothing(tmp_path: Path, name: str) -> None:
    documents = read(written(tmp_path / "in.txt")).documents
    assert write(documents, tmp_path / name, "pubtator") == []
    assert read(tmp_path / name).documents == documents
    content = (tmp_path / name).read_bytes()
    content = gzip.decompress(content) if name.endswith(".gz") else content
    assert content.decode("utf-8") == CONTENT.replace("Other\t\n", "Other\n") + "\n"


def test_windows_line_ends_byte_order_mark_and_missing_blank_line(tmp_path: Path) -> None:
    content = "\ufeff" + CONTENT.replace("\n\n", "\n").replace("\n", "\r\n")
    result = read(written(tmp_path / "x.txt", content))
    assert [d.id for d in result.documents] == ["101", "102"]
    assert [len(d.entities) for d in result.documents] == [4, 1]
    assert not result.problems


def test_empty_abstract_keeps_its_separator(tmp_path: Path) -> None:
    documents = read(written(tmp_path / "x.txt", "7|t|Only\n7|a|\n")).documents
    assert documents[0].text == "Only "
    write(documents, tmp_path / "y.txt", "pubtator")
    assert read(tmp_path / "y.txt").documents == documents


@pytest.mark.parametrize(
    ("line", "action", "reason"),
    [
        ("7\t5\t5\tx\tDrug\tD1", "skipped", "empty or outside"),
        ("7\t0\t99\tx\tDrug\tD1", "skipped", "outside the text of 15"),
        ("7\t0\t4\tsecret\tDrug\tD1", "kept", "differs from the text at 0"),
        ("8\t0\t4\tDrug\tDrug\tD1", "skipped", "another document"),
        ("7\tsecret", "skipped", "2 columns"),
        ("secret words", "skipped", "neither a passage nor columns"),
    ],
)
def test_bad_line_costs_only_itself(tmp_path: Path, line: str, action: str, reason: str) -> None:
    content = f"7|t|Drug A\n7|a|works it\n{line}\n7\t0\t6\tDrug A\tDrug\tD1\n"
    result = read(written(tmp_path / "x.txt", content), "pubtator")
    assert "D1" in {e.code for e in result.documents[0].entities}
    assert [(p.document, p.line, p.action) for p in result.problems] == [("7", 3, action)]
    assert reason in result.problems[0].reason
    assert "secret" not in str(result.problems[0])


def test_block_without_title_is_skipped_and_a_file_of_none_refused(tmp_path: Path) -> None:
    result = read(written(tmp_path / "x.txt", "stray line\n\n7|t|Drug A\n"), "pubtator")
    assert [d.id for d in result.documents] == ["7"]
    assert result.counts["skipped"] == 1
    with pytest.raises(FormatError, match=r"y\.txt line 1: no document was found"):
        read(written(tmp_path / "y.txt", "stray line\n"), "pubtator")


def test_what_pubtator_cannot_hold_is_counted(tmp_path: Path) -> None:
    document = Document(
        "n",
        "dry\tcough\r\nor fever",
        entities=(
            Entity("T1", "Problem", (Span(0, 3), Span(14, 19)), (Attribute("assertion", "present"),)),
            Entity("T2", "Problem", (Span(14, 19),)),
        ),
        relations=(Relation("R1", "Same", "T1", "T2"),),
        events=(Event("E1", "Finding", "T1"),),
    )
    with pytest.raises(FormatError, match=r"would lose 1 characters, .* --lossy"):
        write([document], tmp_path / "x.pubtator", "pubtator")
    assert not (tmp_path / "x.pubtator").exists()
    lost = write([document], tmp_path / "x.pubtator", "pubtator", lossy=True)
    assert [(loss.kind, loss.id) for loss in lost] == [
        ("characters", None),
        ("attributes", "T1"),
        ("gaps", "T1"),
        ("relations", "R1"),
        ("events", "E1"),
    ]
    (found,) = read(tmp_path / "x.pubtator").documents
    assert found.text == "dry cough  or fever"
    assert [e.span for e in found.entities] == [Span(0, 19), Span(14, 19)]


def test_a_passage_in_the_place_of_the_id_is_no_id_and_is_not_quoted(tmp_path: Path) -> None:
    result = read(written(tmp_path / "x.txt", "secret words|t|9\n\n7|t|Title\n"), "pubtator")
    assert [d.id for d in result.documents] == ["7"]
    assert [(p.document, p.line, p.action) for p in result.problems] == [("x.txt", 1, "skipped")]


def test_id_that_would_break_the_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot stand in a PubTator line"):
        write([Document("a|b", "x")], tmp_path / "x.txt", "pubtator")
