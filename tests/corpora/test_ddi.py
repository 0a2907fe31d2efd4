"""DDI: inclusive ends, gaps, sentences joined into one text, all pairs written, and what files get wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats import guess_format, read, write
from medspan.corpora.formats.ddi import UNTYPED, losses
from medspan.corpora.formats.ddi.sentences import joined
from medspan.errors import FormatError

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<document id="DDI-Test.d1">
    <sentence id="DDI-Test.d1.s0" text="Avoid zolamine with é😀 brontal or plumin acid. ">
        <entity id="DDI-Test.d1.s0.e0" charOffset="6-13" type="drug" text="zolamine"/>
        <entity id="DDI-Test.d1.s0.e1" charOffset="23-29" type="brand" text="brontal"/>
        <entity id="DDI-Test.d1.s0.e2" charOffset="34-39;41-44" type="drug_n" text="plumin acid"/>
        <pair id="DDI-Test.d1.s0.p0" e1="DDI-Test.d1.s0.e0" e2="DDI-Test.d1.s0.e1" ddi="true" type="advise"/>
        <pair id="DDI-Test.d1.s0.p1" e1="DDI-Test.d1.s0.e0" e2="DDI-Test.d1.s0.e2" ddi="false"/>
        <pair id="DDI-Test.d1.s0.p2" e1="DDI-Test.d1.s0.e1" e2="DDI-Test.d1.s0.e2" ddi="true" type="int"/>
    </sentence>
    <sentence id="DDI-Test.d1.s1" text=""/>
    <sentence id="DDI-Test.d1.s2" text="See below.&#xa;"/>
    <sentence id="DDI-Test.d1.s3" text="No more."/>
    <sentence id="DDI-Test.d1.s4" text="Plumin.">
        <entity id="DDI-Test.d1.s4.e0" charOffset="0-5" type="drug" text="Plumin"/>
    </sentence>
</document>
"""
TEXT = "Avoid zolamine with é😀 brontal or plumin acid. See below.\nNo more. Plumin."

REFERS = "refers to an entity that its sentence does not declare"


def put(folder: Path, content: str | bytes, name: str = "DrugBank/d1.xml") -> Path:
    path = folder / "corpus" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return folder / "corpus"


def one(folder: Path, old: str, new: str) -> tuple[Document, list[tuple[int | None, str, str]]]:
    assert old in FILE
    result = read(put(folder, FILE.replace(old, new, 1)), "ddi")
    return result.documents[0], [(p.line, p.action, p.reason) for p in result.problems]


def test_inclusive_ends_and_gaps_become_fragments_of_one_text(tmp_path: Path) -> None:
    result = read(put(tmp_path, FILE))
    assert not result.problems
    (document,) = result.documents
    assert (document.id, document.text) == ("DrugBank/d1", TEXT)
    mentions = [(e.id[-5:], e.label, document.mention(e)) for e in document.entities]
    assert mentions == [
        ("s0.e0", "drug", "zolamine"),
        ("s0.e1", "brand", "brontal"),
        ("s0.e2", "drug_n", "plumin acid"),
        ("s4.e0", "drug", "Plumin"),
    ]
    assert [len(e.fragments) for e in document.entities] == [1, 1, 2, 1]


def test_pairs_that_interact_become_relations_and_the_others_stay_implied(tmp_path: Path) -> None:
    (document,) = read(put(tmp_path, FILE)).documents
    ends = [(r.id[-2:], r.label, r.head[-2:], r.tail[-2:]) for r in document.relations]
    assert ends == [("p0", "advise", "e0", "e1"), ("p2", "int", "e1", "e2")]


def test_writing_gives_sentences_ids_and_all_pairs_back(tmp_path: Path) -> None:
    documents = read(put(tmp_path, FILE)).documents
    assert write(documents, tmp_path / "out", "ddi") == []
    written = (tmp_path / "out" / "DrugBank" / "d1.xml").read_text(encoding="utf-8")
    assert read(tmp_path / "out").documents == documents
    plain = [line.strip().replace(" />", "/>").replace("&#10;", "&#xa;") for line in written.splitlines()]
    assert plain[1:] == [line.strip() for line in FILE.splitlines()][1:]


def test_formats_are_told_apart_by_the_root_element(tmp_path: Path) -> None:
    folder = put(tmp_path, FILE)
    assert guess_format(folder) == guess_format(folder / "DrugBank" / "d1.xml") == "ddi"


@pytest.mark.parametrize(
    ("sentences", "text"),
    [
        (["a", "b"], "a b"),
        (["a ", "b"], "a b"),
        (["a", " b"], "a b"),
        (["a\n", "", "b"], "a\nb"),
        (["", "a", "", "b", ""], "a b"),
        ([], ""),
    ],
)
def test_sentences_are_joined_by_a_space_where_none_stands(sentences: list[str], text: str) -> None:
    found, places = joined(sentences)
    assert found == text
    assert [found[start:end] for start, end in places] == sentences


def test_a_mention_that_differs_from_the_text_keeps_its_offsets_and_is_doubtful(tmp_path: Path) -> None:
    document, problems = one(tmp_path, 'text="brontal"', 'text="brontol"')
    assert problems == [(5, "kept", "entity 1: the stated mention differs from the text at 23")]
    assert document.mention(document.entities[1]) == "brontal"


