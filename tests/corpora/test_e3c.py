"""E3C's XMI: layers, features, links, offsets in UTF-16, ids that stand for two things, and damaged files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats import guess_format, read, write
from medspan.errors import FormatError

# The emoji takes two places in UIMA's offsets and one in ours.
TEXT = "Since May 😀 fever and rash\r\nof legs."
FILE = """<?xml version="1.0" encoding="UTF-8"?>
<xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmi:version="2.0"
  xmlns:m="http:///de/tudarmstadt/ukp/dkpro/core/api/metadata/type.ecore"
  xmlns:s="http:///de/tudarmstadt/ukp/dkpro/core/api/segmentation/type.ecore"
  xmlns:custom="http:///webanno/custom.ecore">
<cas:NULL xmi:id="0"/>
<m:DocumentMetaData xmi:id="1" sofa="12" begin="0" end="37" language="x-unspecified" documentTitle="EN1.txt"/>
<s:Token xmi:id="20" sofa="12" begin="0" end="5" order="0"/>
<s:Token xmi:id="21" sofa="12" begin="6" end="9" order="0"/>
<s:Sentence xmi:id="30" sofa="12" begin="0" end="37"/>
<custom:EVENT xmi:id="40" sofa="12" begin="13" end="18" TLINK="80 81" ALINK="" polarity="POS" docTimeRel="BEFORE"/>
<custom:EVENT xmi:id="41" sofa="12" begin="23" end="27" ALINK="82" polarity="POS" docTimeRel="OVERLAP"/>
<custom:CLINENTITY xmi:id="50" sofa="12" begin="13" end="36" entityID="C0000001" discontinuous="DISCONTINUOUS"/>
<custom:CLINENTITY xmi:id="51" sofa="12" begin="23" end="27" xtra="Eruption"/>
<custom:TIMEX3 xmi:id="60" sofa="12" begin="6" end="9" timexLink="83" timex3Class="DATE" value="2020-05"/>
<custom:RML xmi:id="61" sofa="12" begin="29" end="37" PERTAINSTO="84"/>
<custom:BODYPART xmi:id="62" sofa="12" begin="32" end="36"/>
<custom:ACTOR xmi:id="63" sofa="12" begin="0" end="5" role="OTHER"/>
<custom:METADATA xmi:id="70" sofa="12" begin="0" end="0" docName="EN1" note=""/>
<cas:Sofa xmi:id="12" sofaNum="1" sofaID="_InitialView" mimeType="text"
  sofaString="Since May 😀 fever and rash&#13;&#10;of legs."/>
