"""2010 i2b2: concepts, assertions and relations by line and token."""

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from corpora.i2b2_documents import documents
from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats import FORMATS, ReadResult, read, stream, write
from medspan.errors import FormatError

ASSERTIONS = ["present", "absent", "possible", "a||b", ""]
RELATIONS = ["TrIP", "TrAP", "TeRP", "PIP", "other"]
LABELS = ["problem", "treatment", "test"]

NOTE = "Aspirin was given for  chest pain .\nNo fever , EKG showed ST changes . "


def entity(key: str, label: str, start: int, end: int, *attributes: Attribute) -> Entity:
    return Entity(key, label, (Span(start, end),), attributes)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8"))
    return folder


def read_note(folder: Path, text: str, con: str = "", ast: str = "", rel: str = "") -> ReadResult:
    return read(put(folder, {"n.txt": text, "n.con": con, "n.ast": ast, "n.rel": rel}), "i2b2-2010")


def reasons(result: ReadResult) -> list[tuple[int | None, str, str]]:
    return [(p.line, p.action, p.reason) for p in result.problems]


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"assertion": ASSERTIONS}, relations=RELATIONS))
def test_tidy_documents_come_back(document: Document) -> None:
    assert_round_trip("i2b2-2010", document)


@settings(max_examples=120, deadline=None)
@given(documents(labels=LABELS, attributes={"assertion": ASSERTIONS}, relations=RELATIONS, tidy=False))
def test_whatever_changes_is_named(document: Document) -> None:
    assert_round_trip("i2b2-2010", document)


def test_lines_count_from_one_tokens_from_zero_and_the_last_token_belongs_to_the_mention(tmp_path: Path) -> None:
    result = read_note(
        tmp_path,
        NOTE,
        'c="aspirin" 1:0 1:0||t="treatment"\nc="chest pain" 1:4 1:5||t="problem"\n'
        'c="st changes" 2:5 2:6||t="problem"\n',
        'c="chest pain" 1:4 1:5||t="problem"||a="present"\n',
        'c="aspirin" 1:0 1:0||r="TrAP"||c="chest pain" 1:4 1:5\n',
    )
    (document,) = result.documents
    assert not result.problems
    assert [document.mention(e) for e in document.entities] == ["Aspirin", "chest pain", "ST changes"]
    assert [e.id for e in document.entities] == ["T1", "T2", "T3"]
    assert document.entities[1].attributes == (Attribute("assertion", "present"),)
    assert document.relations == (Relation("R1", "TrAP", "T1", "T2"),)


def test_every_written_word_is_lower_case_with_single_spaces(tmp_path: Path) -> None:
    document = Document(
        "a/n",
        "Chest \t PAIN\u00a0 now",
        (
            Entity("x", "problem", (Span(0, 12),), (Attribute("assertion", "absent"),)),
            Entity("y", "problem", (Span(14, 17),)),
        ),
        (Relation("z", "PIP", "y", "x"),),
    )
    assert write([document], tmp_path, "i2b2-2010") == []
    assert (tmp_path / "concept/a/n.con").read_text().splitlines() == [
        'c="chest pain" 1:0 1:1||t="problem"',
        'c="now" 1:2 1:2||t="problem"',
    ]
    assert (tmp_path / "ast/a/n.ast").read_text() == 'c="chest pain" 1:0 1:1||t="problem"||a="absent"\n'
    assert (tmp_path / "rel/a/n.rel").read_text() == 'c="now" 1:2 1:2||r="PIP"||c="chest pain" 1:0 1:1\n'
    assert same(document, read(tmp_path, "i2b2-2010").documents[0])