def test_a_positive_pair_without_type_is_labelled_so_and_written_without(tmp_path: Path) -> None:
    document, problems = one(tmp_path, ' type="int"', "")
    assert [(line, action) for line, action, _ in problems] == [(9, "kept")]
    assert document.relations[1].label == UNTYPED
    write([document], tmp_path / "out", "ddi")
    assert 'ddi="true" />' in (tmp_path / "out" / "DrugBank" / "d1.xml").read_text(encoding="utf-8")
    assert read(tmp_path / "out").documents == (document,)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('"6-13"', '"6-99"', 4, "entity 0: ends at 100, past the end of its sentence, 47"),
        ('"6-13"', '"13-6"', 4, "entity 0: span"),
        ('"6-13"', '"six"', 4, "entity 0: charOffset is not like"),
        ('"34-39;41-44"', '"34-41;39-44"', 6, "entity 2: entity DDI-Test.d1.s0.e2: fragments"),
        ('ddi="true" type="advise"', 'ddi="yes" type="advise"', 7, "pair 0: ddi is neither true nor false"),
        ('e2="DDI-Test.d1.s0.e1" ddi', 'e2="DDI-Test.d1.s4.e0" ddi', 7, "pair 0 refers to an entity"),
    ],
)
def test_what_cannot_be_read_is_skipped_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    _, problems = one(tmp_path, old, new)
    assert (problems[0][:2], problems[0][2][: len(reason)]) == ((line, "skipped"), reason)


def test_what_is_skipped_is_numbered_by_its_place_in_the_file(tmp_path: Path) -> None:
    broken = FILE.replace("6-13", "6-").replace("23-29", "23-").replace('e1="DDI-Test.d1.s0.e1"', 'e1="x"')
    put(tmp_path, broken)
    reasons = [problem.reason.partition(":")[0] for problem in read(tmp_path / "corpus").problems]
    assert reasons == ["entity 0", "entity 1", *(f"pair {n} {REFERS}" for n in (0, 2))]


def test_ids_used_twice_are_told_apart(tmp_path: Path) -> None:
    document, problems = one(tmp_path, 'id="DDI-Test.d1.s4.e0"', 'id="DDI-Test.d1.s0.e0"')
    assert [(line, action) for line, action, _ in problems] == [(15, "repaired")]
    assert document.entities[3].id == "DDI-Test.d1.s0.e0_2"


def test_broken_files_are_skipped_beside_sound_ones_and_refused_alone(tmp_path: Path) -> None:
    folder = put(tmp_path, FILE)
    for n, content in enumerate([FILE[:700], "<html/>", "", '<!DOCTYPE x [<!ENTITY a "b">]><document/>']):
        put(tmp_path, content, f"broken{n}.xml")
    put(tmp_path, FILE.encode("utf-16"), "broken4.xml")
    result = read(folder, "ddi")
    assert result.counts == {"read": 1, "kept": 0, "repaired": 0, "skipped": 5}
    assert all("zolamine" not in str(problem) for problem in result.problems)
    with pytest.raises(FormatError, match=r"broken0.xml line \d+"):
        read(folder / "broken0.xml", "ddi")


def test_a_note_of_another_corpus_is_cut_at_line_ends_outside_mentions_and_relations(tmp_path: Path) -> None:
    text = "one two\nthree\nfour five\n"
    entities = tuple(Entity(f"T{n}", "drug", (Span(*span),)) for n, span in enumerate([(0, 3), (8, 13), (14, 23)]))
    document = Document("n", text, entities, (Relation("R1", "int", "T0", "T1"),))
    assert assert_round_trip("ddi", document) == []
    write([document], tmp_path / "out", "ddi")
    written = (tmp_path / "out" / "n.xml").read_text(encoding="utf-8")
    assert 'text="one two&#10;three&#10;"' in written
    assert 'text="four five&#10;"' in written
    assert written.count("<pair") == 1


def test_text_comes_back_whatever_its_line_ends_and_characters(tmp_path: Path) -> None:
    text = "\ufeffA:\tB\r\n\r C 😀\u2028e\u0301 \n\n <&\"'>  "
    document = Document("n", text, (Entity("T1", "drug", (Span(9, 10), Span(11, 13))),))
    write([document], tmp_path / "out", "ddi")
    (back,) = read(tmp_path / "out", "ddi").documents
    assert same(document, back, "ddi")


def test_relations_keep_their_order_direction_and_number(tmp_path: Path) -> None:
    entities = tuple(Entity(f"T{n}", "drug", (Span(n, n + 1),)) for n in range(4))
    ends = [("T2", "T0"), ("T0", "T1"), ("T1", "T0"), ("T0", "T0"), ("T3", "T2")]
    relations = tuple(Relation(f"R{n}", label, *e) for n, (label, e) in enumerate(zip("abcde", ends, strict=True)))
    assert assert_round_trip("ddi", Document("n", "wxyz", entities, relations)) == []


def test_losses_name_what_has_no_place() -> None:
    document = Document("n", "a\x00b", (Entity("T1", "drug", (Span(0, 1),), code="D1"),), metadata={"ward": "B2"})
    assert {(loss.kind, loss.id) for loss in losses(document)} == {
        ("characters", None),
        ("codes", "T1"),
        ("metadata", None),
    }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_any_document_comes_back_or_every_difference_is_named(document: Document) -> None:
    assert_round_trip("ddi", document)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FILE)), st.binary(max_size=4))
def test_a_damaged_file_ends_in_documents_or_our_error(at: int, damage: bytes) -> None:
    from tempfile import TemporaryDirectory

    content = FILE.encode("utf-8")
    with TemporaryDirectory() as folder:
        path = put(Path(folder), content[:at] + damage + content[at + len(damage) :] * bool(damage))
        try:
            result = read(path, "ddi")
        except FormatError as error:
            assert "d1.xml" in str(error)
        else:
            assert len(result.documents) == 1
