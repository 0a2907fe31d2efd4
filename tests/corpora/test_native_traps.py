"""The ten things that native corpora trip readers and writers with, one named test each; more stands beside formats."""

import json
from pathlib import Path

import pytest

from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora.formats import FORMATS, read, write
from medspan.errors import FormatError


def put(folder: Path, **contents: str) -> Path:
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    return folder


def test_1_fragments_relations_events_attributes_notes_and_ids_survive(tmp_path: Path) -> None:
    ann = (
        "T1\tDrug 0 7\taspirin\nT2\tReason 12 16;26 30\tback pain\nE1\tGiven:T1 For:T2 For2:T1\n"
        "R1\tReason-Drug Arg1:T2 Arg2:T1\nA1\tCertainty T2 low\nA2\tNegated E1\nN1\tReference T1 RX:1191\taspirin\n"
        "#1\tAnnotatorNotes T1\tcheck the dose\n"
    )
    put(tmp_path / "in", n_txt="aspirin for back and knee pain", n_ann=ann)
    (document,) = read(tmp_path / "in", "brat").documents
    assert document.mention(document.entities[1]) == "back pain"
    assert [a.role for a in document.events[0].arguments] == ["For", "For"]
    assert [r.id for r in document.relations] == ["R1"]
    write([document], tmp_path / "out", "brat")
    assert read(tmp_path / "out", "brat").documents == (document,)
    assert sorted((tmp_path / "out/n.ann").read_text().splitlines()) == sorted(ann.splitlines())


# How the mention `gout` is written where a format states mentions, and what stands there instead.
STATED = {
    "brat": ("gout", "n.ann"),
    "bioc": ("<text>gout</text>", "n.xml"),
    "bioc-json": ('"text": "gout"', "n.json"),
    "ddi": ('text="gout"', "n.xml"),
    "i2b2-2010": ('c="gout"', "n.con"),
    "i2b2-2012": ('text="gout"', "n.xml"),
    "i2b2-2014": ('text="gout"', "n.xml"),
    "n2c2-2022": ("gout", "n.ann"),
    "pubtator": ("\tgout\t", "n.pubtator"),
    "radgraph": ('"tokens": "gout"', "train.json"),
}
LABELS = {"ddi": "drug", "i2b2-2010": "problem", "i2b2-2012": "EVENT", "radgraph": "OBS-DP", "i2b2-2014": "NAME"}


@pytest.mark.parametrize("name", STATED)
def test_2_a_mention_that_differs_from_the_text_is_told_with_document_and_place_and_kept(
    name: str, tmp_path: Path
) -> None:
    document = Document("n", "No gout today .", (Entity("T1", LABELS.get(name, "Problem"), (Span(3, 7),)),))
    stated, file_name = STATED[name]
    is_file = name in ("bioc", "bioc-json", "pubtator", "radgraph")
    target = tmp_path / "c" / file_name if is_file else tmp_path / "c"
    write([document], target, name, lossy=True)
    file = next(p for p in (tmp_path / "c").rglob("*") if p.name == file_name)
    content = file.read_text("utf-8")
    assert stated in content
    file.write_text(content.replace(stated, stated.replace("gout", "rash")), "utf-8")
    result = read(tmp_path / "c", name)
    assert [e.fragments for d in result.documents for e in d.entities] == [(Span(3, 7),)]
    (problem,) = (p for p in result.problems if p.action == "kept")
    assert problem.document in ("n", file_name)
    assert "differ" in problem.reason
    assert not {"gout", "rash"} & set(str(problem).split())


AWKWARD = [
    "Fever and pain\r\nNo rash\r\n",
    "Fever\tand  pain  ",
    "\ufeffFièvre, e\u0301levated 😀 pain",
    "pain \u00a0\u2028 pain\x85",
    "\n\npain",
]


@pytest.mark.parametrize("text", AWKWARD, ids=["crlf", "tab", "mark, accents, emoji", "odd spaces", "empty lines"])
@pytest.mark.parametrize("name", list(FORMATS))
def test_3_awkward_characters_move_no_offset(name: str, text: str) -> None:
    place = text.rindex("pain")
    label = {"ddi": "drug", "i2b2-2010": "problem", "i2b2-2012": "EVENT"}.get(name, "Problem")
    assert_round_trip(name, Document("n", text, (Entity("T1", label, (Span(place, place + 4),)),)))


