"""Views of documents: unwrapped events, restricted labels, the tuning part."""

import pytest

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, LabelSchema, Relation, Span
from medspan.corpora import restrict, tune_split, unwrap_events
from medspan.errors import ConfigError

SCHEMA = LabelSchema.from_dict(
    {
        "name": "small",
        "entities": [
            {"name": "Drug", "definition": "A drug."},
            {"name": "Dose", "definition": "A dose."},
            {"name": "Use", "definition": "Use of something."},
        ],
        "attributes": [
            {"name": "assertion", "definition": "Whether.", "values": ["present", "absent"], "labels": ["Drug"]}
        ],
        "relations": [
            {"name": "Dose-Drug", "definition": "Its dose.", "heads": ["Dose"], "tails": ["Drug"]},
            {"name": "With", "definition": "Taken with.", "heads": ["Drug"], "tails": ["Use"], "is_symmetric": True},
        ],
        "events": [
            {"name": "Use", "definition": "Use.", "roles": [{"name": "What", "definition": "x", "labels": ["Drug"]}]}
        ],
    }
)


def entity(name: str, label: str, *attributes: Attribute) -> Entity:
    return Entity(name, label, (Span(0, 3),), attributes)


def test_unwrapping_joins_relations_groups_arguments_and_attributes_to_the_trigger() -> None:
    wrapped = Document(
        "n",
        "abc",
        entities=(entity("T1", "Drug", Attribute("x")), entity("T2", "Dose"), entity("T3", "Use")),
        relations=(Relation("R1", "MODIFY", "T2", "E1"), Relation("R2", "BEFORE", "E1", "E3")),
        events=(
            Event("E1", "Drug", "T1", (), (Attribute("POLARITY", "NEG"),)),
            Event("E2", "Drug", "T1"),
            Event("E3", "Use", "T3", (Argument("What", "E1"), Argument("How", "T2"))),
        ),
        groups=(Group("*1", "OVERLAP", ("E1", "E3", "R1")),),
    )
    found = unwrap_events(wrapped)
    assert found.entities[0].attributes == (Attribute("x"), Attribute("POLARITY", "NEG"))
    assert [(r.head, r.tail) for r in found.relations] == [("T2", "T1"), ("T1", "E3")]
    assert found.events == (Event("E3", "Use", "T3", (Argument("What", "T1"), Argument("How", "T2"))),)
    assert found.groups[0].members == ("T1", "E3", "R1")
    assert unwrap_events(found) is found


def test_restricting_keeps_what_the_schema_allows_and_counts_the_rest() -> None:
    document = Document(
        "n",
        "abc",
        entities=(
            entity("T1", "Drug", Attribute("assertion", "absent"), Attribute("assertion", "maybe"), Attribute("x")),
            entity("T2", "Dose", Attribute("assertion", "absent")),
            entity("T3", "Use"),
            entity("T4", "Line"),
        ),
        relations=(
            Relation("R1", "Dose-Drug", "T2", "T1"),
            Relation("R2", "Dose-Drug", "T1", "T2"),
            Relation("R3", "With", "T3", "T1"),
            Relation("R4", "With", "T1", "T4"),
            Relation("R5", "AND", "T1", "T2"),
        ),
        events=(
            Event("E1", "Use", "T3", (Argument("What", "T1"), Argument("What", "T2"), Argument("Who", "T1"))),
            Event("E2", "Use", "T4"),
            Event("E3", "Line", "T3"),
        ),
        groups=(Group("*1", "OR", ("T1", "T2", "T4")), Group("*2", "OR", ("T1", "T4"))),
    )
    found, left = restrict(document, SCHEMA)
    assert [e.id for e in found.entities] == ["T1", "T2", "T3"]
    assert found.entities[0].attributes == (Attribute("assertion", "absent"),)
    assert [r.id for r in found.relations] == ["R1", "R3"]
    assert found.events == (Event("E1", "Use", "T3", (Argument("What", "T1"),)),)
    assert found.groups == (Group("*1", "OR", ("T1", "T2")),)
    assert left == {"entities": 1, "attributes": 3, "relations": 3, "events": 2, "arguments": 2, "groups": 1}
    assert SCHEMA.problems(found) == []
    assert restrict(found, SCHEMA) == (found, {})


def test_tuning_part_depends_on_each_document_alone() -> None:
    documents = [Document(f"note-{n}", "x") for n in range(1000)]
    train, tune = tune_split(documents)
    assert sorted(d.id for d in train + tune) == sorted(d.id for d in documents)
    assert 70 <= len(tune) <= 130
    again = tune_split(list(reversed(documents))[:500])
    assert {d.id for d in again[1]} == {d.id for d in tune} & {d.id for d in documents[500:]}
    assert {d.id for d in tune_split(documents, salt="other")[1]} != {d.id for d in tune}
    assert len(tune_split(documents, fraction=0.5)[1]) > 400


def test_notes_of_one_patient_or_group_stay_together() -> None:
    for key in ("patient", "group"):
        documents = [Document(f"{n}", "x", metadata={key: str(n // 5)}) for n in range(500)]
        train, tune = tune_split(documents)
        assert tune
        assert not {d.metadata[key] for d in train} & {d.metadata[key] for d in tune}


def test_few_documents_still_give_a_tuning_part_but_one_is_never_split() -> None:
    train, tune = tune_split([Document("a", "x"), Document("b", "x")], fraction=0.0001)
    assert (len(train), len(tune)) == (1, 1)
    assert tune_split([Document("a", "x")]) == ([Document("a", "x")], [])
    assert tune_split([]) == ([], [])


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 7])
def test_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        tune_split([], fraction=fraction)
