"""CoNLL columns: UF's form and the tab form, broken tags, offsets, and what columns cannot hold."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.errors import FormatError


def columns(folder: Path, content: str, name: str = "note.tsv") -> tuple[Document, ReadResult]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode("utf-8"))
    result = read(folder / name, "conll")
    return result.documents[0], result


def found(document: Document) -> list[tuple[str, str]]:
    return [(entity.label, document.mention(entity)) for entity in document.entities]


def test_single_spaces_and_tabs_are_read_alike(tmp_path: Path) -> None:
    rows = ["No O", "chest B-problem", "pain I-problem", "", "Took O", "aspirin B-drug"]
    spaced, result = columns(tmp_path, "\n".join(rows) + "\n\n", "a.txt")
    tabbed, _ = columns(tmp_path, "\r\n".join(rows).replace(" ", "\t"), "b.tsv")
    assert spaced.text == tabbed.text == "No chest pain\nTook aspirin"
    assert found(spaced) == found(tabbed) == [("problem", "chest pain"), ("drug", "aspirin")]
    assert not result.problems


def test_label_may_hold_hyphens(tmp_path: Path) -> None:
    document, _ = columns(tmp_path, "left\tB-OBS-DP\nlung\tB-ANAT-DP\nbase\tI-ANAT-DP\n")
    assert found(document) == [("OBS-DP", "left"), ("ANAT-DP", "lung base")]


@pytest.mark.parametrize(
    ("tags", "mentions", "repaired_lines"),
    [
        ("O I-x I-x O", ["x 2-3"], [2]),
        ("B-x I-y I-y", ["x 1-1", "y 2-3"], [2]),
        ("B-x B-x I-x", ["x 1-1", "x 2-3"], []),
        ("B-x O I-x", ["x 1-1", "x 3-3"], [3]),
        ("S-x B-y I-y E-y", ["x 1-1", "y 2-4"], []),
        ("U-x B-y L-y U-y", ["x 1-1", "y 2-3", "y 4-4"], []),
        ("B-x E-x I-x", ["x 1-2", "x 3-3"], [3]),
        ("O E-x", ["x 2-2"], [2]),
    ],
)
def test_tags_of_every_scheme_are_read_and_broken_ones_repaired(
    tmp_path: Path, tags: str, mentions: list[str], repaired_lines: list[int]
) -> None:
    content = "".join(f"{n} {tag}\n" for n, tag in enumerate(tags.split(), start=1))
    document, result = columns(tmp_path, content)
    words = [document.mention(e).split() for e in document.entities]
    assert [f"{e.label} {w[0]}-{w[-1]}" for e, w in zip(document.entities, words, strict=True)] == mentions
    assert [(p.line, p.action) for p in result.problems] == [(line, "repaired") for line in repaired_lines]


def test_mention_ends_with_its_sentence(tmp_path: Path) -> None:
    document, result = columns(tmp_path, "a B-x\n\nb I-x\n")
    assert found(document) == [("x", "a"), ("x", "b")]
    assert [(p.line, p.action) for p in result.problems] == [(3, "repaired")]


def test_columns_of_offsets_give_the_text_its_length(tmp_path: Path) -> None:
    rows = ["Name 0 4 0 4 O", ": 4 5 5 6 O", "Ann 8 11 7 10 B-name", "", "Age 13 16 11 14 O"]
    document, result = columns(tmp_path, "\n".join(rows) + "\n", "a.bio")
    assert document.text == "Name:   Ann\n Age"
    assert document.entities[0].fragments == (Span(8, 11),)
    assert not result.problems


@pytest.mark.parametrize(
    "rows", [["a 0 1 O", "b 0 1 O"], ["a 0 2 O", "b 3 4 O"], ["a 0 1 O", "b 99999999 100000000 O"]]
)
def test_offsets_that_do_not_fit_are_left_aside(tmp_path: Path, rows: list[str]) -> None:
    document, result = columns(tmp_path, "\n".join(rows))
    assert document.text == "a b"
    assert [p.action for p in result.problems] == ["repaired"]


def test_documents_of_one_file_are_parted_and_named(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O O\n\nEU NNP O B-ORG\n\n-DOCSTART- (7 of 9)\n\nno DT O O\n-DOCSTART-\tO\n"
    _, result = columns(tmp_path, content, "train.txt")
    assert [(d.id, d.text) for d in result.documents] == [("train-1", "EU"), ("7 of 9", "no"), ("train-3", "")]


def test_text_comes_back_exactly_through_offsets_and_blank_lines(tmp_path: Path) -> None:
    text = "\n\nHx:  chest pain,\n\n  no fever😀.\nend\n"
    document = Document(
        "sub/n", text, (Entity("T1", "problem", (Span(7, 17),)), Entity("T2", "problem", (Span(25, 30),)))
    )
    assert document.mention(document.entities[1]) == "fever"
    assert assert_round_trip("conll", document, tmp_path) == []
    lines = (tmp_path / "written" / "sub" / "n.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == f"-DOCSTART- (sub/n)\t0\t{len(text)}\tO"
    assert "pain\t13\t17\tI-problem" in lines


def test_several_documents_stand_in_one_file(tmp_path: Path) -> None:
    documents = [Document("a", "x\n"), Document("b", ""), Document("c", " \n"), Document("d", "\n\ny")]
    assert [loss.document for loss in write(documents, tmp_path / "all.conll", "conll", lossy=True)] == ["c"]
    result = read(tmp_path / "all.conll")
    assert [(d.id, d.text) for d in result.documents] == [("a", "x\n"), ("b", ""), ("c", "\n "), ("d", "\n\ny")]


def test_mention_across_a_line_end_stays_whole(tmp_path: Path) -> None:
    document = Document("n", "chest\npain\nnone", (Entity("T1", "problem", (Span(0, 10),)),))
    assert [loss.kind for loss in assert_round_trip("conll", document, tmp_path)] == ["text"]
    (back,) = read(tmp_path / "written", "conll").documents
    assert back.text == "chest pain\nnone"
    assert back.entities == document.entities


def test_what_columns_cannot_hold_is_named(tmp_path: Path) -> None:
    document = Document(
        "n",
        "warfarin 5mg\tdaily",
        (
            Entity("T1", "Drug", (Span(0, 8),), (Attribute("a", "b"),), "C1"),
            Entity("T2", "Ingredient", (Span(0, 3),)),
            Entity("T3", "Unit", (Span(10, 12),)),
            Entity("T4", "Sig", (Span(9, 10), Span(13, 18))),
        ),
        (Relation("R1", "X", "T1", "T2"),),
        (Event("E1", "X", "T1"),),
        metadata={"ward": "B"},
    )
    losses = assert_round_trip("conll", document)
    assert {(loss.kind, loss.id) for loss in losses} == {
        ("text", None),
        ("order", None),
        ("attributes", "T1"),
        ("codes", "T1"),
        ("nesting", "T2"),
        ("nesting", "T3"),
        ("gaps", "T4"),
        ("relations", "R1"),
        ("events", "E1"),
        ("metadata", None),
    }


@pytest.mark.parametrize("label", ["", " x", "a\tb", "a\nb"])
def test_label_that_cannot_stand_in_a_line_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(FormatError, match="document 'n': label"):
        write([Document("n", "x", (Entity("T1", label, (Span(0, 1),)),))], tmp_path, "conll")


@pytest.mark.parametrize(
    "content",
    [b"secret words of a note\nand more", b"B-x secret\nO words\n", b"secret" * 20_000_000, b"\xff\xfes\0e\0c\0"],
)
def test_file_without_tags_is_refused_by_name_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tsv").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.tsv") as caught:
        read(tmp_path / "x.tsv", "conll")
    assert "secret" not in str(caught.value)


def test_odd_lines_cost_only_themselves(tmp_path: Path) -> None:
    document, result = columns(tmp_path, "a\tB-x\nsecret\nB-x\tsecret\n\tO\n" + "z" * 70_000 + "\tO\nb\tO\n")
    assert found(document) == [("x", "a")]
    assert [(p.line, p.action) for p in result.problems] == [(2, "repaired"), (3, "skipped"), (5, "skipped")]
    assert "secret" not in " ".join(str(p) for p in result.problems)


@settings(max_examples=150, deadline=None)
@given(documents())
def test_any_document_comes_back_or_its_losses_are_named(document: Document) -> None:
    try:
        assert_round_trip("conll", document)
    except FormatError as error:
        assert "document 'n': label" in str(error)
