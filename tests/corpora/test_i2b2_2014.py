"""2014 i2b2: identifiers as tags of an XML file."""

from pathlib import Path

from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Attribute, Document, Entity, Span
from medspan.corpora.formats import read, write

LABELS = ["NAME", "DATE", "PHI"]
ATTRIBUTES = {"TYPE": ["PATIENT", '"<&>', "x\ny\r\t"], "comment": ["?", " a  b "]}


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=[]))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2014", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=["x"], tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2014", document)


TAGS = """<DATE id="P0" start="1" end="11" text="2067-05-03" TYPE="DATE" comment="" />
<NAME id="P1" start="13" end="16" text="Lee" TYPE="DOCTOR" comment="sic" />
"""


def xml(tags: str = TAGS, text: str = "\n2067-05-03\n\nLee < Ray\n") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<deIdi2b2>\n'
        f"<TEXT><![CDATA[{text}]]></TEXT>\n<TAGS>\n{tags}</TAGS>\n</deIdi2b2>\n"
    )


def test_the_category_is_the_label_and_empty_comments_are_none(tmp_path: Path) -> None:
    (tmp_path / "110-01.xml").write_text(xml())
    result = read(tmp_path)
    (document,) = result.documents
    assert not result.problems
    assert document.id == "110-01"
    assert document.entities == (
        Entity("P0", "DATE", (Span(1, 11),), (Attribute("TYPE", "DATE"),)),
        Entity("P1", "NAME", (Span(13, 16),), (Attribute("TYPE", "DOCTOR"), Attribute("comment", "sic"))),
    )
    write([document], tmp_path / "out", "i2b2-2014")
    assert (tmp_path / "out/110-01.xml").read_text() == xml()


def test_a_malformed_file_gives_the_same_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "n.xml").write_text(xml(TAGS.replace("sic", "R&D")))
    result = read(tmp_path / "n.xml")
    assert result.documents[0].entities[1].attribute("comment") == "R&D"
    assert [(p.line, p.action) for p in result.problems] == [(10, "repaired")]


def test_shifted_offsets_are_put_right(tmp_path: Path) -> None:
    (tmp_path / "n.xml").write_text(xml(text="2067-05-03\n\nLee\n"))
    result = read(tmp_path)
    assert [result.documents[0].mention(e) for e in result.documents[0].entities] == ["2067-05-03", "Lee"]
    assert [p.action for p in result.problems] == ["repaired"]
