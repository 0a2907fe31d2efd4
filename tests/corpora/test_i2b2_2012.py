"""2012 i2b2: events, times and links as tags of an XML file, and again by line and token."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats import FORMATS, ReadResult, read, write
from medspan.errors import FormatError

LABELS = ["EVENT", "TIMEX3", "SECTIME"]
ATTRIBUTES = {"type": ["PROBLEM", "a&b"], "modality": ["FACTUAL"], "polarity": ["POS", '"'], "val": ["P3D"]}
LINKS = ["BEFORE", "OVERLAP", ""]

NOTE = "\nAdmission Date :\n1993-01-13\nShe had chest pain < 3 days & fever .\n"
TAGS = """<EVENT id="E0" start="1" end="10" text="Admission" modality="FACTUAL" polarity="POS" type="OCCURRENCE" />
<EVENT id="E1" start="37" end="47" text="chest pain" modality="FACTUAL" polarity="POS" type="PROBLEM" />
<TIMEX3 id="T0" start="18" end="28" text="1993-01-13" type="DATE" val="1993-01-13" mod="NA" />
<TLINK id="TL0" fromID="E0" fromText="Admission" toID="T0" toText="1993-01-13" type="OVERLAP" />
<SECTIME id="S0" start="18" end="28" text="1993-01-13" type="ADMISSION" dvalue="1993-01-13" />
<TLINK id="Sectime0" fromID="E1" fromText="chest pain" toID="S0" toText="1993-01-13" type="BEFORE" />
"""


def xml(tags: str = TAGS, text: str = NOTE) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<ClinicalNarrativeTemporalAnnotation>\n'
        f"<TEXT><![CDATA[{text}]]></TEXT>\n<TAGS>\n{tags}</TAGS>\n</ClinicalNarrativeTemporalAnnotation>\n"
    )


def read_xml(folder: Path, content: str, **twins: str) -> ReadResult:
    (folder / "7.xml").write_bytes(content.encode("utf-8"))
    for suffix, lines in twins.items():
        (folder / f"7.{suffix}").write_text(lines)
    return read(folder, "i2b2-2012")


def reasons(result: ReadResult) -> list[tuple[int | None, str, str]]:
    return [(p.line, p.action, p.reason) for p in result.problems]


def mentions(document: Document) -> list[str]:
    return [document.mention(entity) for entity in document.entities]


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes=ATTRIBUTES, relations=LINKS))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2012", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=[*LABELS, "TLINK"], attributes=ATTRIBUTES, relations=LINKS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2012", document)


def test_the_text_is_the_content_of_text_so_that_offsets_need_no_shift(tmp_path: Path) -> None:
    result = read_xml(tmp_path, xml())
    (document,) = result.documents
    assert not result.problems
    assert (document.id, document.text) == ("7", NOTE)
    assert mentions(document) == ["Admission", "chest pain", "1993-01-13", "1993-01-13"]
    assert [e.id for e in document.entities] == ["E0", "E1", "T0", "S0"]
    assert [(a.name, a.value) for a in document.entities[0].attributes] == [
        ("type", "OCCURRENCE"),
        ("modality", "FACTUAL"),
        ("polarity", "POS"),
    ]
    assert [(a.name, a.value) for a in document.entities[2].attributes] == [
        ("type", "DATE"),
        ("val", "1993-01-13"),
        ("mod", "NA"),
    ]
    assert document.relations == (
        Relation("TL0", "OVERLAP", "E0", "T0"),
        Relation("Sectime0", "BEFORE", "E1", "S0"),
    )


def test_tags_are_written_as_the_official_patterns_want_them(tmp_path: Path) -> None:
    document = read_xml(tmp_path, xml()).documents[0]
    assert write([document], tmp_path / "out", "i2b2-2012") == []
    written = (tmp_path / "out/7.xml").read_text()
    lines = TAGS.splitlines()
    assert written == xml("".join(f"{lines[n]}\n" for n in (0, 1, 2, 4, 3, 5)))
    for tag in written.splitlines():
        if tag.startswith("<EVENT"):
            pattern = (
                r'<EVENT id="([^"]*)" start="(\d+)" end="(\d+)" text="([^"]*)" modality="([^"]*)" polarity="([^"]*)" '
            )
            assert re.fullmatch(pattern + r'type="([^"]*)" />', tag)


@pytest.mark.parametrize("shift", [-1, 1])
def test_shifted_offsets_are_found_out_and_put_right(tmp_path: Path, shift: int) -> None:
    moved = re.sub(r'(start|end)="(\d+)"', lambda m: f'{m[1]}="{int(m[2]) + shift}"', TAGS)
    result = read_xml(tmp_path, xml(moved))
    assert mentions(result.documents[0]) == ["Admission", "chest pain", "1993-01-13", "1993-01-13"]
    assert reasons(result) == [(None, "repaired", f"offsets are shifted by {-shift:+d}, as 4 of 4 tags show")]


def test_a_minority_of_wrong_offsets_shifts_nothing(tmp_path: Path) -> None:
    result = read_xml(tmp_path, xml(TAGS.replace('start="37" end="47"', 'start="38" end="48"')))
    assert mentions(result.documents[0])[1] == "hest pain "
    assert reasons(result) == [(10, "kept", "tag 1: the stated words differ from the text at 38")]


@pytest.mark.parametrize(
    "stated", ["chest pain < 3 days & fever", "chest pain &lt; 3 days &amp; fever", "chest pain &lt; 3 days & fever"]
)
def test_stated_words_may_be_escaped_or_not(tmp_path: Path, stated: str) -> None:
    tag = TAGS.splitlines()[1].replace('end="47"', 'end="64"').replace("chest pain", stated)
    result = read_xml(tmp_path, xml(TAGS + tag.replace("E1", "E2") + "\n"))
    (document,) = result.documents
    assert mentions(document)[-1] == "chest pain < 3 days & fever"
    assert len(document.entities) == 5
    assert len(document.relations) == 2
    expected = [] if "days & " not in stated else [(15, "repaired")]
    assert [(line, action) for line, action, _ in reasons(result)] == expected


@pytest.mark.parametrize(
    "stated",
    [
        'a "b" c',
        'type="TEST" />',
        '<EVENT id="E9"',
        "<br>",
        "</TAGS>",
    ],
)
def test_tags_with_quotes_and_brackets_in_their_words_are_read_all_the_same(tmp_path: Path, stated: str) -> None:
    tag = f'<EVENT id="E5" start="1" end="10" text="{stated}" modality="FACTUAL" polarity="NEG" type="TEST" />\n'
    result = read_xml(tmp_path, xml(tag + TAGS))
    first = next(e for e in result.documents[0].entities if e.id in ("E5", "E9"))
    assert first.attribute("polarity") == "NEG"
    assert [e.id for e in result.documents[0].entities][-4:] == ["E0", "E1", "T0", "S0"]


def test_tags_of_malformed_files_may_close_in_other_ways(tmp_path: Path) -> None:
    tags = TAGS.replace(" />\n<TIMEX3", "></EVENT>\n<TIMEX3").replace(
        'polarity="POS" type="OCC', 'polarity="POS"\ntype="OCC'
    )
    assert tags != TAGS
    result = read_xml(tmp_path, xml(tags.replace(" />\n<TLINK", "/> <TLINK") + "& < \n"))
    assert [len(e.attributes) for e in result.documents[0].entities] == [3, 3, 3, 2]
    assert [(line, action) for line, action, _ in reasons(result)] == [(14, "repaired")]


def test_an_id_used_twice_means_the_first_and_the_second_gets_a_new_one(tmp_path: Path) -> None:
    tags = TAGS.replace('id="E1"', 'id="E0"')
    result = read_xml(tmp_path, xml(tags.replace('fromID="E1"', 'fromID="E0"')))
    (document,) = result.documents
    assert [e.id for e in document.entities] == ["E0", "E0_2", "T0", "S0"]
    assert [r.head for r in document.relations] == ["E0", "E0"]
    assert reasons(result) == [(10, "repaired", "an id is missing or used twice; a new one is given")]


def test_links_to_what_is_no_tag_wait_in_the_metadata(tmp_path: Path) -> None:
    links = (
        '<TLINK id="TL1" fromID="E0" fromText="Admission" toID="Admission" toText="" type="OVERLAP" />\n'
        '<TLINK id="TL2" fromID="" fromText="" toID="T0" toText="x" type="BEFORE" comment="?" />\n'
    )
    result = read_xml(tmp_path, xml(TAGS + links))
    (document,) = result.documents
    assert [link["toID"] for link in document.metadata["i2b2-2012"]["links"]] == ["Admission", "T0"]
    assert [(line, action) for line, action, _ in reasons(result)] == [(15, "kept"), (16, "kept")]
    write([document], tmp_path / "out", "i2b2-2012")
    assert links in (tmp_path / "out/7.xml").read_text()
    assert read(tmp_path / "out", "i2b2-2012").documents == (document,)


def test_further_attributes_of_tags_and_links_are_kept(tmp_path: Path) -> None:
    tags = TAGS.replace(" />", ' comment="see &quot;2&quot;" />')
    (document,) = read_xml(tmp_path, xml(tags)).documents
    assert document.entities[0].attribute("comment") == 'see "2"'
    assert document.metadata["i2b2-2012"]["extra"]["TL0"] == {"comment": 'see "2"'}
    write([document], tmp_path / "out", "i2b2-2012")
    assert read(tmp_path / "out/7.xml", "i2b2-2012").documents == (document,)


@pytest.mark.parametrize(
    "text",
    ["\nFever\r\n.\r", "fever ]]> ]]]]> <![CDATA[ </TEXT> &amp; &#13; <b>", "\ufeff\nfièvre 😀\u2028\t\x85 ", "a\n\n"],
)
def test_texts_come_back_to_the_letter(tmp_path: Path, text: str) -> None:
    document = Document("n", text, (Entity("E0", "EVENT", (Span(len(text) - 1, len(text)),)),))
    assert assert_round_trip("i2b2-2012", document, tmp_path) == []
    written = (tmp_path / "written/n.xml").read_bytes()
    assert b"\r" not in written
    # Other parsers see the same text.
    from xml.etree.ElementTree import fromstring

    assert fromstring(written).findtext("TEXT") == text


@pytest.mark.parametrize(("counted", "said"), [("\r\n", 0), ("\n", 1)])
def test_offsets_decide_how_line_ends_were_counted(tmp_path: Path, counted: str, said: int) -> None:
    text = "\nAdmission\nDate\nfever\n"
    start = text.replace("\n", counted).index("fever")
    tag = f'<EVENT id="E0" start="{start}" end="{start + 5}" text="fever" modality="" polarity="" type="" />\n'
    result = read_xml(tmp_path, xml(tag, text).replace("\n", "\r\n"))
    (document,) = result.documents
    assert document.text == text.replace("\n", counted)
    assert mentions(document) == ["fever"]
    assert len(result.problems) == said


def test_text_may_be_escaped_in_place_of_cdata(tmp_path: Path) -> None:
    content = xml().replace("<![CDATA[", "").replace("]]>", "")
    plain = NOTE.replace("&", "&amp;").replace("<", "&lt;")
    assert read_xml(tmp_path, content.replace(NOTE, plain)).documents[0].text == NOTE


EXTENT = [
    'EVENT="Admission" 1:0 1:0||type="OCCURRENCE"||modality="FACTUAL"||polarity="POS"\n',
    'EVENT="chest pain" 3:2 3:3||type="PROBLEM"||modality="FACTUAL"||polarity="POS"\n',
    'TIMEX3="1993-01-13" 2:0 2:0||type="DATE"||val="1993-01-13"||mod="NA"\n',
    'SECTIME="1993-01-13" 2:0 2:0||type="ADMISSION"||dvalue="1993-01-13"\n',
]
TLINK = [
    'EVENT="Admission" 1:0 1:0||TIMEX3="1993-01-13" 2:0 2:0||type="OVERLAP"\n',
    'EVENT="chest pain" 3:2 3:3||SECTIME="1993-01-13" 2:0 2:0||type="BEFORE"\n',
]


def test_extents_and_links_are_written_by_line_and_token_too(tmp_path: Path) -> None:
    document = read_xml(tmp_path, xml()).documents[0]
    write([document], tmp_path / "out", "i2b2-2012")
    assert (tmp_path / "out/7.extent").read_text() == "".join(EXTENT)
    assert (tmp_path / "out/7.tlink").read_text() == "".join(TLINK)


def test_no_such_files_are_written_when_tokens_cannot_tell_a_mention(tmp_path: Path) -> None:
    document = Document("7", "fevers", (Entity("E0", "EVENT", (Span(0, 5),)),))
    assert write([document], tmp_path, "i2b2-2012") == []
    assert [path.name for path in tmp_path.iterdir()] == ["7.xml"]


@pytest.mark.parametrize("names", [("7.xml.txt", "7.xml.extent", "7.xml.tlink"), ("7.txt", "7.extent", "7.tlink")])
@pytest.mark.parametrize("text", [NOTE, NOTE[1:]])
def test_without_xml_the_mentions_come_from_line_and_token(tmp_path: Path, names: tuple[str, ...], text: str) -> None:
    for name, content in zip(names, (text, "".join(EXTENT), "".join(TLINK)), strict=True):
        (tmp_path / name).write_text(content)
    result = read(tmp_path)
    (document,) = result.documents
    assert not result.problems
    assert (document.id, document.text) == ("7", text)
    assert mentions(document) == ["Admission", "chest pain", "1993-01-13", "1993-01-13"]
    assert [e.id for e in document.entities] == ["E0", "E1", "T0", "S0"]
    assert [(r.id, r.head, r.tail, r.label) for r in document.relations] == [
        ("TL0", "E0", "T0", "OVERLAP"),
        ("TL1", "E1", "S0", "BEFORE"),
    ]
    assert document.entities[0].attribute("modality") == "FACTUAL"


def test_lines_may_be_counted_with_the_one_before_the_first(tmp_path: Path) -> None:
    extent = re.sub(r"(\d):(\d)", lambda m: f"{int(m[1]) + 1}:{m[2]}", "".join(EXTENT))
    (tmp_path / "7.txt").write_text(NOTE)
    (tmp_path / "7.extent").write_text(extent)
    result = read(tmp_path, "i2b2-2012")
    assert not result.problems
    assert mentions(result.documents[0]) == ["Admission", "chest pain", "1993-01-13", "1993-01-13"]


def test_files_that_agree_with_the_xml_are_no_problem(tmp_path: Path) -> None:
    assert not read_xml(tmp_path, xml(), extent="".join(EXTENT), tlink="".join(TLINK)).problems


def test_files_that_disagree_with_the_xml_are_kept_in_doubt_and_change_nothing(tmp_path: Path) -> None:
    plain = read_xml(tmp_path, xml()).documents
    extent = [EXTENT[0].replace("POS", "NEG"), EXTENT[1].replace('"chest pain" 3:2', '"pain" 3:3'), EXTENT[2], "x\n"]
    tlink = [TLINK[0].replace("OVERLAP", "AFTER"), TLINK[1]]
    result = read_xml(tmp_path, xml(), extent="".join(extent), tlink="".join(tlink))
    assert result.documents == plain
    assert reasons(result) == [
        (1, "kept", ".extent: the attributes differ from the XML's at 1"),
        (2, "kept", ".extent: the XML has no EVENT at 43"),
        (4, "skipped", ".extent: not a line of this kind of file"),
        (None, "kept", ".extent: 2 more mentions are in the XML"),
        (1, "kept", ".tlink: the XML has no such link from 1 to 18"),
    ]


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ('<EVENT id="E9" start="5" end="99999" text="x" />', "ends at 99999, past the text's end"),
        ('<EVENT id="E9" start="5" end="5" text="" />', "is empty"),
        ('<EVENT id="E9" start="-1" end="-1" text="" />', "no start and end that are numbers"),
        ('<EVENT id="E9" start="١" end="٢" text="" />', "no start and end that are numbers"),
        ('<EVENT id="E9" start="1" text="" />', "no start and end that are numbers"),
    ],
)
def test_tags_without_a_place_are_skipped_with_their_line(tmp_path: Path, tag: str, reason: str) -> None:
    result = read_xml(tmp_path, xml(f"{TAGS}{tag}\n"))
    assert len(result.documents[0].entities) == 4
    ((line, action, said),) = reasons(result)
    assert (line, action) == (15, "skipped")
    assert said.startswith("tag 4") and reason in said


@pytest.mark.parametrize("at", [20, 60, 120, 150])
def test_a_file_cut_off_within_its_text_is_an_error_that_says_so(tmp_path: Path, at: int) -> None:
    with pytest.raises(FormatError, match=r"7\.xml"):
        read_xml(tmp_path, xml()[:at])


def test_a_file_cut_off_within_its_tags_gives_those_before(tmp_path: Path) -> None:
    content = xml()
    result = read_xml(tmp_path, content[: content.index("<TIMEX3") + 40])
    assert [e.id for e in result.documents[0].entities] == ["E0", "E1"]
    assert [action for _, action, _ in reasons(result)] == ["repaired", "skipped"]


def test_declarations_and_other_roots_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "gout">]>\n' + xml().partition("\n")[2]
    with pytest.raises(FormatError, match=r"7.xml line 1: a DOCTYPE"):
        read_xml(tmp_path, bomb)
    with pytest.raises(FormatError, match=r"7.xml line 1: the root element is not"):
        read_xml(tmp_path, "<deIdi2b2><TEXT>x</TEXT></deIdi2b2>")
    (tmp_path / "8.xml").write_text(xml())
    result = read(tmp_path, "i2b2-2012")
    assert [d.id for d in result.documents] == ["8"]
    assert [(p.document, p.action) for p in result.problems] == [("7", "skipped")]


@pytest.mark.parametrize(
    ("entity", "named"),
    [
        (Entity("E0", "EVENT", (Span(0, 1), Span(2, 3))), "gaps"),
        (Entity("E0", "EVENT", (Span(0, 1),), code="C1"), "codes"),
        (Entity("E0", "not a name", (Span(0, 1),)), "labels"),
        (Entity("E0", "TLINK", (Span(0, 1),)), "labels"),
        (Entity("E0", "EVENT", (Span(0, 1),), (Attribute("type", ""),)), "attributes"),
        (Entity("E0", "EVENT", (Span(0, 1),), (Attribute("start", "3"),)), "attributes"),
        (Entity("E0", "EVENT", (Span(0, 1),), (Attribute("x", "3"), Attribute("x", "4"))), "attributes"),
        (Entity("E0", "EVENT", (Span(0, 1),), (Attribute("polarity", "POS"), Attribute("type", "TEST"))), "attributes"),
        (Entity("E0", "EVENT", (Span(0, 1),), (Attribute("x", "\0"),)), "characters"),
    ],
)
def test_what_tags_cannot_hold_is_named(entity: Entity, named: str, tmp_path: Path) -> None:
    document = Document("n", "a b c", (entity,))
    assert [(loss.kind, loss.id) for loss in FORMATS.get("i2b2-2012").losses(document)] == [(named, "E0")]
    assert_round_trip("i2b2-2012", document, tmp_path)


def test_an_empty_id_makes_all_be_numbered(tmp_path: Path) -> None:
    entities = (Entity("", "EVENT", (Span(0, 1),)), Entity("E1", "EVENT", (Span(2, 3),)))
    document = Document("n", "a b", entities, (Relation("x", "AFTER", "", "E1"),))
    assert assert_round_trip("i2b2-2012", document, tmp_path) == []
