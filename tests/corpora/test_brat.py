"""The brat reader and writer on invented notes: what is read, repaired, skipped and kept."""

import io
import json
import random
import tarfile
from pathlib import Path

import pytest

from corpora.roundtrip import assert_round_trip
from medspan.annotation import Argument, Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.corpora.formats.brat import Dialect
from medspan.corpora.formats.brat import write as write_brat
from medspan.errors import FormatError

TEXT = "Took 5 mg apixaban and warfarin.\nNo rash, no fever."
ANN = (
    "T1\tStrength 5 9\t5 mg\n"
    "T2\tDrug 10 18\tapixaban\n"
    "T3\tDrug 23 31\twarfarin\n"
    "T4\tProblem 36 40\trash\n"
    "T5\tProblem 33 35;45 50\tNo fever\n"
    "E1\tIntake:T2 Amount:T1 Also:T3 Also2:E2\n"
    "E2\tIntake:T3 \n"
    "R1\tStrength-Drug Arg1:T1 Arg2:T2\t\n"
    "R2\tBEFORE Arg1:E1 Arg2:E2\n"
    "*\tOR T2 T3\n"
    "A1\tNegated T4\n"
    "M1\tassertion T5 not present\n"
    "A2\tPOLARITY E1 NEG\n"
    "N1\tReference T2 RxNorm:1364430\tapixaban\n"
    "N2\tReference T2 ATC:B01AF02\t\n"
    "N3\tReference T3 RxNorm:11289\t\n"
    "#1\tAnnotatorNotes T4\tcheck again\n"
)


def pair(folder: Path, text: str = TEXT, ann: str | None = ANN, name: str = "note") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_bytes(text.encode("utf-8"))
    if ann is not None:
        (folder / f"{name}.ann").write_bytes(ann.encode("utf-8"))
    return folder


def one(folder: Path, text: str, ann: str) -> tuple[Document, ReadResult]:
    result = read(pair(folder, text, ann), "brat")
    return result.documents[0], result


def again(document: Document, folder: Path) -> Document:
    assert write([document], folder, "brat") == []
    (result,) = read(folder, "brat").documents
    return result


def test_every_kind_of_line_finds_its_place(tmp_path: Path) -> None:
    document, result = one(tmp_path, TEXT, ANN)
    assert result.counts == {"read": 1, "kept": 0, "repaired": 0, "skipped": 0}
    assert document == Document(
        "note",
        TEXT,
        entities=(
            Entity("T1", "Strength", (Span(5, 9),)),
            Entity("T2", "Drug", (Span(10, 18),), code="RxNorm:1364430"),
            Entity("T3", "Drug", (Span(23, 31),), code="RxNorm:11289"),
            Entity("T4", "Problem", (Span(36, 40),), (Attribute("Negated"),)),
            Entity("T5", "Problem", (Span(33, 35), Span(45, 50)), (Attribute("assertion", "not present"),)),
        ),
        relations=(Relation("R1", "Strength-Drug", "T1", "T2"), Relation("R2", "BEFORE", "E1", "E2")),
        events=document.events,
        groups=(Group("*1", "OR", ("T2", "T3")),),
        metadata={
            "brat": {
                "normalizations": ["N1\tReference T2 RxNorm:1364430\tapixaban", "N2\tReference T2 ATC:B01AF02\t"],
                "lines": ["#1\tAnnotatorNotes T4\tcheck again"],
            }
        },
    )
    first, second = document.events
    assert [(a.role, a.target) for a in first.arguments] == [
        ("Amount", "T1"),
        ("Also", "T3"),
        ("Also", "E2"),
    ]
    assert first.attributes == (Attribute("POLARITY", "NEG"),)
    assert (second.trigger, second.arguments) == ("T3", ())


def test_read_write_read_loses_nothing(tmp_path: Path) -> None:
    document, _ = one(tmp_path / "in", TEXT, ANN)
    assert again(document, tmp_path / "out") == document


def test_what_brat_has_no_place_for_travels_in_a_note(tmp_path: Path) -> None:
    document = Document(
        "a/b",
        "Sore throat",
        entities=(Entity("T1", "Problem", (Span(0, 11),)), Entity("T2", "Site", (Span(5, 11),))),
        groups=(Group("G2", "OR", ("T1", "T2")), Group("G1", "OR", ("G2", "T1"))),
        concept_relations=(ConceptRelation("CID", "D1", "D2", ("Novel",)),),
        metadata={"patient": "p\t1", "section": {"name": "HPI"}},
    )
    assert again(document, tmp_path) == document


