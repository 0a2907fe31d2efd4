"""PHEE's nested events on invented sentences."""

import json
from pathlib import Path
from typing import Any

import pytest

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import read, write
from medspan.errors import FormatError

TEXT = "Severe rash perhaps occurred when a woman of 40 took zolamide with tirazole daily for gout."


def part(*mentions: tuple[str, Any], **nested: Any) -> dict[str, Any]:
    """Build one argument: mentions as (id, words), where words may be a list of fragments."""
    fragments = [[words] if isinstance(words, str) else words for _, words in mentions]
    return {
        "text": fragments,
        "start": [[TEXT.index(word) for word in words] for words in fragments],
        "entity_id": [name for name, _ in mentions],
        **nested,
    }


def record() -> dict[str, Any]:
    drugs = part(("T5", "zolamide"), ("T6", "tirazole"))
    event = {
        "event_id": "E1",
        "event_type": "Adverse_event",
        "Trigger": part(("T1", "occurred")),
        "Subject": part(("T2", "a woman of 40"), Age=part(("T3", "40"))),
        "Treatment": part(
            ("T4", ["zolamide", "tirazole daily"]),
            Drug=drugs,
            Freq=part(("T7", "daily")),
            Disorder=part(("T8", "gout")),
            Combination=[
                {"event_id": "E2", "event_type": "Combination", "Trigger": part(("T9", "with")), "Drug": drugs}
            ],
        ),
        "Effect": part(("T10", "rash"), ("T14", "gout")),
        "Speculated": part(("T11", "perhaps"), value=True),
        "Severity": part(("T12", "Severe"), value="High"),
    }
    return {"id": "1_1", "context": TEXT, "is_mult_event": False, "annotations": [{"events": [event]}]}


def file_of(folder: Path, *records: Any) -> Path:
    path = folder / "phee.json"
    path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in records), encoding="utf-8")
    return path


def test_nested_arguments_become_dotted_roles(tmp_path: Path) -> None:
    result = read(file_of(tmp_path, record()))
    (document,) = result.documents
    (event,) = document.events
    assert not result.problems
    assert (document.by_id[event.trigger].label, event.label) == ("Adverse_event", "Adverse_event")
    assert [(a.role, document.mention(document.by_id[a.target])) for a in event.arguments] == [
        ("Subject", "a woman of 40"),
        ("Subject.Age", "40"),
        ("Treatment", "zolamide tirazole daily"),
        ("Treatment.Drug", "zolamide"),
        ("Treatment.Drug", "tirazole"),
        ("Treatment.Freq", "daily"),
        ("Treatment.Disorder", "gout"),
        ("Treatment.Combination.Trigger", "with"),
        ("Treatment.Combination.Drug", "zolamide"),
        ("Treatment.Combination.Drug", "tirazole"),
        ("Effect", "rash"),
        ("Effect", "gout"),
        ("Speculated", "perhaps"),
        ("Severity", "Severe"),
    ]
    assert all(document.by_id[a.target].label == a.role for a in event.arguments)
    assert event.attributes == (Attribute("Speculated", "true"), Attribute("Severity", "High"))
    assert document.by_id["T4"].fragments == (Span(53, 61), Span(67, 81))
    assert document.groups == (
        Group("E2", "Treatment.Combination", ("T9", "T5.Treatment.Combination.Drug", "T6.Treatment.Combination.Drug")),
    )


def test_record_comes_back_as_it_was(tmp_path: Path) -> None:
    documents = read(file_of(tmp_path, record())).documents
    assert write(documents, tmp_path / "out.json.gz", "phee") == []
    assert read(tmp_path / "out.json.gz").documents == documents
    write(documents, tmp_path / "out.json", "phee")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == record()


def test_entity_shared_by_two_events_is_one_entity(tmp_path: Path) -> None:
    both = record()
    second = {
        "event_id": "E3",
        "event_type": "Adverse_event",
        "Trigger": part(("T1", "occurred")),
        "Effect": part(("T10", "rash")),
    }
    both["annotations"][0]["events"].append(second)
    (document,) = read(file_of(tmp_path, both)).documents
    assert [e.trigger for e in document.events] == ["T1", "T1"]
    assert sum(e.label == "Effect" for e in document.entities) == 2


def test_shifted_or_impossible_mentions_are_reported(tmp_path: Path) -> None:
    shifted = record()
    event = shifted["annotations"][0]["events"][0]
    event["Effect"]["start"] = [[8], [500]]
    result = read(file_of(tmp_path, shifted))
    assert [(p.document, p.line, p.action) for p in result.problems] == [("1_1", 1, "kept"), ("1_1", 1, "skipped")]
    assert "rash" not in " ".join(map(str, result.problems))
    assert sum(a.role == "Effect" for a in result.documents[0].events[0].arguments) == 1


@pytest.mark.parametrize(
    "line",
    [
        "{secret",
        '{"id": "1"}',
        '["secret"]',
        '{"id": "1", "context": "x", "annotations": [{"events": [{"event_id": "E1"}]}]}',
        '{"id": "1", "context": 7, "annotations": []}',
        '{"id": "1", "context": "x", "annotations": [{"events": [{"event_id": "E1", "event_type": "A", '
        '"Trigger": {"text": [["x", "y"]], "start": [[0]], "entity_id": ["T1"]}}]}]}',
    ],
)
def test_bad_line_is_skipped_without_its_text(tmp_path: Path, line: str) -> None:
    result = read(file_of(tmp_path, record(), line), "phee")
    assert [d.id for d in result.documents] == ["1_1"]
    assert [(p.line, p.action) for p in result.problems] == [(2, "skipped")]
    assert "secret" not in str(result.problems[0])


def test_file_without_any_record_raises(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="line 1: no document was found"):
        read(file_of(tmp_path, "secret"), "phee")


def test_what_phee_cannot_hold_is_named(tmp_path: Path) -> None:
    document = Document(
        "n",
        "rash and gout",
        entities=(
            Entity("T1", "Adverse_event", (Span(0, 4),)),
            Entity("T2", "Problem", (Span(9, 13),), (Attribute("assertion", "absent"),)),
        ),
        relations=(Relation("R1", "Same", "T1", "T2"),),
        events=(Event("E1", "Adverse_event", "T1", (Argument("Cause", "E2"),)), Event("E2", "Adverse_event", "T1")),
        groups=(Group("G1", "OR", ("T1", "T2")),),
    )
    lost = write([document], tmp_path / "x.json", "phee", lossy=True)
    assert [(loss.kind, loss.id) for loss in lost] == [
        ("entities", "T2"),
        ("relations", "R1"),
        ("events", "E1"),
        ("groups", "G1"),
    ]