<custom:EVENTTLINKLink xmi:id="80" role="CONTAINS" target="41"/>
<custom:EVENTTLINKLink xmi:id="81" role="CONTINUES" target="60"/>
<custom:EVENTALINKLink xmi:id="82" role="INITIATES" target="40"/>
<custom:TIMEX3TimexLinkLink xmi:id="83" role="BEGINS-ON" target="40"/>
<custom:RMLPERTAINSTOLink xmi:id="84" role="PERTAINS" target="62"/>
<cas:View sofa="12" members="1 20 21 30 40 41 50 51 60 61 62 63 70"/>
</xmi:XMI>
"""


def put(folder: Path, content: str | bytes, name: str = "layer1/EN1.xml") -> Path:
    path = folder / "corpus" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return folder / "corpus"


def one(folder: Path, old: str, new: str) -> tuple[Document, list[tuple[int | None, str, str]]]:
    assert old in FILE
    result = read(put(folder, FILE.replace(old, new, 1)), "e3c")
    return result.documents[0], [(p.line, p.action, p.reason) for p in result.problems]


def test_layers_are_labels_features_attributes_and_entity_ids_codes(tmp_path: Path) -> None:
    result = read(put(tmp_path, FILE))
    assert not result.problems
    (document,) = result.documents
    assert (document.id, document.text) == ("layer1/EN1", TEXT)
    assert [(e.id, e.label, document.mention(e)) for e in document.entities] == [
        ("T1", "EVENT", "fever"),
        ("T2", "EVENT", "rash"),
        ("T3", "CLINENTITY", "fever and rash\r\nof legs"),
        ("T4", "CLINENTITY", "rash"),
        ("T5", "TIMEX3", "May"),
        ("T6", "RML", "of legs."),
        ("T7", "BODYPART", "legs"),
        ("T8", "ACTOR", "Since"),
    ]
    assert document.entities[0].attributes == (Attribute("docTimeRel", "BEFORE"), Attribute("polarity", "POS"))
    assert (document.entities[2].code, document.entities[2].attribute("discontinuous")) == ("C0000001", "DISCONTINUOUS")
    assert (document.entities[3].code, document.entities[3].attribute("xtra")) == (None, "Eruption")


def test_what_another_project_holds_is_doubtful_and_points_to_its_own_format(tmp_path: Path) -> None:
    relation = '<custom:Cause xmi:id="90" sofa="12" begin="13" end="18" Governor="41" Dependent="40"/>'
    named = '<n:NamedEntity xmlns:n="http:///de/tudarmstadt/ukp/dkpro/core/api/ner/type.ecore" xmi:id="91" sofa="12" '
    document, problems = one(tmp_path, "<cas:Sofa", f'{relation}\n{named}begin="0" end="5" value="PER"/>\n<cas:Sofa')
    assert [(line, action) for line, action, _ in problems] == [(20, "kept"), (21, "kept")]
    assert all("UIMA CAS JSON" in reason and "inception" in reason for _, _, reason in problems)
    assert document.entities[-1].label == "Cause"


def test_offsets_are_code_points_though_the_file_counts_utf16(tmp_path: Path) -> None:
    (document,) = read(put(tmp_path, FILE)).documents
    assert document.mention(document.entities[0]) == "fever"
    assert (document.entities[0].start, document.entities[4].start) == (12, 6)
    assert document.metadata["e3c"]["tokens"] == [[0, 5], [6, 9]]
    assert document.metadata["e3c"]["sentences"] == [[0, 36]]


def test_links_are_relations_labelled_by_role_and_keep_the_feature_that_lists_them(tmp_path: Path) -> None:
    (document,) = read(put(tmp_path, FILE)).documents
    assert [(r.label, r.head, r.tail) for r in document.relations] == [
        ("CONTAINS", "T1", "T2"),
        ("CONTINUES", "T1", "T5"),
        ("INITIATES", "T2", "T1"),
        ("BEGINS-ON", "T5", "T1"),
        ("PERTAINS", "T6", "T7"),
    ]
    # CONTINUES stands among aspectual links everywhere else.
    assert document.metadata["e3c"]["features"] == {"R2": "TLINK"}


def test_writing_gives_the_same_document_and_links_back(tmp_path: Path) -> None:
    documents_read = read(put(tmp_path, FILE)).documents
    assert write(documents_read, tmp_path / "out", "e3c") == []
    assert guess_format(tmp_path / "out") == "e3c"
    assert read(tmp_path / "out").documents == documents_read
    written = (tmp_path / "out" / "layer1" / "EN1.xml").read_text(encoding="utf-8")
    for name, n in (("EVENTTLINKLink", 2), ("EVENTALINKLink", 1), ("TIMEX3TimexLinkLink", 1), ("METADATA", 1)):
        assert written.count(f"<custom:{name} ") == n
    assert 'begin="13" end="18"' in written


def test_an_id_that_stands_for_a_link_and_a_mention_is_understood_by_place(tmp_path: Path) -> None:
    content = (
        FILE.replace('xmi:id="50"', 'xmi:id="12"').replace('xmi:id="80"', 'xmi:id="51"').replace('"80 81"', '"51 81"')
    )
    result = read(put(tmp_path, content))
    (document,) = result.documents
    assert len(document.entities) == 8
    assert [(r.label, r.head, r.tail) for r in document.relations][:2] == [
        ("CONTAINS", "T1", "T2"),
        ("CONTINUES", "T1", "T5"),
    ]
    assert [(p.line, p.action) for p in result.problems] == [(13, "repaired"), (22, "repaired")]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('begin="13" end="18"', 'begin="13" end="180"', 11, "an annotation whose offsets"),
        ('begin="13" end="18"', 'begin="18" end="13"', 11, "an annotation whose offsets"),
        ('begin="13" end="18"', 'begin="x" end="18"', 11, "an annotation whose offsets"),
        ('begin="13" end="18"', 'begin="13"', 11, "an annotation with but one"),
        ('sofa="12" begin="13"', 'sofa="13" begin="13"', 11, "an annotation of another text"),
        ('xmi:id="40" ', "", 11, "a feature structure without id"),
        ('"80 81"', '"80 81 99"', 11, "a reference of TLINK to what is no link"),
        ('role="CONTAINS" target="41"', 'role="CONTAINS"', 11, "a reference of TLINK to what is no link"),
        ('polarity="POS"', 'é="POS"', 11, "a feature whose name"),
        ('Link xmi:id="83"', 'Link xmi:id="83" sofa="12" begin="0" end="1"', 25, "a link with offsets of its own"),
        ("<custom:RMLPERT", "<custom:Unknown", 16, "a reference of PERTAINSTO"),
    ],
)
def test_what_cannot_be_read_is_skipped_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    document, problems = one(tmp_path, old, new)
    assert (problems[0][:2], problems[0][2][: len(reason)]) == ((line, "skipped"), reason)
    assert len(document.entities) >= 7


def test_a_mention_of_no_characters_is_kept_in_metadata(tmp_path: Path) -> None:
    document, problems = one(tmp_path, 'xmi:id="63" sofa="12" begin="0"', 'xmi:id="63" sofa="12" begin="5"')
    assert [(line, action) for line, action, _ in problems] == [(18, "kept")]
    assert len(document.entities) == 7
    assert [o["type"] for o in document.metadata["e3c"]["others"]][1] == "webanno.custom.ACTOR"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<html/>",
        FILE[:900],
        FILE.replace("sofaString", "text"),
        FILE.replace("_InitialView", "Other"),
        '<!DOCTYPE x [<!ENTITY a "b">]>' + FILE.partition("?>")[2],
        FILE.replace("UTF-8", "UTF-16"),
        FILE.encode("utf-16"),
        FILE.encode("utf-8").replace(b"rash", b"r\xffsh"),
        FILE.replace("fever", "f" * (11 * 2**20)),
    ],
)
def test_files_that_are_no_xmi_are_refused_alone_and_skipped_beside_sound_ones(
    tmp_path: Path, content: str | bytes
) -> None:
    folder = put(tmp_path, content, "broken.xml")
    with pytest.raises(FormatError, match=r"broken\.xml") as caught:
        read(folder, "e3c")
    assert "Since" not in str(caught.value)
    put(tmp_path, FILE)
    assert read(folder, "e3c").counts == {"read": 1, "kept": 0, "repaired": 0, "skipped": 1}


def test_a_note_of_another_corpus_is_written_with_lines_and_words_for_sentences_and_tokens(tmp_path: Path) -> None:
    document = Document(
        "ward/7",
        "\ufeffA:\tB\r\n\r C 😀\u2028e\u0301 \n\n <&\"'>  ",
        (
            Entity("b", "Problem", (Span(9, 11),), (Attribute("assertion", "absent"), Attribute("type", "x")), "C1"),
            Entity("a", "two words", (Span(0, 9),)),
            Entity("c", "EVENT", (Span(0, 9),)),
        ),
        (Relation("x", "of", "a", "b"), Relation("y", "of", "b", "b"), Relation("z", "", "c", "a")),
    )
    assert assert_round_trip("e3c", document, tmp_path) == []
    kept = read(tmp_path / "written", "e3c").documents[0].metadata["e3c"]
    assert len(kept["sentences"]) == 3
    assert [document.text[start:end] for start, end in kept["tokens"]][:3] == ["\ufeffA:", "B", "C"]


def test_losses_name_what_has_no_place() -> None:
    entities = (
        Entity("T1", "x", (Span(0, 1), Span(2, 3)), (Attribute("b", "1"), Attribute("a", "2"))),
        Entity("T2", "EVENT", (Span(0, 1),), (Attribute("TLINK", "1"), Attribute("TLINK", "2"), Attribute("a-b", "3"))),
    )
    losses = assert_round_trip("e3c", Document("n", "a b", entities))
    assert {(loss.kind, loss.id) for loss in losses} == {("attributes", "T1"), ("attributes", "T2"), ("gaps", "T1")}


@pytest.mark.parametrize(
    "kept",
    [
        "gout",
        {"others": "gout", "tokens": 7, "sentences": [[0, 99], [2, 1], ["a", "b"], None], "features": []},
        {"others": [{"type": "x.Y", "begin": 0, "end": 99, "features": {}}, {"type": "x.Y"}, 3]},
        {"others": [{"type": "a.B(print())", "begin": 0, "end": 1, "features": {}}]},
        {"others": [{"type": "a.B", "begin": 0, "end": 1, "features": {"x=print()": "1", "sofa": "2"}}]},
        {"others": [{"type": "webanno.custom.EVENT", "begin": 0, "end": 1, "features": {}}]},
        {"others": [{"type": "uima.cas.Sofa", "begin": 0, "end": 1, "features": {}}]},
        {"features": {"R1": "x=print()"}},
        {"features": {"R1": "polarity"}},
        {"features": {"R1": "begin"}},
    ],
)
def test_metadata_that_no_reader_gave_does_no_harm(kept: object, tmp_path: Path) -> None:
    entities = (Entity("T1", "EVENT", (Span(0, 4),), (Attribute("polarity", "POS"),)),)
    document = Document("n", "gout", entities, (Relation("R1", "BEFORE", "T1", "T1"),), metadata={"e3c": kept})
    assert assert_round_trip("e3c", document, tmp_path) == []
    assert "print" not in (tmp_path / "written" / "n.xml").read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_any_document_comes_back_or_every_difference_is_named(document: Document) -> None:
    assert_round_trip("e3c", document)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FILE)), st.binary(max_size=4))
def test_a_damaged_file_ends_in_a_document_or_our_error(at: int, damage: bytes) -> None:
    content = FILE.encode("utf-8")
    with TemporaryDirectory() as folder:
        path = put(Path(folder), content[:at] + damage + content[at + len(damage) :] * bool(damage))
        try:
            result = read(path, "e3c")
        except FormatError as error:
            assert "EN1.xml" in str(error)
        else:
            assert len(result.documents) == 1
