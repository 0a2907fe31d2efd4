"""RadGraph files: words with inclusive ends, several labelers, and what stands in the way of exact reading."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip
from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats import ReadResult, read, write
from medspan.errors import FormatError

TEXT = "The heart is mildly enlarged . No effusion ."


def entity(tokens: str, label: str, first: int, last: int, *relations: list[str]) -> dict[str, Any]:
    return {"tokens": tokens, "label": label, "start_ix": first, "end_ix": last, "relations": [*relations]}


ENTITIES = {
    "1": entity("heart", "ANAT-DP", 1, 1),
    "2": entity("mildly", "OBS-DP", 3, 3, ["modify", "3"]),
    "3": entity("enlarged", "OBS-DP", 4, 4, ["located_at", "1"]),
    "4": entity("effusion .", "OBS-DA", 7, 8),
}


def put(path: Path, records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def one(folder: Path, text: str = TEXT, **entities: dict[str, Any]) -> tuple[Document, ReadResult]:
    result = read(put(folder / "graphs.json", {"p10/s1.txt": {"text": text, "entities": entities}}), "radgraph")
    return result.documents[0], result


def test_report_gives_entities_by_words_and_relations_from_their_source(tmp_path: Path) -> None:
    record = {"text": TEXT, "entities": ENTITIES, "data_source": "MIMIC-CXR", "data_split": "train"}
    result = read(put(tmp_path / "train.json", {"p10/s1.txt": record}))
    (document,) = result.documents
    assert document.id == "p10/s1.txt"
    assert {e.id: (e.label, document.mention(e)) for e in document.entities} == {
        "1": ("ANAT-DP", "heart"),
        "2": ("OBS-DP", "mildly"),
        "3": ("OBS-DP", "enlarged"),
        "4": ("OBS-DA", "effusion ."),
    }
    assert document.relations == (Relation("R1", "modify", "2", "3"), Relation("R2", "located_at", "3", "1"))
    assert document.metadata == {"radgraph": {"data_source": "MIMIC-CXR", "data_split": "train"}}
    assert not result.problems


def test_two_labelers_of_one_report_are_two_documents_and_one_record_again(tmp_path: Path) -> None:
    records = {
        "p10/s1.txt": {
            "text": TEXT,
            "labeler_1": {"entities": ENTITIES},
            "labeler_2": {"entities": {"1": ENTITIES["1"]}},
            "data_source": "CheXpert",
            "data_split": "test",
        }
    }
    result = read(put(tmp_path / "test.json", records))
    first, second = result.documents
    assert [d.id for d in result.documents] == ["p10/s1.txt#labeler_1", "p10/s1.txt#labeler_2"]
    assert first.metadata["labeler"] == "labeler_1"
    assert first.metadata["group"] == second.metadata["group"] == "p10/s1.txt"
    assert (len(first.entities), len(second.entities)) == (4, 1)
    assert write(result.documents, tmp_path / "again.json", "radgraph") == []
    assert json.loads((tmp_path / "again.json").read_text()) == records


def test_folder_of_splits_is_read_and_written_as_a_folder_of_splits(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        put(tmp_path / "in" / f"{split}.json", {f"{split}.txt": {"text": TEXT, "entities": ENTITIES}})
    result = read(tmp_path / "in")
    assert {d.id: d.metadata["radgraph"]["data_split"] for d in result.documents} == {
        "train.txt": "train",
        "dev.txt": "dev",
        "test.txt": "test",
    }
    write(result.documents, tmp_path / "out", "radgraph")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["dev.json", "test.json", "train.json"]
    assert read(tmp_path / "out").documents == result.documents


def test_words_end_inclusive_and_may_repeat_white_space(tmp_path: Path) -> None:
    document, result = one(tmp_path, "no  acute\nprocess", **{"1": entity("acute process", "OBS-DA", 1, 2)})
    assert document.entities[0].fragments == (Span(4, 17),)
    assert document.text == "no  acute\nprocess"
    assert not result.problems


def test_words_that_hold_a_non_breaking_space_are_counted_as_their_tokens_say(tmp_path: Path) -> None:
    text = "size 4\xa0cm , stable"
    by_space, result = one(
        tmp_path / "a", text, **{"1": entity("4\xa0cm", "OBS-DP", 1, 1), "2": entity("stable", "OBS-DP", 3, 3)}
    )
    assert [by_space.mention(e) for e in by_space.entities] == ["4\xa0cm", "stable"]
    assert by_space.metadata["radgraph"]["words"] == "spaces"
    assert [p.action for p in result.problems] == ["kept"]
    by_any, result = one(
        tmp_path / "b", text, **{"1": entity("4", "OBS-DP", 1, 1), "2": entity("stable", "OBS-DP", 4, 4)}
    )
    assert [by_any.mention(e) for e in by_any.entities] == ["4", "stable"]
    assert "radgraph" not in by_any.metadata
    assert not result.problems
    for document in (by_space, by_any):
        assert assert_round_trip("radgraph", document) == []


def test_relation_to_a_missing_id_is_skipped_with_its_source(tmp_path: Path) -> None:
    document, result = one(tmp_path, **{"1": entity("heart", "ANAT-DP", 1, 1, ["modify", "9"], ["modify", "1"])})
    assert document.relations == (Relation("R1", "modify", "1", "1"),)
    assert [(p.action, p.line) for p in result.problems] == [("skipped", 1)]
    assert "entity 1 refers to 9" in result.problems[0].reason


def test_tokens_that_differ_from_the_words_are_kept_in_doubt(tmp_path: Path) -> None:
    document, result = one(tmp_path, **{"1": entity("secret", "ANAT-DP", 1, 1)})
    assert document.mention(document.entities[0]) == "heart"
    assert [p.action for p in result.problems] == ["kept"]
    assert "secret" not in str(result.problems[0])


@pytest.mark.parametrize(
    "value",
    [
        entity("x", "OBS-DP", 3, 2),
        entity("x", "OBS-DP", -1, 0),
        entity("x", "OBS-DP", 0, 9),
        entity("x", "OBS-DP", 10**30, 10**30),
        {"label": "OBS-DP", "start_ix": "0", "end_ix": 1.5},
        {"start_ix": 0, "end_ix": 0},
        {"label": None, "start_ix": 0, "end_ix": 0},
        "heart",
        None,
    ],
)
def test_entity_that_is_no_range_of_words_costs_only_itself(tmp_path: Path, value: Any) -> None:
    document, result = one(tmp_path, **{"1": value, "2": ENTITIES["1"]})
    assert [e.id for e in document.entities] == ["2"]
    assert [p.action for p in result.problems] == ["skipped"]


def test_further_keys_of_records_and_entities_are_written_back(tmp_path: Path) -> None:
    record = {"text": TEXT, "entities": {"1": {**ENTITIES["1"], "sure": True}}, "reader": "R"}
    result = read(put(tmp_path / "in.json", {"a": record}), "radgraph")
    write(result.documents, tmp_path / "out.json", "radgraph")
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": record}


def test_what_words_cannot_hold_is_named(tmp_path: Path) -> None:
    document = Document(
        "n",
        TEXT,
        (
            Entity("1", "ANAT-DP", (Span(4, 7),)),
            Entity("2", "OBS-DP", (Span(13, 19), Span(31, 33)), (Attribute("sure"),), "C1"),
            Entity("3", "OBS-DP", (Span(3, 4),)),
        ),
        (Relation("R1", "modify", "3", "2"), Relation("R2", "modify", "2", "1")),
    )
    losses = assert_round_trip("radgraph", document, tmp_path)
    assert {(loss.kind, loss.id) for loss in losses} == {
        ("entities", "1"),
        ("attributes", "2"),
        ("codes", "2"),
        ("gaps", "2"),
        ("entities", "3"),
        ("relations", "R1"),
        ("order", None),
    }


def test_documents_of_one_report_must_agree(tmp_path: Path) -> None:
    views = [
        Document(f"a#labeler_{n}", text, metadata={"labeler": f"labeler_{n}", "group": "a"})
        for n, text in ((1, "x"), (2, "y"))
    ]
    with pytest.raises(FormatError, match="report 'a' disagree"):
        write(views, tmp_path / "out.json", "radgraph")
    with pytest.raises(FormatError, match="used twice"):
        write([views[0], views[0]], tmp_path / "out.json", "radgraph")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]x",
        b"[{}]",
        b'{"a": {"text": 3}}',
        b'{"a": {"text": "\\ud800"}}',
        b'{"a": {"text": "x", "entities": {',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        "{'a': 1}".encode("utf-16"),
        b'{"secret": {"text": "x"} "b"',
    ],
)
def test_file_that_holds_no_report_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    try:
        result = read(tmp_path / "x.json", "radgraph")
    except FormatError as error:
        assert "x.json" in str(error)
        assert "secret" not in str(error)
    else:
        assert result.problems or not result.documents


def test_reports_before_a_truncated_one_are_read(tmp_path: Path) -> None:
    whole = json.dumps({"a": {"text": "x", "entities": {}}, "b": {"text": "y", "entities": {}}}, indent=1)
    (tmp_path / "x.json").write_text(whole[:-12])
    result = read(tmp_path / "x.json", "radgraph")
    assert [d.id for d in result.documents] == ["a"]
    assert [(p.action, p.line) for p in result.problems] == [("skipped", 6)]


@settings(max_examples=100, deadline=None)
@given(documents())
def test_any_document_comes_back_or_its_losses_are_named(document: Document) -> None:
    assert_round_trip("radgraph", document)


@settings(max_examples=30, deadline=None)
@given(documents("a"))
def test_labelers_documents_come_back_under_their_ids(document: Document) -> None:
    view = Document("a#labeler_1", document.text, metadata={"labeler": "labeler_1", "group": "a"})
    assert assert_round_trip("radgraph", view) == []