def test_quotes_and_bars_inside_mentions_do_not_end_them(tmp_path: Path) -> None:
    text = 'the "bad||knee" ||t="problem" hurts\n'
    result = read_note(
        tmp_path,
        text,
        'c=""bad||knee" ||t="problem"" 1:1 1:2||t="problem"\nc="hurts" 1:3 1:3||t="problem"\n',
        'c=""bad||knee" ||t="problem"" 1:1 1:2||t="problem"||a="present"\n',
        'c="hurts" 1:3 1:3||r="PIP"||c=""bad||knee" ||t="problem"" 1:1 1:2\n',
    )
    (document,) = result.documents
    assert not result.problems
    assert document.mention(document.entities[0]) == '"bad||knee" ||t="problem"'
    assert document.entities[0].attribute("assertion") == "present"
    assert len(document.relations) == 1


def test_a_mention_that_holds_a_whole_line_of_its_file_is_found_by_its_words(tmp_path: Path) -> None:
    words = 'x" 1:0 1:0||r="pip"||c="y'
    text = f"x {words} z\n"
    document = Document(
        "n",
        text,
        (
            Entity("T1", "problem", (Span(2, 2 + len(words)),)),
            Entity("T2", "problem", (Span(len(text) - 2, len(text) - 1),)),
        ),
        (Relation("R1", "PIP", "T1", "T2"), Relation("R2", "PIP", "T2", "T1"), Relation("R3", "PIP", "T1", "T1")),
    )
    assert assert_round_trip("i2b2-2010", document, tmp_path) == []


def test_the_range_is_right_where_the_stated_words_are_not(tmp_path: Path) -> None:
    result = read_note(tmp_path, NOTE, 'c="heart attack" 1:4 1:5||t="problem"\nc="CHEST   Pain" 1:4 1:5||t="test"\n')
    assert [result.documents[0].mention(e) for e in result.documents[0].entities] == ["chest pain"] * 2
    assert reasons(result) == [(1, "kept", ".con: the stated words differ from the text at 23")]
    assert result.problems[0].document == "n"


@pytest.mark.parametrize(
    "text",
    [
        "Fever .\r\nNo  rash \r\n",
        "\tFever .\nNo rash",
        "\ufeffFièvre 😀 .\n\n\u2028 rash",
        "Fever\x85.\x0b\nNo\u00a0rash \n\n",
    ],
    ids=["crlf", "tab, no final line end", "mark, emoji, empty line", "odd line ends"],
)
def test_texts_are_kept_to_the_letter(tmp_path: Path, text: str) -> None:
    tokens = text.lstrip("\ufeff").split()
    start, end = text.index(tokens[0]), len(text.rstrip())
    document = Document(
        "n",
        text,
        (Entity("T1", "problem", (Span(start, start + len(tokens[0])),)), Entity("T2", "test", (Span(end - 4, end),))),
    )
    assert assert_round_trip("i2b2-2010", document, tmp_path) == []
    assert (tmp_path / "written/txt/n.txt").read_bytes().decode() == text


@pytest.mark.parametrize(
    "con",
    [
        'c="fever" 1:0 1:0||t="problem"\r\nc="rash" 2:1 2:1||t="problem"\r\n\r\n',
        '\ufeffc="fever" 1:0 1:0||t="problem"\nc="rash" 2:1 2:1||t="problem"',
        ' c="fever"  1:0  1:0||t="problem" \n\nc="rash" 2:1 2:1 ||t="problem"\n\n',
    ],
    ids=["crlf", "mark, no final line end", "spaces and empty lines"],
)
def test_line_ends_and_spaces_of_annotation_files_do_not_matter(tmp_path: Path, con: str) -> None:
    result = read_note(tmp_path, "Fever .\nNo rash\n", con)
    assert not result.problems
    assert [(e.start, e.end) for e in result.documents[0].entities] == [(0, 5), (11, 15)]


def test_empty_and_missing_annotation_files_are_notes_without_annotations(tmp_path: Path) -> None:
    put(tmp_path, {"txt/a.txt": NOTE, "concept/a.con": "", "txt/b.txt": NOTE})
    result = read(tmp_path, "i2b2-2010")
    assert [(d.id, d.entities) for d in result.documents] == [("a", ()), ("b", ())]
    assert not result.problems