def test_3_annotation_files_may_be_empty_missing_or_without_final_line_end(tmp_path: Path) -> None:
    put(tmp_path, a_txt="gout", a_ann="", b_txt="gout", c_txt="gout", c_ann="T1\tProblem 0 4\tgout")
    result = read(tmp_path, "brat")
    assert [(d.id, len(d.entities)) for d in result.documents] == [("a", 0), ("b", 0), ("c", 1)]
    assert [(p.document, p.action) for p in result.problems] == [("b", "kept")]


def test_4_a_mention_over_a_line_end_is_a_fragment_a_line_in_the_file_and_one_mention_in_the_document(
    tmp_path: Path,
) -> None:
    document = Document("n", "smokes half a\npack daily", (Entity("T1", "Amount", (Span(7, 18),)),))
    write([document], tmp_path, "n2c2-2022")
    assert (tmp_path / "n.ann").read_text() == "T1\tAmount 7 13;14 18\thalf a pack\n"
    (back,) = read(tmp_path, "n2c2-2022").documents
    assert back.entities[0].span == Span(7, 18)


def test_5_tokens_of_2010_count_by_line_from_both_sides_with_quotes_and_bars_inside(tmp_path: Path) -> None:
    text = 'Seen  today . \nthe "bad||knee" hurts\n'
    start = text.index('"')
    problem = Entity("T1", "problem", (Span(start, start + 11),), (Attribute("assertion", "present"),))
    document = Document("n", text, (problem,))
    assert assert_round_trip("i2b2-2010", document, tmp_path) == []
    assert (tmp_path / "written/concept/n.con").read_text() == 'c=""bad||knee"" 2:1 2:1||t="problem"\n'


def test_6_shifted_offsets_bare_ampersands_and_repeated_ids_of_2012_are_repaired_and_told(tmp_path: Path) -> None:
    tags = [
        '<EVENT id="E0" start="2" end="11" text="A & B < C" modality="FACTUAL" polarity="POS" type="TEST" />',
        '<EVENT id="E0" start="13" end="17" text="gout" modality="FACTUAL" polarity="NEG" type="PROBLEM" />',
    ]
    body = "\n".join(tags)
    put(
        tmp_path,
        n_xml="<ClinicalNarrativeTemporalAnnotation>\n<TEXT><![CDATA[\nA & B < C, gout]]></TEXT>\n"
        f"<TAGS>\n{body}\n</TAGS>\n</ClinicalNarrativeTemporalAnnotation>\n",
    )
    result = read(tmp_path, "i2b2-2012")
    (document,) = result.documents
    assert [document.mention(e) for e in document.entities] == ["A & B < C", "gout"]
    assert len({e.id for e in document.entities}) == 2
    assert [a.name for a in document.entities[0].attributes] == ["type", "modality", "polarity"]
    repaired = [p.reason for p in result.problems if p.action == "repaired"]
    assert len(repaired) == 3
    write([document], tmp_path / "out", "i2b2-2012")
    assert 'modality="FACTUAL" polarity="POS" type="TEST" />' in (tmp_path / "out/n.xml").read_text()


def test_7_roles_types_shared_mentions_and_conflicting_values_of_shac_are_kept_apart(tmp_path: Path) -> None:
    ann = (
        "T1\tTobacco 0 6\tSmokes\nT2\tStatusTime 0 6\tSmokes\nT3\tType 7 13\tcigars\nT4\tType 18 23\tpipes\n"
        "E1\tTobacco:T1 Status:T2 Type:T3 Type2:T4\nE2\tTobacco:T1 Status:T2\nE3\tTobacco:T1\n"
        "A1\tStatusTimeVal T2 current\nA2\tStatusTimeVal T2 past\n"
    )
    result = read(put(tmp_path, n_txt="Smokes cigars and pipes", n_ann=ann), "n2c2-2022")
    (document,) = result.documents
    assert [[a.role for a in e.arguments] for e in document.events] == [["Status", "Type", "Type"], ["Status"], []]
    assert document.by_id["T2"].label == "StatusTime"
    assert [a.value for a in document.by_id["T2"].attributes] == ["current", "past"]
    assert [p.action for p in result.problems] == ["kept"]
    lonely = Document(
        "n",
        "Smokes now",
        (Entity("T1", "Tobacco", (Span(0, 6),)), Entity("T2", "StatusTime", (Span(7, 10),))),
        events=(Event("E1", "Tobacco", "T1", (Argument("Status", "T2"),)),),
    )
    assert assert_round_trip("n2c2-2022", lonely) == []


