"""Records of the wrong shape, and the parts of schemas that the model's own tests leave out."""

import json
import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import (
    Argument,
    Attribute,
    Document,
    Entity,
    Event,
    LabelSchema,
    Quarantine,
    Relation,
    Span,
    document_from_dict,
    document_to_dict,
)
from medspan.errors import AnnotationError, MissingExtraError

SECRET = "quillonberry"


def entity_record(**changes: object) -> dict[str, object]:
    entity = {"id": "T1", "label": "Problem", "fragments": [[0, 4]], **changes}
    return {"id": "n1", "text": SECRET, "entities": [entity]}


@pytest.mark.parametrize("record", [SECRET, [SECRET], None, 3])
def test_a_record_that_is_no_object_is_refused_without_quoting_it(record: object) -> None:
    with pytest.raises(AnnotationError, match="object") as caught:
        document_from_dict(record)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("identity", [[SECRET], {"text": SECRET}, 7, None])
def test_an_id_that_is_no_string_is_refused_without_quoting_it(identity: object) -> None:
    with pytest.raises(AnnotationError, match="must be strings") as caught:
        document_from_dict({"id": identity, "text": SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("metadata", [SECRET, 3, [SECRET]])
def test_metadata_that_is_no_object_is_refused_by_name(metadata: object) -> None:
    with pytest.raises(AnnotationError, match=r"n1.*metadata") as caught:
        document_from_dict({"id": "n1", "text": SECRET, "metadata": metadata})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("start", [math.inf, math.nan, SECRET])
def test_an_offset_that_is_no_number_is_refused_without_quoting_it(start: object) -> None:
    with pytest.raises(AnnotationError, match=r"n1.*pair of numbers") as caught:
        document_from_dict(entity_record(fragments=[[start, 4]]))
    assert SECRET not in str(caught.value)


def test_a_missing_version_is_read_as_this_one_and_another_is_refused() -> None:
    written = document_to_dict(Document("n1", "calm"))
    assert written["metadata"] == {"format_version": 1}
    assert document_from_dict({"id": "n1", "text": "calm"}) == Document("n1", "calm")
    with pytest.raises(AnnotationError, match="version 2 is not 1"):
        document_from_dict({"id": "n1", "body": "calm", "metadata": {"format_version": 2}})


def test_rare_lists_scores_and_codes_are_written_only_where_present() -> None:
    plain = document_to_dict(Document("n1", "calm", (Entity("T1", "Problem", (Span(0, 4),)),)))
    assert set(plain) == {"id", "text", "entities", "relations", "events", "metadata"}
    assert set(plain["entities"][0]) == {"id", "label", "fragments", "attributes"}


SCORES = st.none() | st.floats(0, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5), SCORES), min_size=2, max_size=6), SCORES)
def test_linked_annotations_and_all_their_scores_survive_json(
    drawn: list[tuple[int, int, float | None]], score: float | None
) -> None:
    entities = tuple(
        Entity(f"T{i}", "X", (Span(a, a + b), Span(a + b + 1, a + b + 2)), (Attribute("k", "v", s),), f"C{i}", s)
        for i, (a, b, s) in enumerate(drawn)
    )
    document = Document(
        "n1",
        "é\r\n😀 calm sea",
        entities,
        (Relation("R1", "With", "T0", "E1", score),),
        (Event("E1", "Use", "T0", (Argument("Why", "T1", score),), (), score),),
    )
    back = document_from_dict(json.loads(json.dumps(document_to_dict(document))))
    assert back == document
    # Equality leaves scores out; the plain data holds them.
    assert document_to_dict(back) == document_to_dict(document)


def schema(is_symmetric: bool = False) -> LabelSchema:
    return LabelSchema.from_dict(
        {
            "name": "tiny",
            "entities": [{"name": name, "definition": name} for name in ("Problem", "Drug", "Use", "Dose")],
            "attributes": [
                {"name": "sure", "definition": "S.", "values": ["true"], "labels": ["Problem", "Use"]},
                {"name": "unit", "definition": "U.", "values": ["mg"], "labels": ["Dose"]},
            ],
            "relations": [
                {
                    "name": "With",
                    "definition": "W.",
                    "heads": ["Problem"],
                    "tails": ["Drug"],
                    "is_symmetric": is_symmetric,
                }
            ],
            "events": [
                {
                    "name": "Use",
                    "definition": "U.",
                    "roles": [
                        {"name": "What", "definition": "W.", "labels": ["Drug"], "is_required": True},
                        {"name": "HowMuch", "definition": "H.", "labels": ["Dose"]},
                    ],
                }
            ],
        }
    )


def test_without_events_keeps_labels_that_relations_use_and_narrows_attributes() -> None:
    left = schema().without_events()
    assert left.labels == ("Problem", "Drug")
    assert [(a.name, a.labels) for a in left.attributes] == [("sure", ("Problem",))]
    assert left.relations == schema().relations
    assert left.events == ()


def test_a_role_is_not_required_unless_said() -> None:
    assert [role.is_required for role in schema().events[0].roles] == [True, False]


@pytest.mark.parametrize(("is_symmetric", "count"), [(True, 0), (False, 1)])
def test_only_a_symmetric_relation_may_be_turned_round(is_symmetric: bool, count: int) -> None:
    entities = (Entity("T1", "Problem", (Span(0, 1),)), Entity("T2", "Drug", (Span(2, 3),)))
    turned = Document("n1", "a b", entities, (Relation("R1", "With", "T2", "T1"),))
    assert len(schema(is_symmetric).problems(turned)) == count


def test_problems_name_illegal_attributes_roles_and_events_without_text() -> None:
    entities = (
        Entity("T1", "Use", (Span(0, 4),), (Attribute("unit", "mg"),)),
        Entity("T2", "Problem", (Span(5, 7),), (Attribute("sure", "maybe"),)),
    )
    events = (
        Event("E1", "Use", "T1", (Argument("What", "T2"), Argument("Nowhere", "T2"))),
        Event("E2", "Stop", "T1"),
    )
    found = schema().problems(Document("n1", SECRET, entities, events=events))
    assert [line.split(":")[0] for line in found] == ["entity T1", "entity T2", "event E1", "event E1", "event E2"]
    assert not any(SECRET in line for line in found)


def test_a_schema_names_the_unknown_key_of_an_item() -> None:
    with pytest.raises(AnnotationError, match=r"tiny.*EntityType 'Problem'.*colour"):
        LabelSchema.from_dict({"name": "tiny", "entities": [{"name": "Problem", "definition": "P.", "colour": 1}]})


def test_a_quarantined_note_carries_its_id_and_reason_only() -> None:
    assert [field.name for field in fields(Quarantine)] == ["id", "reason"]


def test_a_missing_extra_says_how_to_install_it() -> None:
    assert "pip install 'medspan[parquet]'" in str(MissingExtraError("pyarrow", "parquet"))


@pytest.mark.parametrize("fragment", [[0.7, 1.9], [0, True], ["0", "1"]])
def test_offsets_that_are_no_whole_numbers_are_refused_and_not_rounded(fragment: list[object]) -> None:
    record = {"id": "n1", "text": "Cough.", "entities": [{"id": "T1", "label": "X", "fragments": [fragment]}]}
    with pytest.raises(AnnotationError, match="n1"):
        document_from_dict(record)
