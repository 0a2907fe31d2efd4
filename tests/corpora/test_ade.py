"""ADE: mentions placed by the distance of their offsets, lines of one sentence joined, negatives, SpERT's JSON."""

import gzip
import json
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats import Problem, guess_format, read, write
from medspan.corpora.formats.ade import losses
from medspan.errors import FormatError

EFFECTS = """101|Rash and rash-like itch after zolamine and brontal.|rash|209|213|zolamine|230|238
101|Rash and rash-like itch after zolamine and brontal.|itch|219|223|zolamine|230|238
101|Rash and rash-like itch after zolamine and brontal.|itch|219|223|brontal|243|250
101|Zolamine: gout.|gout|310|314|Zolamine|300|308
7|Gout|flare|on brontal.|Gout|flare|5|15|brontal|19|26
"""
DOSES = """101|Zolamine: gout.|: g|308|311|Zolamine|300|308
7|Take 5 mg zolamine.|5 mg|60|64|zolamine|65|73
"""
NEGATIVES = """101 NEG No harm | was seen NEG here.
7 NEG Nor there.
7 NEG Nor there.
"""


def put(folder: Path, effects: str = EFFECTS, doses: str = DOSES, negatives: str = NEGATIVES) -> Path:
    for name, content in (("DRUG-AE.rel", effects), ("DRUG-DOSE.rel", doses), ("ADE-NEG.txt", negatives)):
        (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder


def facts(document: Document) -> list[tuple[str, str, int, str, int]]:
    ends = [(r.label, document.by_id[r.head], document.by_id[r.tail]) for r in document.relations]
    return [(label, document.mention(a), a.start, document.mention(b), b.start) for label, a, b in ends]


def test_lines_of_one_sentence_are_one_document_whose_mentions_stand_where_distances_say(tmp_path: Path) -> None:
    result = read(put(tmp_path), "ade")
    assert not result.problems
    first = result.documents[0]
    assert (first.id, first.metadata) == ("101-1", {"ade": {"pmid": "101", "origin": 200}})
    assert facts(first) == [
        ("Adverse-Effect", "rash", 9, "zolamine", 30),
        ("Adverse-Effect", "itch", 19, "zolamine", 30),
        ("Adverse-Effect", "itch", 19, "brontal", 43),
    ]
    assert [(e.id, e.label) for e in first.entities] == [
        ("T1", "Adverse-Effect"),
        ("T2", "Adverse-Effect"),
        ("T3", "Drug"),
        ("T4", "Drug"),
    ]


def test_effects_and_doses_of_one_sentence_come_together(tmp_path: Path) -> None:
    documents_read = read(put(tmp_path)).documents
    assert [d.id for d in documents_read] == ["101-1", "101-2", "7-1", "7-dose1", "101-neg1", "7-neg1", "7-neg2"]
    assert [r.label for r in documents_read[1].relations] == ["Adverse-Effect", "Dosage"]
    assert facts(documents_read[3]) == [("Dosage", "5 mg", 5, "zolamine", 10)]
    assert documents_read[4].text == "No harm | was seen NEG here."


def test_bars_within_sentences_and_mentions_are_part_of_them(tmp_path: Path) -> None:
    document = read(put(tmp_path)).documents[2]
    assert document.text == "Gout|flare|on brontal."
    assert facts(document) == [("Adverse-Effect", "Gout|flare", 0, "brontal", 14)]


def test_writing_gives_the_files_back(tmp_path: Path) -> None:
    documents_read = read(put(tmp_path)).documents
    assert write(documents_read, tmp_path / "out", "ade") == []
    assert read(tmp_path / "out").documents == documents_read
    for name, content in (("DRUG-AE.rel", EFFECTS), ("DRUG-DOSE.rel", DOSES), ("ADE-NEG.txt", NEGATIVES)):
        assert (tmp_path / "out" / name).read_text(encoding="utf-8") == content


def test_an_archive_is_read_in_place_and_one_file_alone(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    put(tmp_path / "corpus")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "corpus", "ADE-Corpus-V2")
    assert guess_format(tmp_path / "a.tar.gz") == guess_format(tmp_path / "corpus" / "DRUG-AE.rel") == "ade"
    assert read(tmp_path / "a.tar.gz").documents == read(tmp_path / "corpus").documents
    assert [d.id for d in read(tmp_path / "corpus" / "DRUG-DOSE.rel").documents] == ["101-dose1", "7-dose1"]
    assert len(read(tmp_path / "corpus" / "ADE-NEG.txt", "ade").documents) == 3


def only(folder: Path, line: str) -> tuple[tuple[Document, ...], list[Problem]]:
    result = read(put(folder, f"1|Gout on brontal.|Gout|0|4|brontal|8|15\n{line}\n", "", ""), "ade")
    return result.documents, list(result.problems)


@pytest.mark.parametrize(
    ("line", "action", "reason"),
    [
        ("1|Gout.|Gout|0|4|Gout", "skipped", "the line has not eight columns"),
        ("1|Gout.|0|4|Gout|Gout|0|4", "skipped", "the line has not eight columns"),
        ("gout", "skipped", "the line has not eight columns"),
        ("2|Gout on it.|rash|0|4|Gout|0|4", "skipped", "the mention at 0 is not in the sentence"),
        ("2|Gout on it.|it|0|2|Gout|0|4", "repaired", "the mention at 0 is placed where its words first stand, at 8"),
        ("2|Gout on it.|Gout|0|5|it|8|10", "kept", "offsets 0 5 do not span the 4 characters"),
        ("2|it, it or it, it.|it|11|13|it|15|17", "kept", "mentions may stand at 2 places"),
        ("1|Gout on brontal.|Gout|50|54|brontal|58|65", "kept", "the sentence begins elsewhere"),
    ],
)
def test_odd_lines_are_told_with_their_number(tmp_path: Path, line: str, action: str, reason: str) -> None:
    found, problems = only(tmp_path, line)
    assert found[0].id == "1-1"
    assert all((p.document, p.line) == ("DRUG-AE.rel", 2) for p in problems)
    assert problems[0].action == action
    assert reason in [p.reason[: len(reason)] for p in problems]


def test_a_sentence_twice_in_an_abstract_keeps_both_places_of_its_mentions(tmp_path: Path) -> None:
    found, _ = only(tmp_path, "1|Gout on brontal.|Gout|50|54|brontal|58|65")
    assert [facts(d) for d in found] == [[("Adverse-Effect", "Gout", 0, "brontal", 8)] * 2]


@pytest.mark.parametrize("content", ["gout", "a|b|c", "1|Gout.|0|4|Gout|Gout|0|4"])
def test_a_file_without_a_line_of_the_corpus_is_refused_without_its_words(tmp_path: Path, content: str) -> None:
    with pytest.raises(FormatError, match=r"DRUG-AE\.rel line 1") as caught:
        read(put(tmp_path, content, "", ""), "ade")
    assert "out" not in str(caught.value)
    (tmp_path / "DRUG-AE.rel").write_bytes(b"\xff|")
    with pytest.raises(FormatError, match=r"DRUG-AE\.rel: byte 0"):
        read(tmp_path, "ade")


RECORD: dict[str, Any] = {
    "tokens": ["Gout", "on", "5", "mg", "brontal", "."],
    "entities": [{"type": "Adverse-Effect", "start": 0, "end": 1}, {"type": "Drug", "start": 2, "end": 5}],
    "relations": [{"type": "Adverse-Effect", "head": 0, "tail": 1}],
    "pmid": "9",
    "spert_test_fold": 3,
}


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_sperts_json_is_the_same_corpus_by_tokens(tmp_path: Path, name: str) -> None:
    content = json.dumps([RECORD, {**RECORD, "orig_id": 5}]).encode("utf-8")
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert guess_format(tmp_path / name) == guess_format(tmp_path) == "ade"
    first, second = read(tmp_path / name).documents
    assert (first.id, first.text, second.id) == ("9-1", "Gout on 5 mg brontal .", "9-2")
    assert facts(first) == [("Adverse-Effect", "Gout", 0, "5 mg brontal", 8)]
    assert (first.metadata["ade"], second.metadata["ade"]["orig_id"]) == ({"pmid": "9", "spert_test_fold": 3}, 5)
    write([first, second], tmp_path / "out", "ade")
    again = read(tmp_path / "out").documents
    assert [(d.id, d.entities, d.relations) for d in again] == [
        (d.id, d.entities, d.relations) for d in (first, second)
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"entities": [{"type": "Drug", "start": 0, "end": 7}], "relations": []},
        {"entities": [{"type": "Drug", "start": 1, "end": 1}], "relations": []},
        {"relations": [{"type": "x", "head": 0, "tail": 7}]},
        {"tokens": None},
        {"tokens": [1, 2]},
        {"entities": {"gout": 1}},
    ],
)
def test_what_spert_would_not_write_is_skipped_by_number(tmp_path: Path, changed: dict[str, Any]) -> None:
    (tmp_path / "a.json").write_text(json.dumps([RECORD, {**RECORD, **changed}]), encoding="utf-8")
    result = read(tmp_path / "a.json", "ade")
    assert result.documents[0].id == "9-1"
    assert [(p.document, p.action, p.reason[:10]) for p in result.problems] == [("a.json", "skipped", "sentence 1")]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[" * 99_999, b"\xff", b'["gout"]', b"[1]"])
def test_what_is_no_json_of_sentences_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.json") as caught:
        read(tmp_path / "a.json", "ade")
    assert "gout" not in str(caught.value)


def test_ids_of_other_corpora_come_back_and_all_digits_are_told() -> None:
    pair = (Entity("a", "Adverse-Effect", (Span(0, 1),)), Entity("b", "Drug", (Span(2, 3),)))
    link = (Relation("r", "Adverse-Effect", "a", "b"),)
    for key in ("ward/7", "7-2", "7-neg9", "7-x", "a b"):
        assert assert_round_trip("ade", Document(key, "a b", pair, link)) == []
        assert assert_round_trip("ade", Document(key, "a b")) == []
    assert [loss.kind for loss in assert_round_trip("ade", Document("7", "a b", pair, link))] == ["ids"]


def test_order_and_number_of_documents_survive_what_is_left_out_of_them(tmp_path: Path) -> None:
    all_read = read(put(tmp_path)).documents
    chosen = [all_read[1], all_read[0], all_read[3], all_read[6], all_read[5]]
    write(chosen, tmp_path / "out", "ade")
    assert list(read(tmp_path / "out", "ade").documents) == chosen


def test_losses_name_what_has_no_place() -> None:
    entities = (
        Entity("T1", "Drug", (Span(0, 1),)),
        Entity("T2", "Dosage", (Span(0, 1), Span(2, 3))),
        Entity("T3", "Problem", (Span(0, 1),)),
        Entity("T4", "Drug", (Span(0, 1),)),
    )
    relations = (
        Relation("R1", "Dosage", "T2", "T1"),
        Relation("R2", "Dosage", "T1", "T2"),
        Relation("R3", "of", "T3", "T1"),
        Relation("R4", "Dosage", "T2", "T4"),
    )
    found = {(loss.kind, loss.id) for loss in losses(Document("n", "a\nb", entities, relations))}
    assert found == {
        ("characters", None),
        ("relations", "R2"),
        ("relations", "R3"),
        ("entities", "T3"),
        ("entities", "T4"),
        ("gaps", "T2"),
    }


def test_a_sentence_of_nothing_but_repeated_words_does_not_keep_the_reader_busy(tmp_path: Path) -> None:
    text = "a " * 2_000_000
    (document,) = read(put(tmp_path, f"1|{text}|a|0|1|a|2|3\n", "", ""), "ade").documents
    assert facts(document) == [("Adverse-Effect", "a", 0, "a", 2)]
    elsewhere = f"1|{text}|a|9000000|9000001|b|9000002|9000003\n"
    result = read(put(tmp_path, elsewhere, "", ""), "ade")
    assert [(p.line, p.action) for p in result.problems] == [(1, "repaired"), (1, "skipped")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_any_document_comes_back_or_every_difference_is_named(document: Document) -> None:
    assert_round_trip("ade", document)


@st.composite
def sentences(draw: st.DrawFn) -> Document:
    """Draw a sentence of few letters, so that mentions stand in several places, with pairs in any order."""
    text = draw(st.text("ab| ", min_size=2, max_size=12))
    edges = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(edges, edges).filter(lambda pair: pair[0] < pair[1]), min_size=2, unique=True))
    if draw(st.booleans()):
        spans.sort()
    labels = st.sampled_from(["Drug", "Adverse-Effect", "Dosage"])
    entities = [Entity(f"T{n}", draw(labels), (Span(*span),)) for n, span in enumerate(spans)]
    drugs = [e.id for e in entities if e.label == "Drug"]
    others = [e for e in entities if e.label != "Drug"]
    if not drugs or not others:
        return Document("n", text)
    ends = draw(st.lists(st.tuples(st.sampled_from(others), st.sampled_from(drugs)), max_size=4))
    relations = [Relation(f"R{n}", head.label, head.id, tail) for n, (head, tail) in enumerate(ends)]
    return Document("n", text, tuple(entities), tuple(relations))


@settings(max_examples=300, deadline=None)
@given(sentences())
def test_sentences_in_which_words_repeat_come_back(document: Document) -> None:
    assert_round_trip("ade", document)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(EFFECTS)), st.text("|0 \n9aé", max_size=4))
def test_a_damaged_file_ends_in_documents_or_our_error(at: int, damage: str) -> None:
    with TemporaryDirectory() as folder:
        path = put(Path(folder), EFFECTS[:at] + damage + EFFECTS[at + len(damage) :] * bool(damage), "", "")
        try:
            result = read(path, "ade")
        except FormatError as error:
            assert "DRUG-AE.rel" in str(error)
        else:
            assert all(p.document == "DRUG-AE.rel" and p.line for p in result.problems)
