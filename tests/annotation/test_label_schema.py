"""Label schemas: open attributes, attributes that share a name, and malformed plain data."""

import re
from typing import Any

import pytest

from medspan.annotation import Attribute, Document, Entity, LabelSchema, Span
from medspan.errors import AnnotationError


def timed() -> dict[str, Any]:
    """Plain data of a schema in which two labels carry a `type` each, and one a `val` that may be anything."""
    return {
        "name": "timed",
        "entities": [{"name": "EVENT", "definition": "E."}, {"name": "TIMEX3", "definition": "T."}],
        "attributes": [
            {"name": "type", "definition": "A.", "values": ["TEST", "PROBLEM"], "labels": ["EVENT"]},
            {"name": "type", "definition": "B.", "values": ["DATE"], "labels": ["TIMEX3"]},
            {"name": "val", "definition": "C.", "values": [], "labels": ["TIMEX3"]},
        ],
    }


def note(label: str, *attributes: Attribute) -> Document:
    return Document("n1", "March 3", (Entity("T1", label, (Span(0, 7),), attributes),))


def test_an_attribute_without_listed_values_takes_any_value() -> None:
    schema = LabelSchema.from_dict(timed())
    assert schema.problems(note("TIMEX3", Attribute("val", "1998-03-03"), Attribute("type", "DATE"))) == []
    assert schema.problems(note("EVENT", Attribute("val", "1998-03-03"))) == [
        "entity T1: val=1998-03-03 is not legal here"
    ]


def test_attributes_that_share_a_name_are_told_apart_by_the_label() -> None:
    schema = LabelSchema.from_dict(timed())
    assert schema.problems(note("EVENT", Attribute("type", "TEST"))) == []
    assert schema.problems(note("TIMEX3", Attribute("type", "TEST"))) == ["entity T1: type=TEST is not legal here"]
    assert LabelSchema.from_dict(schema.to_dict()) == schema


def test_a_label_carries_one_attribute_of_a_name_only() -> None:
    data = timed()
    data["attributes"][1]["labels"] = ["TIMEX3", "EVENT"]
    with pytest.raises(AnnotationError, match="declared twice for a label"):
        LabelSchema.from_dict(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"name": "x", "entities": None}, "schema 'x': entities must be a list"),
        ({"name": "x", "entities": "Drug"}, "schema 'x': entities must be a list"),
        ({"name": "x", "entities": ["Drug"]}, "schema 'x': entities must be a list"),
        ({"name": "x", "entities": {"name": "Drug"}}, "schema 'x': entities must be a list"),
        ({"name": "x", "entities": [{"definition": "D."}]}, "missing 1 required positional argument: 'name'"),
        ({"name": "x", "entities": [{"name": "A", "definition": "D.", "colour": "red"}]}, "colour"),
        ({"name": "x", "events": [{"name": "A", "definition": "D.", "roles": None}]}, "roles must be a list"),
        ({"name": "x", "relations": [{"name": "A", "definition": "D.", "heads": None, "tails": []}]}, "heads"),
        ({"name": "x", "attributes": [{"name": "A", "definition": "D.", "values": "x", "labels": []}]}, "values"),
        ({"name": "x", "entities": [{"name": None, "definition": "D."}]}, "name must be text"),
        ({"name": "x", "entities": [{"name": "A", "definition": None}]}, "definition must be text"),
        ({"entities": []}, "missing name"),
    ],
)
def test_malformed_plain_data_is_refused_with_the_place(data: dict[str, Any], expected: str) -> None:
    with pytest.raises(AnnotationError, match=re.escape(expected)):
        LabelSchema.from_dict(data)