def test_ids_that_are_not_brats_are_renumbered_together(tmp_path: Path) -> None:
    document = Document(
        "n",
        "Sore throat",
        entities=(Entity("x 1", "Problem", (Span(0, 11),)), Entity("x 2", "Site", (Span(5, 11),))),
        relations=(Relation("r", "Site-Problem", "x 2", "x 1"),),
        events=(Event("e", "Finding", "x 1", (), (Attribute("sure"),)),),
        groups=(Group("g", "OR", ("x 1", "r", "e")),),
    )
    found = again(document, tmp_path)
    assert [e.id for e in found.entities] == ["T1", "T2"]
    assert (found.relations[0].head, found.relations[0].tail) == ("T2", "T1")
    assert found.events == (Event("E1", "Finding", "T1", (), (Attribute("sure"),)),)
    assert found.groups[0].members == ("T1", "R1", "E1")


def test_line_ends_tabs_emoji_and_byte_order_mark_stay_in_the_text(tmp_path: Path) -> None:
    text = "\ufeffHx:\tnone\r\nÜbelkeit 😀 seit\rgestern\r\n"
    start = text.index("Übelkeit")
    document, result = one(tmp_path / "in", text, f"T1\tProblem {start} {start + 10}\tÜbelkeit 😀\r\n")
    assert document.text == text
    assert document.mention(document.entities[0]) == "Übelkeit 😀"
    assert not result.problems
    assert again(document, tmp_path / "out") == document
    assert (tmp_path / "out" / "note.txt").read_bytes() == text.encode("utf-8")


def test_trailing_spaces_and_combining_marks_count_as_they_stand(tmp_path: Path) -> None:
    text = "  ne\u0301 mal   \n \n\tToux  "
    start = text.index("Toux")
    document, result = one(
        tmp_path / "in", text, f"T1\tProblem 2 9\tne\u0301 mal\nT2\tProblem {start} {start + 4}\tToux"
    )
    assert [document.mention(e) for e in document.entities] == ["ne\u0301 mal", "Toux"]
    assert not result.problems
    assert again(document, tmp_path / "out") == document
    assert (tmp_path / "out" / "note.txt").read_bytes() == text.encode("utf-8")


def test_role_that_ends_in_a_digit_beside_its_base_is_named_as_a_loss(tmp_path: Path) -> None:
    entities = (Entity("T1", "A", (Span(0, 1),)),)
    arguments = (Argument("Type", "T1"), Argument("Type2", "T1"))
    document = Document("n", "x", entities, events=(Event("E1", "A", "T1", arguments),))
    assert [(loss.kind, loss.id) for loss in assert_round_trip("brat", document, tmp_path)] == [("events", "E1")]


def test_white_space_around_a_value_is_named_as_a_loss(tmp_path: Path) -> None:
    document = Document("n", "x", (Entity("T1", "A", (Span(0, 1),), (Attribute("a", " b "),)),))
    assert [(loss.kind, loss.id) for loss in assert_round_trip("brat", document, tmp_path)] == [("attributes", "T1")]


def test_offsets_counted_without_the_byte_order_mark_are_moved(tmp_path: Path) -> None:
    document, result = one(tmp_path, "\ufeffsevere cough", "T1\tProblem 7 12\tcough\n")
    assert document.mention(document.entities[0]) == "cough"
    assert result.counts["repaired"] == 1


def test_empty_and_missing_ann_files_give_bare_documents(tmp_path: Path) -> None:
    pair(tmp_path, "Well.", "", "empty")
    pair(tmp_path / "sub", "Fine.", None, "alone")
    result = read(tmp_path)
    assert [d.id for d in result.documents] == ["empty", "sub/alone"]
    assert [(p.document, p.action) for p in result.problems] == [("sub/alone", "kept")]


def test_ann_without_text_is_skipped_with_a_reason(tmp_path: Path) -> None:
    pair(tmp_path, "Well.", "")
    (tmp_path / "lost.ann").write_text("T1\tA 0 1\tx\n")
    result = read(tmp_path)
    assert [d.id for d in result.documents] == ["note"]
    assert [(p.document, p.action) for p in result.problems] == [("lost", "skipped")]


def test_missing_final_newline_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    document, result = one(tmp_path, "dry cough", "\n  \nT1\tProblem 0 9\tdry cough\n\nA1\tassertion T1 present")
    assert document.entities[0].attribute("assertion") == "present"
    assert not result.problems


def test_mention_cut_by_a_line_break_is_joined_again(tmp_path: Path) -> None:
    document, result = one(
        tmp_path, "history of\nstroke and gout", "T1\tProblem 0 17\thistory of\nstroke\nT2\tProblem 22 26\tgout\n"
    )
    assert [document.mention(e) for e in document.entities] == ["history of\nstroke", "gout"]
    assert [(p.line, p.action) for p in result.problems] == [(1, "repaired"), (2, "repaired")]


