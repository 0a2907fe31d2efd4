"""Label Studio's tasks: regions, choices, relations, annotators, and offsets counted in three ways."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.errors import FormatError

TEXT = "💊 Took aspirin\r\nand warfarin 5 mg."


def code_points(text: str, at: int) -> int:
    return at


def utf_16(text: str, at: int) -> int:
    return len(text[:at].encode("utf-16-le")) // 2


def short_line_ends(text: str, at: int) -> int:
    return len(text[:at].replace("\r\n", "\n"))


def region(
    name: str, words: str, *labels: str, count: Callable[[str, int], int] = code_points, text: str = TEXT
) -> dict[str, Any]:
    start = text.index(words)
    value = {"start": count(text, start), "end": count(text, start + len(words)), "text": words, "labels": [*labels]}
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels", "origin": "manual", "value": value}


def choice(name: str, control: str, *values: str) -> dict[str, Any]:
    value = {"start": 0, "end": 1, "choices": [*values]}
    return {"id": name, "from_name": control, "to_name": "text", "type": "choices", "value": value}


def task(*result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"text": TEXT}, "annotations": [{"result": [*result]}], **more}


def export(folder: Path, *tasks: object) -> ReadResult:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.json").write_text(json.dumps([*tasks]), encoding="utf-8")
    return read(folder / "project.json", "label-studio")


def test_regions_choices_and_relations_find_their_place(tmp_path: Path) -> None:
    result = export(
        tmp_path,
        task(
            region("a1", "aspirin", "Drug"),
            choice("a1", "assertion", "present"),
            region("b2", "5 mg", "Strength"),
            {"from_id": "b2", "to_id": "a1", "type": "relation", "direction": "right", "labels": ["Strength-Drug"]},
            {"from_id": "b2", "to_id": "a1", "type": "relation", "direction": "left", "labels": ["A", "B"]},
            {"from_id": "b2", "to_id": "a1", "type": "relation", "direction": "bi"},
        ),
    )
    (document,) = result.documents
    assert document.id == "7"
    assert document.entities == (
        Entity("a1", "Drug", (Span(7, 14),), (Attribute("assertion", "present"),)),
        Entity("b2", "Strength", (Span(29, 33),)),
    )
    assert document.relations == (
        Relation("R1", "Strength-Drug", "b2", "a1"),
        Relation("R2", "A", "a1", "b2"),
        Relation("R3", "B", "a1", "b2"),
        Relation("R4", "relation", "b2", "a1"),
    )
    assert [p.action for p in result.problems] == ["kept"]
    assert assert_round_trip("label-studio", document) == []


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (code_points, None),
        (utf_16, "UTF-16 code units"),
        (short_line_ends, "code points with line ends as one"),
        (lambda text, at: utf_16(text[:at].replace("\r\n", "\n"), at), "UTF-16 code units with line ends as one"),
    ],
)
def test_offsets_are_read_however_the_release_counted(
    tmp_path: Path, count: Callable[[str, int], int], told: str | None
) -> None:
    regions = [region("a", "aspirin", "Drug", count=count), region("b", "warfarin", "Drug", count=count)]
    result = export(tmp_path, task(*regions))
    (document,) = result.documents
    assert [document.mention(e) for e in document.entities] == ["aspirin", "warfarin"]
    assert [(p.action, told in p.reason if told else None) for p in result.problems] == (
        [("repaired", True)] if told else []
    )
    assert document.text == TEXT


def test_words_of_a_region_may_have_lost_white_space(tmp_path: Path) -> None:
    item = region("a", "aspirin\r\nand", "X")
    for words in ("aspirin and", "aspirin\\nand", "aspirin\nand"):
        item["value"]["text"] = words
        assert not export(tmp_path, task(item)).problems
    item["value"]["text"] = "secret"
    (problem,) = export(tmp_path, task(item)).problems
    assert problem.action == "kept"
    assert "secret" not in str(problem)


def test_each_annotator_gives_a_document_and_they_join_again(tmp_path: Path) -> None:
    annotations = [
        {"id": 11, "completed_by": 3, "result": [region("a", "aspirin", "Drug")]},
        {"id": 12, "completed_by": {"id": 4, "email": "b@c.org"}, "result": [], "lead_time": 2.5},
        {"id": 13, "completed_by": 3, "result": [region("a", "warfarin", "Drug")]},
        {"id": 14, "completed_by": 5, "result": [region("a", "5 mg", "Drug")], "was_cancelled": True},
    ]
    whole = {"data": {"text": TEXT, "document_id": "n1", "ward": "B"}, "annotations": annotations}
    result = export(tmp_path, whole)
    assert [d.id for d in result.documents] == ["n1#annotator-3", "n1#annotator-b@c.org", "n1#annotator-3.3"]
    assert [d.metadata["group"] for d in result.documents] == ["n1"] * 3
    assert [len(d.entities) for d in result.documents] == [1, 0, 1]
    assert [p.action for p in result.problems] == ["skipped"]
    assert write(result.documents, tmp_path / "again.json", "label-studio") == []
    (back,) = json.loads((tmp_path / "again.json").read_text())
    assert [a["id"] for a in back["annotations"]] == [11, 12, 13]
    assert back["annotations"][1]["completed_by"] == {"id": 4, "email": "b@c.org"}
    assert back["data"] == whole["data"]
    assert [d.entities for d in read(tmp_path / "again.json").documents] == [d.entities for d in result.documents]


def test_one_annotator_of_a_group_keeps_the_documents_id() -> None:
    document = Document("n#annotator-3", "x", metadata={"annotator": "3", "group": "n", "ward": "B"})
    assert assert_round_trip("label-studio", document) == []


def test_region_with_two_labels_is_two_mentions(tmp_path: Path) -> None:
    result = export(tmp_path, task(region("a", "aspirin", "Drug", "Allergen"), choice("a", "sure", "yes")))
    (document,) = result.documents
    assert [(e.id, e.label) for e in document.entities] == [("a", "Drug"), ("a_2", "Allergen")]
    assert all(e.attributes == (Attribute("sure", "yes"),) for e in document.entities)
    assert [p.action for p in result.problems] == ["kept"]


def test_predictions_stand_in_where_nobody_has_annotated(tmp_path: Path) -> None:
    predicted = {"model_version": "m1", "score": 0.5, "result": [{**region("a", "aspirin", "Drug"), "score": 0.9}]}
    waiting = task(predictions=[predicted])
    waiting["annotations"] = []
    result = export(tmp_path, waiting, {**task(region("a", "5 mg", "Drug")), "id": 8, "predictions": [predicted]})
    first, second = result.documents
    assert (first.entities[0].score, first.metadata["annotator"]) == (0.9, "m1")
    assert [second.mention(e) for e in second.entities] == ["5 mg"]
    write(result.documents, tmp_path / "again.json", "label-studio")
    back = json.loads((tmp_path / "again.json").read_text())
    assert [[p["model_version"] for p in one["predictions"]] for one in back] == [["m1"], ["m1"]]
    assert "annotations" not in back[0]
    assert read(tmp_path / "again.json").documents == result.documents


def test_what_concerns_the_whole_text_is_written_back(tmp_path: Path) -> None:
    whole = {"id": "z", "from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": ["note"]}}
    rated = {"id": "a", "from_name": "sure", "to_name": "text", "type": "rating", "value": {"rating": 4}}
    noted = {**region("a", "aspirin", "Drug"), "meta": {"text": ["check"]}}
    result = export(tmp_path, task(noted, rated, whole))
    (document,) = result.documents
    assert document.entities[0].attributes == (Attribute("sure", "4"),)
    assert not result.problems
    write([document], tmp_path / "again.json", "label-studio")
    (back,) = json.loads((tmp_path / "again.json").read_text())
    results = back["annotations"][0]["result"]
    assert whole in results
    assert [item["value"]["rating"] for item in results if item["type"] == "rating"] == [4]
    assert results[0]["meta"] == {"text": ["check"]}


def test_rows_of_the_small_export_are_read(tmp_path: Path) -> None:
    row = {"id": 5, "text": "gout", "label": [{"start": 0, "end": 4, "text": "gout", "labels": ["X"]}], "annotator": 1}
    result = export(tmp_path, {**row, "annotation_id": 1}, {**row, "annotation_id": 2}, {"id": 6, "text": "bare"})
    assert [d.id for d in result.documents] == ["5", "5#annotation-2", "6"]
    assert [[d.mention(e) for e in d.entities] for d in result.documents] == [["gout"], ["gout"], []]
    assert not result.problems


def test_written_tasks_can_be_imported(tmp_path: Path) -> None:
    document = Document(
        "a/b",
        TEXT,
        (Entity("T1", "Drug", (Span(7, 14),), (Attribute("x", "1"), Attribute("x", "2")), "C1"),),
        (Relation("R1", "self", "T1", "T1"),),
    )
    assert write([document], tmp_path / "out", "label-studio") == []
    (back,) = json.loads((tmp_path / "out" / "tasks.json").read_text(encoding="utf-8"))
    place = {"start": 7, "end": 14}
    target = {"id": "T1", "to_name": "text"}
    labels = {**place, "text": "aspirin", "labels": ["Drug"]}
    result = [
        {**target, "from_name": "label", "type": "labels", "origin": "manual", "value": labels},
        {**target, "from_name": "code", "type": "textarea", "value": {**place, "text": ["C1"]}},
        {**target, "from_name": "x", "type": "choices", "value": {**place, "choices": ["1", "2"]}},
        {"from_id": "T1", "to_id": "T1", "type": "relation", "direction": "right", "labels": ["self"]},
    ]
    assert back == {"data": {"document_id": "a/b", "text": TEXT}, "annotations": [{"result": result}]}


def test_what_tasks_cannot_hold_is_named() -> None:
    document = Document(
        "n",
        "left or right arm",
        (Entity("T1", "Site", (Span(0, 4), Span(14, 17))), Entity("T2", "Site", (Span(8, 17),))),
        (Relation("R1", "X", "E1", "T2"),),
        (Event("E1", "X", "T1"),),
        (Group("G1", "OR", ("T1", "T2")),),
        metadata={"ward": "B"},
    )
    losses = assert_round_trip("label-studio", document)
    assert {(loss.kind, loss.id) for loss in losses} == {
        ("gaps", "T1"),
        ("relations", "R1"),
        ("events", "E1"),
        ("groups", "G1"),
    }


def test_documents_of_one_task_must_have_one_text(tmp_path: Path) -> None:
    views = [
        Document(f"n#annotator-{n}", text, metadata={"annotator": n, "group": "n"})
        for n, text in (("1", "x"), ("2", "y"))
    ]
    with pytest.raises(FormatError, match="task 'n' have different texts"):
        write(views, tmp_path / "out.json", "label-studio")
    with pytest.raises(FormatError, match="used twice"):
        write([views[0], views[0]], tmp_path / "out.json", "label-studio")


@pytest.mark.parametrize(
    ("item", "action"),
    [
        ({**region("a", "aspirin", "X"), "value": {"start": 9, "end": 9, "labels": ["X"]}}, "skipped"),
        ({**region("a", "aspirin", "X"), "value": {"start": 0, "end": 999, "labels": ["X"]}}, "skipped"),
        ({**region("a", "aspirin", "X"), "value": {"start": "/p[1]", "end": "/p[1]", "labels": ["X"]}}, "skipped"),
        ({**region("a", "aspirin", "X"), "value": {"start": 1.5, "end": True, "labels": ["X"]}}, "skipped"),
        ({"type": "relation", "from_id": "a", "to_id": "zz"}, "skipped"),
        ({"id": "a", "type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": []}}, "kept"),
    ],
)
def test_odd_result_costs_only_itself(tmp_path: Path, item: dict[str, Any], action: str) -> None:
    result = export(tmp_path, task(item, region("b", "warfarin", "Drug")))
    assert [e.id for e in result.documents[0].entities] == ["b"]
    assert [(p.document, p.line, p.action) for p in result.problems] == [("7", 1, action)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"[3, null]",
        b'[{"data": {"secret": 3}}]',
        b'[{"data": {"text": "secret"}, "annotations": [{"result": 3}]}',
        b'[{"data": {"text": "\\ud83d"}}]',
        b"[" * 200_000,
        b'["' + b"secret" * 20_000_000,
        b"\xff\xfe[\0",
    ],
)
def test_damaged_file_ends_in_our_errors_or_problems(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    try:
        said = " ".join(str(problem) for problem in read(tmp_path / "x.json", "label-studio").problems)
    except FormatError as error:
        said = str(error)
        assert "x.json" in said
    assert said
    assert "secret" not in said


@settings(max_examples=150, deadline=None)
@given(documents())
def test_any_document_comes_back_or_its_losses_are_named(document: Document) -> None:
    assert_round_trip("label-studio", document)


@settings(max_examples=60, deadline=None)
@given(documents("g"), st.lists(st.sampled_from(["1", "2", "x@y", "007", " "]), min_size=1, max_size=3, unique=True))
def test_annotators_of_one_task_come_back_in_order(document: Document, annotators: list[str]) -> None:
    plain = Document("g", document.text, tuple(replace(e, fragments=(e.span,)) for e in document.entities))
    views = [
        replace(plain, id=f"g#annotator-{name}", metadata={"annotator": name, "group": "g"}) for name in annotators
    ]
    with TemporaryDirectory() as folder:
        assert write([*views, Document("z", "next")], Path(folder) / "x.json", "label-studio") == []
        back = read(Path(folder) / "x.json", "label-studio").documents
    assert [d.id for d in back] == [*(view.id for view in views), "z"]
    assert all(same(a, b, "label-studio") for a, b in zip(views, back, strict=False))