def test_mentions_may_go_on_over_a_line_end(tmp_path: Path) -> None:
    result = read_note(tmp_path, "acute renal\nfailure .\n", 'c="renal failure" 1:1 2:0||t="problem"\n')
    assert result.documents[0].entities[0].fragments == (Span(6, 19),)
    assert not result.problems
    assert assert_round_trip("i2b2-2010", result.documents[0], tmp_path / "again") == []


def test_several_relations_between_two_ranges_and_the_order_of_pip_are_kept(tmp_path: Path) -> None:
    line = 'c="chest pain" 1:4 1:5||r="PIP"||c="fever" 2:1 2:1\n'
    swapped = 'c="fever" 2:1 2:1||r="PIP"||c="chest pain" 1:4 1:5\n'
    con = 'c="chest pain" 1:4 1:5||t="problem"\nc="fever" 2:1 2:1||t="problem"\n'
    result = read_note(tmp_path, NOTE, con, rel=line + swapped + line + line.replace("PIP", "other"))
    assert [(r.label, r.head, r.tail) for r in result.documents[0].relations] == [
        ("PIP", "T1", "T2"),
        ("PIP", "T2", "T1"),
        ("PIP", "T1", "T2"),
        ("other", "T1", "T2"),
    ]
    assert assert_round_trip("i2b2-2010", result.documents[0], tmp_path / "again") == []


def test_a_relation_at_a_range_of_several_labels_links_what_it_is_about(tmp_path: Path) -> None:
    con = "".join(f'c="fever" 2:1 2:1||t="{label}"\n' for label in ("test", "treatment", "problem"))
    con += 'c="ekg" 2:3 2:3||t="test"\n'
    rel = 'c="ekg" 2:3 2:3||r="TeRP"||c="fever" 2:1 2:1\nc="fever" 2:1 2:1||r="TrAP"||c="fever" 2:1 2:1\n'
    result = read_note(tmp_path, NOTE, con, rel=rel)
    assert [(r.head, r.tail) for r in result.documents[0].relations] == [("T4", "T3"), ("T2", "T3")]
    assert not result.problems
    document = result.documents[0]
    assert list(FORMATS.get("i2b2-2010").losses(document)) == []
    unclear = Document(document.id, document.text, document.entities, (Relation("R1", "TeRP", "T4", "T2"),))
    assert [(loss.kind, loss.id) for loss in FORMATS.get("i2b2-2010").losses(unclear)] == [("relations", "R1")]


def test_a_relation_without_a_concept_is_skipped_with_its_line(tmp_path: Path) -> None:
    result = read_note(
        tmp_path,
        NOTE,
        'c="aspirin" 1:0 1:0||t="treatment"\n',
        rel='\nc="aspirin" 1:0 1:0||r="TrAP"||c="chest pain" 1:4 1:5\n',
    )
    assert result.documents[0].relations == ()
    assert reasons(result) == [(2, "skipped", ".rel: no concept at 1:4 1:5")]


def test_an_assertion_without_a_concept_makes_one(tmp_path: Path) -> None:
    result = read_note(tmp_path, NOTE, ast='c="fever" 2:1 2:1||t="problem"||a="absent"\n')
    (entity,) = result.documents[0].entities
    assert (entity.label, entity.attribute("assertion")) == ("problem", "absent")
    assert reasons(result) == [(1, "repaired", ".ast: 2:1 2:1 has no problem in .con; one was made")]