def test_mention_across_lines_is_written_with_spaces_or_as_fragments(tmp_path: Path) -> None:
    document = Document("n", "past\r\nstroke", entities=(Entity("T1", "Problem", (Span(0, 12),)),))
    assert again(document, tmp_path / "a") == document
    assert (tmp_path / "a" / "n.ann").read_bytes() == b"T1\tProblem 0 12\tpast  stroke\n"
    write_brat([document], tmp_path / "b", Dialect("brat", splits_lines=True))
    assert (tmp_path / "b" / "n.ann").read_bytes() == b"T1\tProblem 0 4;6 12\tpast  stroke\n"
    result = read(tmp_path / "b")
    assert result.documents[0].entities[0].fragments == (Span(0, 4), Span(6, 12))
    assert not result.problems


def test_fragments_out_of_text_order_are_sorted_and_overlaps_joined(tmp_path: Path) -> None:
    document, result = one(
        tmp_path,
        "left or right arm",
        "T1\tSite 14 17;0 4\tarm left\nT2\tSite 0 4;14 17\tleft arm\nT3\tSite 0 7;5 13\tleft or or right\n",
    )
    assert document.entities[0].fragments == document.entities[1].fragments == (Span(0, 4), Span(14, 17))
    assert document.entities[2].fragments == (Span(0, 13),)
    assert {(p.line, p.action) for p in result.problems} >= {(3, "repaired")}


@pytest.mark.parametrize(
    ("line", "action", "reason"),
    [
        ("T9\tDrug 3 3\tx", "skipped", "empty or outside"),
        ("T9\tDrug 9 4\tx", "skipped", "empty or outside"),
        ("T9\tDrug 0 500\tx", "skipped", "empty or outside the text of 13"),
        ("T9\tDrug zero 4\tx", "skipped", "not a readable T line"),
        ("T9\tDrug", "skipped", "not a readable T line"),
        ("T9\tDrug 0 6\tsecret", "kept", "differs from the text at 0"),
        ("T1\tDrug 0 7\taspirin", "repaired", "used twice"),
        ("R9\tX Arg1:T1", "skipped", "1 ends"),
        ("R9\tX Arg1:T1 Arg2:T77", "skipped", "T77, not declared"),
        ("R9\tX Arg1:T1 secret", "skipped", "not a readable R line"),
        ("R9\tX Arg2:T1 Arg1:T1", "repaired", "Arg2 written before Arg1"),
        ("E9\tX:T77", "skipped", "no trigger"),
        ("E9\tX:T1 Role:E77", "skipped", "E77, not declared"),
        ("A9\tX T77", "skipped", "T77, not declared"),
        ("A9\tX", "skipped", "not a readable A line"),
        ("N9\tReference T77 C:1\tsecret", "skipped", "T77, not declared"),
        ("N9\tReference T1\tsecret", "skipped", "not a readable N line"),
        ("*\tOR T1 T77", "skipped", "not declared"),
        ("*\tOR", "skipped", "not a readable * line"),
        ("?1\tsecret thing", "kept", "unknown kind"),
        ("secret\tsecret", "kept", "unknown kind"),
    ],
)
def test_bad_line_costs_only_itself_and_never_shows_the_note(
    tmp_path: Path, line: str, action: str, reason: str
) -> None:
    document, result = one(tmp_path, "aspirin daily", f"T1\tDrug 0 7\taspirin\n{line}\nT2\tTime 8 13\tdaily\n")
    assert {"T1", "T2"} <= set(document.by_id)
    assert [(p.document, p.line, p.action) for p in result.problems] == [("note", 2, action)]
    assert reason in str(result.problems[0])
    assert "secret" not in str(result.problems[0])


def test_attribute_of_a_relation_is_kept_in_the_file(tmp_path: Path) -> None:
    ann = "T1\tDrug 0 7\taspirin\nT2\tTime 8 13\tdaily\nR1\tWhen Arg1:T1 Arg2:T2\nA1\tSure R1\n"
    document, result = one(tmp_path / "in", "aspirin daily", ann)
    assert result.counts["kept"] == 1
    assert again(document, tmp_path / "out") == document
    assert "A1\tSure R1\n" in (tmp_path / "out" / "note.ann").read_text()


