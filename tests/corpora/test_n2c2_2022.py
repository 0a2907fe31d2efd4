"""n2c2 2022 files: brat with events, fit for the official scorer."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.errors import FormatError

TEXT = "Smokes cigars and a pipe. Wife smokes.\nLives alone."
ANN = (
    "T1\tTobacco 0 6\tSmokes\n"
    "T2\tStatusTime 0 6\tSmokes\n"
    "T3\tType 7 13\tcigars\n"
    "T4\tType 20 24\tpipe\n"
    "T5\tTobacco 31 37\tsmokes\n"
    "T6\tLivingStatus 39 44\tLives\n"
    "T7\tTypeLiving 45 50\talone\n"
    "E1\tTobacco:T1 Status:T2 Type:T3 Type2:T4\n"
    "E2\tTobacco:T5 Type:T3\n"
    "E3\tLivingStatus:T6 Type:T7 Status:T6\n"
    "A1\tStatusTimeVal T2 current\n"
    "A2\tTypeLivingVal T7 alone\n"
)


def put(folder: Path, text: str, ann: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0001.txt").write_bytes(text.encode("utf-8"))
    (folder / "0001.ann").write_bytes(ann.encode("utf-8"))
    return folder


def one(folder: Path, text: str, ann: str) -> tuple[Document, ReadResult]:
    result = read(put(folder, text, ann), "n2c2-2022")
    return result.documents[0], result


def written(folder: Path, document: Document) -> str:
    assert write([document], folder, "n2c2-2022") == []
    return (folder / f"{document.id}.ann").read_text(encoding="utf-8")


def test_role_and_entity_type_are_kept_apart(tmp_path: Path) -> None:
    document, result = one(tmp_path, TEXT, ANN)
    assert not result.problems
    first = document.events[0]
    assert (first.label, first.trigger) == ("Tobacco", "T1")
    assert [(a.role, document.by_id[a.target].label) for a in first.arguments] == [
        ("Status", "StatusTime"),
        ("Type", "Type"),
        ("Type", "Type"),
    ]
    assert document.by_id["T2"].attributes == (Attribute("StatusTimeVal", "current"),)


def test_repeated_roles_carry_digits_in_the_file_alone(tmp_path: Path) -> None:
    document, _ = one(tmp_path / "in", TEXT, ANN)
    assert [a.role for a in document.events[0].arguments] == ["Status", "Type", "Type"]
    assert "E1\tTobacco:T1 Status:T2 Type:T3 Type2:T4\n" in written(tmp_path / "out", document)


def test_one_mention_may_serve_several_events(tmp_path: Path) -> None:
    document, _ = one(tmp_path / "in", TEXT, ANN)
    assert [event.id for event in document.events for a in event.arguments if a.target == "T3"] == ["E1", "E2"]
    assert assert_round_trip("n2c2-2022", document) == []


def test_file_is_written_as_it_was_read(tmp_path: Path) -> None:
    document, _ = one(tmp_path / "in", TEXT, ANN)
    assert written(tmp_path / "out", document) == ANN


def test_event_without_arguments_is_an_event(tmp_path: Path) -> None:
    document, result = one(tmp_path / "in", "No tobacco.", "T1\tTobacco 3 10\ttobacco\nE1\tTobacco:T1\n")
    assert document.events == (Event("E1", "Tobacco", "T1"),)
    assert not result.problems
    assert "E1\tTobacco:T1\n" in written(tmp_path / "out", document)


def test_argument_without_its_attribute_is_read_without_a_value(tmp_path: Path) -> None:
    ann = "T1\tTobacco 3 10\ttobacco\nT2\tStatusTime 0 2\tNo\nE1\tTobacco:T1 Status:T2\n"
    document, result = one(tmp_path / "in", "No tobacco.", ann)
    assert document.by_id["T2"].attribute("StatusTimeVal") is None
    assert not result.problems
    assert written(tmp_path / "out", document) == ann


def test_conflicting_attributes_are_kept_in_file_order_and_told(tmp_path: Path) -> None:
    ann = ANN + "A3\tStatusTimeVal T2 past\nA4\tStatusTimeVal T2 current\n"
    document, result = one(tmp_path / "in", TEXT, ann)
    assert [a.value for a in document.by_id["T2"].attributes] == ["current", "past", "current"]
    assert document.by_id["T2"].attribute("StatusTimeVal") == "current"
    assert [(p.line, p.action) for p in result.problems] == [(13, "kept"), (14, "kept")]
    assert "T2 another value" in result.problems[0].reason
    assert assert_round_trip("n2c2-2022", document) == []


def test_plain_brat_says_nothing_of_several_values(tmp_path: Path) -> None:
    put(tmp_path, TEXT, ANN + "A3\tStatusTimeVal T2 past\n")
    assert not read(tmp_path, "brat").problems


@pytest.mark.parametrize(("end", "shown"), [("\n", " "), ("\r\n", "  ")])
def test_mention_across_line_breaks_is_split_with_spaces_and_joined_again(tmp_path: Path, end: str, shown: str) -> None:
    text = f"quit{end}last{end}year"
    n = len(end)
    document = Document("a", text, (Entity("T1", "History", (Span(0, len(text)),)),))
    places = f"0 4;{4 + n} {8 + n};{8 + 2 * n} {12 + 2 * n}"
    assert written(tmp_path, document) == f"T1\tHistory {places}\tquit{shown}last{shown}year\n"
    result = read(tmp_path, "n2c2-2022")
    assert result.documents == (document,)
    assert not result.problems


def test_joints_fall_on_white_space_of_the_printed_mention(tmp_path: Path) -> None:
    # The official reader looks for a joint at (end of a fragment - start of the first) in the printed mention.
    text = "a b\r\nc\n\nd"
    document = Document("a", text, (Entity("T1", "History", (Span(0, len(text)),)),))
    _, middle, mention = written(tmp_path, document).rstrip("\n").split("\t")
    places = [tuple(map(int, place.split())) for place in middle.removeprefix("History ").split(";")]
    assert all(mention[end - places[0][0]].isspace() for _, end in places[:-1])


def test_fragments_that_only_white_space_parts_stay_fragments(tmp_path: Path) -> None:
    document = Document("a", "two packs", (Entity("T1", "Amount", (Span(0, 3), Span(4, 9))),))
    assert written(tmp_path, document) == "T1\tAmount 0 3;4 9\ttwo packs\n"
    assert read(tmp_path, "n2c2-2022").documents == (document,)


def test_attribute_without_value_is_written_with_one(tmp_path: Path) -> None:
    document = Document("a", "x", (Entity("T1", "Status", (Span(0, 1),), (Attribute("Negated"),)),))
    assert written(tmp_path, document).endswith("A1\tNegated T1 true\n")
    assert read(tmp_path, "n2c2-2022").documents == (document,)


def test_what_the_scorer_refuses_is_named_and_left_out(tmp_path: Path) -> None:
    ann = ANN + "N1\tReference T3 C:1\tcigar\n*\tOR T3 T4\n#1\tAnnotatorNotes T3\tcheck\n?\todd\n"
    document, result = one(tmp_path / "in", TEXT, ann)
    assert [p.action for p in result.problems] == ["kept"]
    with pytest.raises(FormatError, match="n2c2-2022 would lose"):
        write([document], tmp_path / "out", "n2c2-2022")
    losses = write([document], tmp_path / "out", "n2c2-2022", lossy=True)
    assert sorted(loss.kind for loss in losses) == ["codes", "groups", "metadata", "metadata"]
    assert (tmp_path / "out" / "0001.ann").read_text() == "#1\tAnnotatorNotes T3\tcheck\n" + ANN


def test_gaps_and_events_as_arguments_are_named(tmp_path: Path) -> None:
    document = Document(
        "a",
        "wine or beer daily",
        (Entity("T1", "Alcohol", (Span(0, 4), Span(8, 12))), Entity("T2", "Frequency", (Span(13, 18),))),
        (Relation("R1", "X", "T1", "T2"),),
        (Event("E1", "Alcohol", "T1", (Argument("Frequency", "T2"), Argument("Of", "E2"))), Event("E2", "X", "T2")),
        (Group("*1", "OR", ("T1", "T2")),),
        metadata={"ward": "B"},
    )
    losses = assert_round_trip("n2c2-2022", document, tmp_path)
    assert {(loss.kind, loss.id) for loss in losses} == {("gaps", "T1"), ("events", "E1"), ("groups", "*1")}
    assert "T1\tAlcohol 0 12\twine or beer\n" in (tmp_path / "written" / "a.ann").read_text()


def test_leftovers_stand_under_the_formats_own_name(tmp_path: Path) -> None:
    document, _ = one(tmp_path, TEXT, ANN + "#1\tAnnotatorNotes T3\tcheck\n")
    assert document.metadata == {"n2c2-2022": {"lines": ["#1\tAnnotatorNotes T3\tcheck"]}}


@settings(max_examples=100, deadline=None)
@given(documents())
def test_any_document_comes_back_or_its_losses_are_named(document: Document) -> None:
    try:
        assert_round_trip("n2c2-2022", document)
    except FormatError as error:
        # Names with white space and empty values cannot stand in a line, and are refused.
        assert "document 'n'" in str(error)