def test_what_cannot_be_is_skipped_with_line_and_reason(tmp_path: Path) -> None:
    result = read_note(
        tmp_path,
        NOTE,
        "\n".join(
            [
                'c="x" 9:0 9:0||t="problem"',
                'c="x" 1:0 1:99||t="problem"',
                'c="x" 1:5 1:4||t="problem"',
                'c="x" 0:0 0:0||t="problem"',
                '1:0 1:0||c="x"||t="problem"',
                'c="aspirin" 1:0||t="problem"',
                'c="aspirin" ١:٠ ١:٠||t="problem"',
                'c="aspirin" 99999999999999:0 1:0||t="problem"',
                't="problem"||c="aspirin" 1:0 1:0',
                'c="aspirin" 1:0 1:0||t="treatment"',
                'c="aspirin" 1:0 1:0||t="treatment"',
            ]
        ),
        'c="aspirin" 1:0 1:0||t="treatment"||a="present"\n',
    )
    assert len(result.documents[0].entities) == 1
    assert {action for _, action, _ in reasons(result)} == {"skipped"}
    assert [line for line, _, _ in reasons(result)] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 1]


def test_a_problem_is_asserted_once(tmp_path: Path) -> None:
    line = 'c="fever" 2:1 2:1||t="problem"||a="absent"\n'
    result = read_note(
        tmp_path, NOTE, line.replace('||a="absent"', ""), line + line + line.replace("absent", "present")
    )
    assert result.documents[0].entities[0].attributes == (Attribute("assertion", "absent"),)
    assert reasons(result) == [
        (2, "skipped", ".ast: the problem at 2:1 2:1 is asserted again"),
        (3, "skipped", ".ast: the problem at 2:1 2:1 is asserted otherwise"),
    ]


LAYOUTS = {
    "the corpus": ("beth/txt/n.txt", "beth/concept/n.con", "beth/ast/n.ast", "beth/rel/n.rel"),
    "docs": ("docs/n.txt", "concept/n.con", "ast/n.ast", "rel/n.rel"),
    "flat": ("n.txt", "n.con", "n.ast", "n.rel"),
    "flat in txt": ("txt/n.txt", "txt/n.con", "txt/n.ast", "txt/n.rel"),
    "two roots": ("data/n.txt", "gold/concepts/n.con", "gold/ast/n.ast", "gold/rel/n.rel"),
    "upper case": ("TXT/n.TXT", "Concept/n.CON", "AST/n.Ast", "REL/n.REL"),
}