def test_unusual_names_of_relation_ends_survive(tmp_path: Path) -> None:
    ann = "T1\tDrug 0 7\taspirin\nT2\tTime 8 13\tdaily\nR1\tWhen From:T1 To:T2\n"
    document, _ = one(tmp_path / "in", "aspirin daily", ann)
    assert (document.relations[0].head, document.relations[0].tail) == ("T1", "T2")
    assert again(document, tmp_path / "out") == document
    assert "From:T1 To:T2" in (tmp_path / "out" / "note.ann").read_text()


def test_undecodable_file_is_skipped_in_a_folder_and_refused_alone(tmp_path: Path) -> None:
    pair(tmp_path, "Well.", "")
    (tmp_path / "latin.txt").write_bytes(b"na\xefve")
    (tmp_path / "latin.ann").write_bytes(b"")
    result = read(tmp_path)
    assert [d.id for d in result.documents] == ["note"]
    assert "byte 2 is not UTF-8" in result.problems[0].reason
    with pytest.raises(FormatError, match=r"latin\.txt: byte 2 is not UTF-8"):
        read(tmp_path / "latin.ann")


def test_folder_called_like_a_note_is_no_note_and_a_dangling_link_is_our_error(tmp_path: Path) -> None:
    pair(tmp_path, "Well.", "")
    (tmp_path / "old.txt").mkdir()
    (tmp_path / "OTHER.TXT").write_text("Fine.")
    assert [d.id for d in read(tmp_path, "brat").documents] == ["OTHER", "note"]
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FormatError, match=r"gone\.txt: cannot be read"):
        read(tmp_path, "brat")


def test_one_pair_is_named_by_either_file(tmp_path: Path) -> None:
    pair(tmp_path)
    assert read(tmp_path / "note.ann").documents == read(tmp_path / "note.txt").documents
    (tmp_path / "note.txt").unlink()
    with pytest.raises(FormatError, match=r"no note\.txt beside it"):
        read(tmp_path / "note.ann")


def test_archive_is_read_in_place_and_never_outside_itself(tmp_path: Path) -> None:
    archive = tmp_path / "notes.tar.gz"
    with tarfile.open(archive, "w:gz") as target:
        for name, content in (("c/note.txt", TEXT), ("c/note.ann", ANN), ("../evil.txt", "x"), ("/abs.txt", "y")):
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            target.addfile(member, io.BytesIO(content.encode()))
        link = tarfile.TarInfo("c/link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        target.addfile(link)
    result = read(archive)
    assert "c/note" in [d.id for d in result.documents]
    assert not any("link" in d.id for d in result.documents)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.tar.gz"]
    with pytest.raises(FormatError, match="cannot be a file name"):
        write([d for d in result.documents if ".." in d.id], tmp_path / "out", "brat")


def test_damaged_archive_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "whole.tar.gz", "w:gz") as target:
        for n in range(200):
            member = tarfile.TarInfo(f"{n}.txt")
            member.size = 1000
            target.addfile(member, io.BytesIO(random.Random(n).randbytes(1000)))
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    for content in (b"not an archive", whole[: len(whole) // 2], b""):
        (tmp_path / "x.tar.gz").write_bytes(content)
        for chosen in ("brat", None):
            with pytest.raises(FormatError, match=r"x\.tar\.gz"):
                read(tmp_path / "x.tar.gz", chosen)


@pytest.mark.parametrize("name", ["../up", "/root", "", ".", "a//b", "a/./b", "a\0b", "a\\b"])
def test_document_id_that_is_no_safe_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="cannot be a file name"):
        write([Document(name, "x")], tmp_path / "out", "brat")


def test_two_documents_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="used twice"):
        write([Document("a", "x"), Document("a", "y")], tmp_path, "brat")


@pytest.mark.parametrize(
    "entity",
    [
        Entity("T1", "two words", (Span(0, 1),)),
        Entity("T1", "", (Span(0, 1),)),
        Entity("T1", "A", (Span(0, 1),), (Attribute("n", "a\nb"),)),
        Entity("T1", "A", (Span(0, 1),), (Attribute("n", ""),)),
        Entity("T1", "A", (Span(0, 1),), code="a b"),
    ],
)
def test_what_cannot_stand_in_a_line_is_refused(tmp_path: Path, entity: Entity) -> None:
    with pytest.raises(FormatError, match="document 'n'"):
        write([Document("n", "x", entities=(entity,))], tmp_path, "brat")


def test_forged_extras_note_is_kept_as_a_note(tmp_path: Path) -> None:
    for content in ("{not json", json.dumps([1]), json.dumps({"text": "x"})):
        document, _ = one(tmp_path, "x", f"#9\tDocumentExtras document\t{content}\n")
        assert document.metadata["brat"]["lines"] == [f"#9\tDocumentExtras document\t{content}"]
