"""INCEpTION's CAS JSON: layers, links, offsets in UTF-16, and names that must never reach generated code."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.errors import FormatError

cassis = pytest.importorskip("cassis")

TEXT = "🚬 Smokes daily 😀, took 5 mg aspirin."
STRING = {"%RANGE": "uima.cas.String"}
NER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
TOKEN = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token"
ANNOTATION = "uima.tcas.Annotation"
TYPES: dict[str, Any] = {
    "custom.Span": {"%SUPER_TYPE": ANNOTATION, "label": STRING, "sure": {"%RANGE": "uima.cas.Boolean"}, "note": STRING},
    "webanno.custom.PHI": {"%SUPER_TYPE": ANNOTATION, "kind": STRING},
    "webanno.custom.Plain": {"%SUPER_TYPE": ANNOTATION},
    NER: {"%SUPER_TYPE": ANNOTATION, "value": STRING, "identifier": STRING},
    TOKEN: {"%SUPER_TYPE": ANNOTATION},
    "custom.Relation": {
        "%SUPER_TYPE": ANNOTATION,
        "label": STRING,
        "Governor": {"%RANGE": "custom.Span"},
        "Dependent": {"%RANGE": "custom.Span"},
    },
    "custom.Link": {"%SUPER_TYPE": "uima.cas.TOP", "role": STRING, "target": {"%RANGE": ANNOTATION}},
    "custom.Event": {"%SUPER_TYPE": ANNOTATION, "value": STRING, "agents": {"%RANGE": "custom.Link[]"}},
}


def units(at: int) -> int:
    return len(TEXT[:at].encode("utf-16-le")) // 2


def span(number: int, layer: str, words: str, **features: Any) -> dict[str, Any]:
    start = TEXT.index(words)
    place = {"begin": units(start), "end": units(start + len(words))}
    return {"%ID": number, "%TYPE": layer, "@sofa": 1, **place, **features}


def cas(*structures: dict[str, Any], indexed: list[int] | None = None, types: Any = None) -> dict[str, Any]:
    sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaNum": 1, "sofaID": "_InitialView", "sofaString": TEXT}
    members = [item["%ID"] for item in structures if "begin" in item] if indexed is None else indexed
    return {
        "%TYPES": TYPES if types is None else types,
        "%FEATURE_STRUCTURES": [sofa, *structures],
        "%VIEWS": {"_InitialView": {"%SOFA": 1, "%MEMBERS": members}},
    }


def exported(folder: Path, data: object) -> ReadResult:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "note.json").write_text(json.dumps(data), encoding="utf-8")
    return read(folder, "inception")


def test_layers_give_entities_attributes_codes_and_relations(tmp_path: Path) -> None:
    result = exported(
        tmp_path,
        cas(
            span(2, TOKEN, "Smokes"),
            span(3, "custom.Span", "aspirin", label="Drug", sure=True, note="n"),
            span(4, "custom.Span", "5 mg", label="Strength"),
            span(5, NER, "aspirin", value="Chemical", identifier="C1"),
            span(6, "webanno.custom.PHI", "daily", kind="DATE"),
            span(7, "webanno.custom.Plain", "took"),
            span(8, "custom.Relation", "aspirin", label="Strength-Drug", **{"@Governor": 4, "@Dependent": 3}),
        ),
    )
    (document,) = result.documents
    assert not result.problems
    assert document.id == "note"
    assert [(e.label, document.mention(e)) for e in document.entities] == [
        ("Drug", "aspirin"),
        ("Strength", "5 mg"),
        ("Chemical", "aspirin"),
        ("DATE", "daily"),
        ("Plain", "took"),
    ]
    assert document.entities[0].attributes == (Attribute("sure", "true"), Attribute("note", "n"))
    assert document.entities[2].code == "C1"
    assert document.relations == (Relation("R1", "Strength-Drug", "T2", "T1"),)
    assert assert_round_trip("inception", document, tmp_path / "round") == []
    written = json.loads((tmp_path / "round" / "written" / "note.json").read_text(encoding="utf-8"))
    kinds = {item["%TYPE"] for item in written["%FEATURE_STRUCTURES"]}
    assert {"custom.Span", NER, "webanno.custom.PHI", "webanno.custom.Plain", "custom.Relation"} <= kinds


def test_offsets_count_utf_16_in_the_file_and_code_points_in_the_document(tmp_path: Path) -> None:
    entity = Entity("T1", "Drug", (Span(TEXT.index("aspirin"), TEXT.index("aspirin") + 7),))
    write([Document("n", TEXT, (entity,))], tmp_path, "inception")
    data = json.loads((tmp_path / "n.json").read_text(encoding="utf-8"))
    (item,) = [fs for fs in data["%FEATURE_STRUCTURES"] if fs["%TYPE"] == "custom.Span"]
    assert (item["begin"], item["end"]) == (entity.start + 2, entity.end + 2)
    assert read(tmp_path).documents[0].entities == (entity,)


def test_links_with_targets_are_events(tmp_path: Path) -> None:
    links = [
        {"%ID": 8, "%TYPE": "custom.Link", "role": "how", "@target": 3},
        {"%ID": 9, "%TYPE": "custom.Link", "@target": 77},
    ]
    array = {"%ID": 7, "%TYPE": "uima.cas.FSArray", "%ELEMENTS": [8, 9]}
    empty = {"%ID": 10, "%TYPE": "uima.cas.FSArray"}
    result = exported(
        tmp_path,
        cas(
            span(2, "custom.Event", "Smokes", value="Tobacco", **{"@agents": 7}),
            span(3, "custom.Event", "daily", value="Frequency", **{"@agents": 10}),
            array,
            empty,
            *links,
        ),
    )
    (document,) = result.documents
    assert document.events == (Event("E1", "Tobacco", "T1", (Argument("how", "T2"),)),)
    assert [p.action for p in result.problems] == ["skipped"]
    assert assert_round_trip("inception", document) == []


def test_written_files_are_read_by_cassis_alone(tmp_path: Path) -> None:
    attributes = (Attribute("mood", "x"), Attribute("sure", "1"), Attribute("sure", "2"))
    entity = Entity("T1", "Drug", (Span(25, 29),), attributes)
    document = Document("sub/n", TEXT, (entity,), (Relation("R1", "self", "T1", "T1"),))
    write([document], tmp_path, "inception")
    with (tmp_path / "sub" / "n.json").open("rb") as file:
        found = cassis.load_cas_from_json(file)
    (mention,) = found.select("custom.Span")
    assert (mention.begin, mention.end, mention.label, mention.mood) == (25, 29, "Drug", "x")
    assert mention.sure.elements == ["1", "2"]
    (relation,) = found.select("custom.Relation")
    assert relation.Governor is relation.Dependent is mention


def test_what_layers_cannot_hold_is_named() -> None:
    entities = (
        Entity("T1", "Site", (Span(0, 4), Span(14, 17)), (Attribute("b", "1"), Attribute("a", "1"))),
        Entity("T2", "Site", (Span(8, 17),), (Attribute("a", "1"), Attribute("b", "1"))),
        Entity("T3", "Site", (Span(8, 17),), (Attribute("no name", "1"),)),
        Entity("T4", "Site", (Span(8, 17),), (Attribute("class", "1"),)),
    )
    events = (
        Event("E1", "Site", "T1", (Argument("x", "T2"),)),
        Event("E2", "Other", "T2", (Argument("x", "T2"),)),
        Event("E3", "Site", "T3"),
        Event("E4", "Site", "T4", (Argument("x", "E1"),)),
    )
    document = Document(
        "n",
        "left or right arm",
        entities,
        (Relation("R1", "X", "E1", "T2"),),
        events,
        (Group("G1", "OR", ("T1", "T2")),),
        metadata={"ward": "B"},
    )
    losses = assert_round_trip("inception", document)
    assert {(loss.kind, loss.id) for loss in losses} == {
        ("gaps", "T1"),
        ("attributes", "T2"),
        ("attributes", "T3"),
        ("attributes", "T4"),
        ("events", "E2"),
        ("events", "E3"),
        ("events", "E4"),
        ("relations", "R1"),
        ("groups", "G1"),
        ("metadata", None),
    }


EVIL = "x=__import__('pathlib').Path('evil').touch()"


@pytest.mark.parametrize(
    "types",
    [
        {"custom.Span": {"%SUPER_TYPE": ANNOTATION, EVIL: STRING}},
        {"custom.Span": {"%SUPER_TYPE": ANNOTATION, "class": STRING}},
        {EVIL: {"%SUPER_TYPE": ANNOTATION}},
        {"custom.Span": {"%SUPER_TYPE": EVIL}},
        {"custom.Span": {"%SUPER_TYPE": ANNOTATION, "x": {"%RANGE": EVIL}}},
        {"custom.Span": {"%SUPER_TYPE": ANNOTATION, "x": 3}},
        {"custom.Span": 3},
    ],
)
def test_names_that_could_be_code_are_refused_before_cassis_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, types: Any
) -> None:
    monkeypatch.setattr(cassis, "load_cas_from_json", lambda content: pytest.fail("cassis was given the file"))
    with pytest.raises(FormatError, match=r"note\.json: a type or feature in %TYPES has no legal name"):
        exported(tmp_path, cas(types=types))


def test_names_in_metadata_that_could_be_code_are_passed_over(tmp_path: Path) -> None:
    kept = {
        "types": {"T1": EVIL, "R1": EVIL},
        "labels": {"custom.Span": EVIL},
        "features": {"R1": {EVIL: "x"}},
        "links": {"E1": EVIL},
    }
    document = Document(
        "n",
        "arm",
        (Entity("T1", "Site", (Span(0, 3),)),),
        (Relation("R1", "X", "T1", "T1"),),
        (Event("E1", "Site", "T1", (Argument("x", "T1"),)),),
        metadata={"inception": kept},
    )
    write([document], tmp_path, "inception")
    assert EVIL not in (tmp_path / "n.json").read_text()
    (back,) = read(tmp_path, "inception").documents
    assert (back.entities, back.relations, back.events) == (document.entities, document.relations, document.events)


@pytest.mark.parametrize(
    ("structure", "action"),
    [
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 1, "begin": 4, "end": 999}, "skipped"),
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 1, "begin": 1, "end": 3}, "skipped"),
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 1, "begin": -1, "end": 3}, "skipped"),
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 1, "begin": "0", "end": 3}, "skipped"),
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 8, "begin": 0, "end": 3}, "skipped"),
        ({"%ID": 9, "%TYPE": "custom.Span", "@sofa": 1, "begin": 3, "end": 3}, "skipped"),
        ({"%ID": 2, "%TYPE": "custom.Span", "@sofa": 1, "begin": 3, "end": 4}, "skipped"),
        ({"%ID": "9", "%TYPE": "custom.Span", "begin": 3, "end": 4}, "skipped"),
    ],
)
def test_odd_annotation_costs_only_itself(tmp_path: Path, structure: dict[str, Any], action: str) -> None:
    indexed = [2, *([9] if structure["%ID"] == 9 else [])]
    result = exported(tmp_path, cas(span(2, "custom.Span", "aspirin", label="Drug"), structure, indexed=indexed))
    assert [e.label for e in result.documents[0].entities] == ["Drug"]
    assert [(p.document, p.action) for p in result.problems] == [("note", action)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"%TYPES": {}, "%FEATURE_STRUCTURES": [], "%VIEWS": {}}',
        b'{"%TYPES": null, "%FEATURE_STRUCTURES": [], "%VIEWS": {}}',
        b'{"%TYPES": {}, "%FEATURE_STRUCTURES": 3, "%VIEWS": {"_InitialView": {"%MEMBERS": []}}}',
        b'{"%TYPES": {}, "%FEATURE_STRUCTURES": [], "%VIEWS": {"_InitialView": {"%MEMBERS": ["secret"]}}}',
        b'{"%TYPES": {}, "%FEATURE_STRUCTURES": [{"%ID": 1, "%TYPE": "secret"}], "%VIEWS": {"a": {"%MEMBERS": [1]}}}',
        b'{"%TYPES": {}, "%FEATURE_STRUCTURES": [{"%ID": 1, "sofaString": "\\ud800"}], "%VIEWS": {}}',
        b"[" * 200_000,
        b'{"' + b"secret" * 20_000_000,
        b"9" * 5000,
        b"\xff\xfe{\0",
    ],
)  # fmt: skip
def test_damaged_file_is_refused_by_name_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.json") as caught:
        read(tmp_path / "x.json", "inception")
    assert "secret" not in str(caught.value)


def test_one_file_holds_one_document(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds one document"):
        write([Document("a", "x"), Document("b", "y")], tmp_path / "out.json", "inception")
    write([Document("a", "x")], tmp_path / "a.json", "inception")
    assert read(tmp_path / "a.json").documents == (Document("a", "x"),)


@settings(max_examples=100, deadline=None)
@given(documents())
def test_any_document_comes_back_or_its_losses_are_named(document: Document) -> None:
    assert_round_trip("inception", document)