def laid_out(folder: Path, names: tuple[str, ...]) -> Path:
    contents = (
        NOTE,
        'c="aspirin" 1:0 1:0||t="treatment"\nc="fever" 2:1 2:1||t="problem"\n',
        'c="fever" 2:1 2:1||t="problem"||a="absent"\n',
        'c="aspirin" 1:0 1:0||r="TrAP"||c="fever" 2:1 2:1\n',
    )
    return put(folder, dict(zip(names, contents, strict=True)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("archived", [False, True])
def test_files_find_each_other_in_every_layout(tmp_path: Path, layout: str, archived: bool) -> None:
    path = laid_out(tmp_path / "c", LAYOUTS[layout])
    if archived:
        with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
            archive.add(path, "c")
        path = tmp_path / "c.tar.gz"
    result = read(path)
    (document,) = result.documents
    assert not result.problems
    assert (len(document.entities), len(document.relations)) == (2, 1)
    assert document.entities[1].attribute("assertion") == "absent"


@pytest.mark.parametrize("layout", ["the corpus", "flat"])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_single_file_brings_those_that_go_with_it(tmp_path: Path, layout: str, n: int) -> None:
    names = LAYOUTS[layout]
    result = read(laid_out(tmp_path, names) / names[n], "i2b2-2010")
    assert [d.id for d in result.documents] == ["n"]
    assert len(result.documents[0].relations) == 1


@pytest.mark.parametrize("document_id", ["n", "txt/n", "a/txt/n", "concept/ast/n", "n.con", "n.txt"])
def test_ids_that_look_like_folders_or_suffixes_come_back(tmp_path: Path, document_id: str) -> None:
    document = Document(document_id, "fever\n", (Entity("T1", "problem", (Span(0, 5),)),))
    assert assert_round_trip("i2b2-2010", document, tmp_path) == []


def test_annotations_without_a_note_are_listed(tmp_path: Path) -> None:
    put(tmp_path, {"txt/a.txt": NOTE, "concept/b.con": ""})
    result = read(tmp_path, "i2b2-2010")
    assert [(p.document, p.action, p.reason) for p in result.problems] == [
        ("b", "skipped", "no note was found for b.con")
    ]
    with pytest.raises(FormatError, match=r"b.con: the note"):
        read(tmp_path / "concept/b.con", "i2b2-2010")


def test_a_note_that_is_not_utf_8_is_skipped_in_a_folder_and_an_error_alone(tmp_path: Path) -> None:
    put(tmp_path, {"txt/a.txt": NOTE})
    (tmp_path / "txt/b.txt").write_bytes("fièvre".encode("latin-1"))
    result = read(tmp_path, "i2b2-2010")
    assert [d.id for d in result.documents] == ["a"]
    assert [(p.document, p.action) for p in result.problems] == [("b", "skipped")]
    with pytest.raises(FormatError, match=r"b.txt: byte 2 is not UTF-8"):
        read(tmp_path / "txt/b.txt", "i2b2-2010")


def test_a_folder_is_read_one_note_at_a_time(tmp_path: Path) -> None:
    put(tmp_path, {f"txt/{name}.txt": NOTE for name in "abc"})
    documents: Iterator[Document] = stream(tmp_path, "i2b2-2010")
    assert next(documents).id == "a"
    (tmp_path / "txt/b.txt").write_text("changed")
    assert next(documents).text == "changed"


@pytest.mark.parametrize(
    ("text", "entities", "named"),
    [
        ("fever", [entity("T1", "problem", 1, 3)], {("entities", "T1")}),
        ("a \n b", [entity("T1", "problem", 1, 3)], {("entities", "T1")}),
        ("a b c", [Entity("T1", "problem", (Span(0, 1), Span(4, 5)))], {("gaps", "T1")}),
        ("a", [entity("T1", "x", 0, 1), entity("T2", "x", 0, 1)], {("entities", "T2")}),
        ("ab", [entity("T1", "x", 0, 1), entity("T2", "x", 0, 2)], {("entities", "T1")}),
        ("a", [entity("T1", 'x"', 0, 1)], {("labels", "T1")}),
        ("a", [entity("T1", "test", 0, 1, Attribute("assertion", "absent"))], {("attributes", "T1")}),
        ("a", [entity("T1", "problem", 0, 1, Attribute("certainty", "low"))], {("attributes", "T1")}),
        ("a", [entity("T1", "problem", 0, 1, Attribute("assertion", 'y"'))], {("attributes", "T1")}),
        ("a", [replace(entity("T1", "problem", 0, 1), code="C1")], {("codes", "T1")}),
    ],
)
def test_what_the_files_cannot_hold_is_named(
    text: str, entities: list[Entity], named: set[tuple[str, str]], tmp_path: Path
) -> None:
    document = Document("n", text, tuple(entities))
    assert {(loss.kind, loss.id) for loss in FORMATS.get("i2b2-2010").losses(document)} == named
    assert_round_trip("i2b2-2010", document, tmp_path)
    with pytest.raises(FormatError, match="would lose"):
        write([document], tmp_path / "refused", "i2b2-2010")


def test_a_byte_order_mark_before_the_text_is_no_part_of_its_first_mention(tmp_path: Path) -> None:
    result = read_note(tmp_path, "\ufeffAspirin helps .\n", 'c="aspirin" 1:0 1:0||t="treatment"\n')

    assert reasons(result) == []
    assert result.documents[0].entities == (entity("T1", "treatment", 1, 8),)
    assert assert_round_trip("i2b2-2010", result.documents[0], tmp_path) == []
    assert (tmp_path / "written/concept/n.con").read_text() == 'c="aspirin" 1:0 1:0||t="treatment"\n'