def test_8_two_labelers_inclusive_ends_missing_ids_and_hard_spaces_of_radgraph(tmp_path: Path) -> None:
    record = {
        "text": "no\u00a0large effusion",
        "labeler_1": {
            "entities": {
                "1": {"tokens": "large", "label": "OBS-DA", "start_ix": 1, "end_ix": 1, "relations": [["modify", "2"]]},
                "2": {"tokens": "effusion", "label": "OBS-DA", "start_ix": 2, "end_ix": 2, "relations": []},
            }
        },
        "labeler_2": {
            "entities": {
                "1": {"tokens": "large effusion", "label": "OBS-DA", "start_ix": 1, "end_ix": 2,
                      "relations": [["modify", "9"]]}
            }
        },
    }  # fmt: skip
    put(tmp_path, test_json=json.dumps({"p1/s1.txt": record}))
    result = read(tmp_path, "radgraph")
    first, second = result.documents
    assert [d.id for d in result.documents] == ["p1/s1.txt#labeler_1", "p1/s1.txt#labeler_2"]
    assert [first.mention(e) for e in first.entities] == ["large", "effusion"]
    assert second.mention(second.entities[0]) == "large effusion"
    assert [(r.label, r.head, r.tail) for r in first.relations] == [("modify", "1", "2")]
    assert [p.action for p in result.problems] == ["skipped"]
    write(result.documents, tmp_path / "out", "radgraph")
    assert set(json.loads((tmp_path / "out/test.json").read_text())["p1/s1.txt"]) >= {"labeler_1", "labeler_2"}
    assert all(map(same, read(tmp_path / "out", "radgraph").documents, result.documents))


def test_9_gaps_sentences_locations_and_repeated_ids_of_bioc_keep_their_places(tmp_path: Path) -> None:
    def annotation(*places: tuple[int, int], text: str) -> dict[str, object]:
        locations = [{"offset": offset, "length": length} for offset, length in places]
        return {"id": "1", "infons": {"type": "Disease"}, "locations": locations, "text": text}

    passages = [
        {"offset": 0, "infons": {}, "text": "Gout.", "sentences": [], "annotations": [annotation((0, 4), text="Gout")],
         "relations": []},
        {"offset": 20, "infons": {}, "sentences": [
            {"offset": 20, "infons": {}, "text": "Back and knee pain.", "relations": [],
             "annotations": [annotation((20, 4), (34, 4), text="Back pain")]}
        ], "annotations": [], "relations": []},
    ]  # fmt: skip
    collection = {
        "source": "", "date": "", "key": "", "infons": {},
        "documents": [{"id": "n", "infons": {}, "passages": passages, "annotations": [], "relations": []}],
    }  # fmt: skip
    put(tmp_path, c_json=json.dumps(collection))
    result = read(tmp_path / "c.json", "bioc-json")
    (document,) = result.documents
    assert [document.mention(e) for e in document.entities] == ["Gout", "Back pain"]
    assert [e.start for e in document.entities] == [0, 20]
    assert len({e.id for e in document.entities}) == 2
    write([document], tmp_path / "again.json", "bioc-json")
    assert read(tmp_path / "again.json", "bioc-json").documents[0].entities == document.entities


def test_10_the_separator_counts_one_a_title_may_stand_alone_and_composites_keep_their_codes(tmp_path: Path) -> None:
    content = (
        "1|t|Gout\n1|a|Knee and back pain.\n1\t5\t23\tKnee and back pain\tDisease\tD1|D2\tknee pain|back pain\n"
        "1\tCID\tC1\tD1\tNovel\n\n2|t|Only a title\n2\t7\t12\ttitle\tDisease\n"
    )
    put(tmp_path, c_pubtator=content)
    first, second = read(tmp_path / "c.pubtator", "pubtator").documents
    assert first.text == "Gout Knee and back pain."
    assert (first.mention(first.entities[0]), first.entities[0].code) == ("Knee and back pain", "D1|D2")
    assert first.concept_relations[0].extra == ("Novel",)
    assert (second.text, second.mention(second.entities[0])) == ("Only a title", "title")
    write([first, second], tmp_path / "again.pubtator", "pubtator")
    assert (tmp_path / "again.pubtator").read_text() == content.rstrip("\n") + "\n\n"
    with pytest.raises(FormatError, match="would lose"):
        write([Document("3", "a", (Entity("T1", "x", (Span(0, 1),)), Entity("T2", "x", (Span(0, 1),))),
                        (Relation("R1", "y", "T1", "T2"),))], tmp_path / "r.pubtator", "pubtator")  # fmt: skip
