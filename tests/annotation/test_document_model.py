import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import (
    Argument,
    Attribute,
    ConceptRelation,
    Document,
    Entity,
    Event,
    Group,
    LabelSchema,
    Relation,
    Span,
    document_from_dict,
    document_to_dict,
)
from medspan.errors import AnnotationError

SECRET = "zanzibarine"
TEXT = f"Denies {SECRET} pain, takes aspirin."
PAIN = Entity("T1", "Problem", (Span(7, 18), Span(19, 23)), (Attribute("assertion", "absent", 0.9),), "C1", 0.8)
DRUG = Entity("T2", "Drug", (Span(31, 38),), score=0.7)


def whole() -> Document:
    return Document(
        "n1",
        TEXT,
        (PAIN, DRUG),
        (Relation("R1", "Reason-Drug", "T1", "T2", 0.5),),
        (Event("E1", "Use", "T2", (Argument("Why", "T1", 0.4),), (Attribute("Negated"),), 0.3),),
        (Group("G1", "OR", ("T1", "T2")),),
        (ConceptRelation("CID", "C1", "C2", ("x",)),),
        {"section": "PLAN"},
    )


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 2), (-1, 2)])
def test_an_empty_reversed_or_negative_span_is_refused(start: int, end: int) -> None:
    with pytest.raises(AnnotationError):
        Span(start, end)


@pytest.mark.parametrize("fragments", [(), (Span(5, 9), Span(2, 4)), (Span(0, 5), Span(4, 8))])
def test_fragments_that_are_missing_disordered_or_overlapping_are_refused(fragments: tuple[Span, ...]) -> None:
    with pytest.raises(AnnotationError, match="T1"):
        Entity("T1", "Problem", fragments)


@pytest.mark.parametrize(
    "parts",
    [
        {"entities": (PAIN, PAIN)},
        {"entities": (Entity("T9", "Drug", (Span(30, 99),)),)},
        {"entities": (PAIN,), "relations": (Relation("R1", "Reason-Drug", "T1", "T7"),)},
        {"entities": (PAIN,), "relations": (Relation("T1", "Reason-Drug", "T1", "T1"),)},
        {"entities": (PAIN,), "events": (Event("E1", "Use", "T7"),)},
        {"entities": (PAIN,), "events": (Event("E1", "Use", "T1", (Argument("Why", "T7"),)),)},
        {"entities": (PAIN,), "groups": (Group("G1", "OR", ("T1", "T7")),)},
    ],
)
def test_a_document_refuses_repeated_and_dangling_ids_and_spans_past_the_end(parts: dict[str, object]) -> None:
    with pytest.raises(AnnotationError, match="n1") as caught:
        Document("n1", TEXT, **parts)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_a_lone_surrogate_is_refused_without_quoting_the_text() -> None:
    with pytest.raises(AnnotationError, match="lone surrogate at character") as caught:
        Document("n1", f"{SECRET} \ud800")
    assert SECRET not in str(caught.value)


def test_the_repr_hides_the_text_and_the_mention_gives_it() -> None:
    assert SECRET not in repr(whole())
    assert whole().mention(PAIN) == f"{SECRET} pain"
    assert whole().bare() == Document("n1", TEXT, metadata={"section": "PLAN"})


def test_scores_do_not_count_in_equality_but_survive_the_round_trip() -> None:
    back = document_from_dict(json.loads(json.dumps(document_to_dict(whole()))))
    assert back == whole()
    assert back.entities[0].score == 0.8
    assert back.entities[0].code == "C1"
    assert back.events[0].arguments[0].score == 0.4
    assert Entity("T1", "Drug", (Span(0, 1),), score=0.1) == Entity("T1", "Drug", (Span(0, 1),), score=0.9)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.data())
def test_any_document_survives_the_round_trip_through_json(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    document = Document("d", text, (Entity("T1", "X", (Span(start, end),)),))
    assert document_from_dict(json.loads(json.dumps(document_to_dict(document)))) == document


@pytest.mark.parametrize(
    "data",
    [
        {"id": "n1"},
        {"id": "n1", "text": 5},
        {"id": "n1", "text": TEXT, "entities": [{"id": "T1", "label": "X"}]},
        {"id": "n1", "text": TEXT, "entities": [{"id": "T1", "label": "X", "fragments": [[1]]}]},
        {"id": "n1", "text": TEXT, "entities": [{"id": "T1", "label": "X", "fragments": [["a", "b"]]}]},
        {"id": "n1", "text": TEXT, "entities": 3},
        {"id": "n1", "text": TEXT, "metadata": {"format_version": 99}},
    ],
)
def test_bad_records_are_refused_by_id_without_quoting_the_text(data: dict[str, object]) -> None:
    with pytest.raises(AnnotationError, match="n1") as caught:
        document_from_dict(data)
    assert SECRET not in str(caught.value)


SCHEMA = {
    "name": "tiny",
    "entities": [{"name": n, "definition": n} for n in ("Problem", "Drug", "Use_site")],
    "attributes": [{"name": "assertion", "definition": "A.", "values": ["absent"], "labels": ["Problem"]}],
    "relations": [{"name": "Reason-Drug", "definition": "R.", "heads": ["Problem"], "tails": ["Drug"]}],
    "events": [
        {
            "name": "Use_site",
            "definition": "E.",
            "roles": [{"name": "Why", "definition": "W.", "labels": ["Problem"], "is_required": True}],
        }
    ],
}


def test_a_schema_survives_the_round_trip_and_fills_what_is_left_out() -> None:
    schema = LabelSchema.from_dict(SCHEMA)
    assert LabelSchema.from_dict(schema.to_dict()) == schema
    assert schema.entities[2].verbalization == "use site"
    assert schema.events[0].trigger == "Use_site"
    assert schema.events[0].roles[0].is_required
    assert schema.without_events().labels == ("Problem", "Drug")


@pytest.mark.parametrize(
    "change",
    [
        {"nonsense": 1},
        {"entities": [*SCHEMA["entities"], SCHEMA["entities"][0]]},  # type: ignore[index, misc]
        {"relations": [{"name": "R", "definition": "R.", "heads": ["Nobody"], "tails": ["Drug"]}]},
        {"entities": [{"name": "Problem"}]},
    ],
)
def test_a_schema_that_does_not_hold_together_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(AnnotationError):
        LabelSchema.from_dict({**SCHEMA, **change})


def test_a_schema_lists_what_a_document_may_not_hold() -> None:
    schema = LabelSchema.from_dict(SCHEMA)
    legal = Document("n", TEXT, (PAIN, DRUG), (Relation("R1", "Reason-Drug", "T1", "T2"),))
    assert schema.problems(legal) == []
    turned = Document("n", TEXT, (PAIN, DRUG), (Relation("R1", "Reason-Drug", "T2", "T1"),))
    assert [p for p in schema.problems(turned) if "R1" in p]
    foreign = Document("n", TEXT, (Entity("T1", "Planet", (Span(0, 3),)),))
    assert "Planet" in schema.problems(foreign)[0]
