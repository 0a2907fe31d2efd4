"""The packaged label schemas."""

from typing import Any

import pytest

from medspan.annotation import Argument, Attribute, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.corpora.label_sets import label_sets
from medspan.corpora.mapping import mapping_names
from medspan.corpora.schemas import schema, schema_names

DRUG_DETAILS = ["Strength", "Form", "Dosage", "Frequency", "Route", "Duration"]


def kinds(found: LabelSchema) -> list[Any]:
    roles = [role for event in found.events for role in event.roles]
    return [*found.entities, *found.attributes, *found.relations, *found.events, *roles]


@pytest.mark.parametrize("name", schema_names())
def test_everything_in_a_schema_has_a_one_sentence_definition_and_a_name_for_running_text(name: str) -> None:
    for kind in kinds(schema(name)):
        definition = kind.definition
        assert definition.endswith(".") and definition.count(". ") == 0, kind.name
        assert definition[0].isupper() and "\n" not in definition, kind.name
        assert kind.verbalization and "_" not in kind.verbalization, kind.name


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_named_as_its_file_and_survives_plain_data(name: str) -> None:
    assert schema(name).name == name
    assert LabelSchema.from_dict(schema(name).to_dict()) == schema(name)


@pytest.mark.parametrize("name", schema_names())
def test_labels_of_one_schema_are_called_by_different_words(name: str) -> None:
    words = [e.verbalization for e in schema(name).entities]
    assert len(set(words)) == len(words)


def test_every_mapped_schema_and_every_label_set_is_packaged() -> None:
    assert {*mapping_names(), *label_sets(), "clinical"} <= set(schema_names())


def test_the_product_schema_holds_the_fifteen_labels_and_the_social_history() -> None:
    clinical, sdoh = schema("clinical"), schema("sdoh")
    assert clinical.labels[:15] == (
        *("Problem", "Test", "Treatment", "Drug", *DRUG_DETAILS),
        *("Anatomy", "Value", "Time", "Age", "Sex"),
    )
    assert set(clinical.labels) == {*clinical.labels[:15], *sdoh.labels}
    assert clinical.events == sdoh.events
    assert {r.name for r in clinical.relations} == {
        *(f"{label}-Drug" for label in [*DRUG_DETAILS, "Reason", "ADE"]),
        *("Value-Test", "Anatomy-Problem"),
    }


def test_details_point_at_their_drug_and_so_do_reasons_and_adverse_effects() -> None:
    relations = {r.name: r for r in schema("clinical").relations}
    for label in DRUG_DETAILS:
        assert relations[f"{label}-Drug"].heads == (label,)
    for label in ("Reason", "ADE"):
        assert relations[f"{label}-Drug"].heads == ("Problem",)
    assert {relations[f"{label}-Drug"].tails for label in [*DRUG_DETAILS, "Reason", "ADE"]} == {("Drug",)}


def test_living_type_and_job_type_are_filled_by_different_labels() -> None:
    roles = {(event.name, role.name): role.labels for event in schema("sdoh").events for role in event.roles}
    assert roles["LivingStatus", "Type"] == ("TypeLiving",)
    assert roles["Employment", "Type"] == ("Type",)
    assert roles["Employment", "Status"] == ("StatusEmploy",)
    assert roles["Tobacco", "Status"] == ("StatusTime",)


def test_a_social_history_passes_its_own_schema_and_the_product_schema() -> None:
    text = "Smokes one pack a day. Lives alone."
    document = Document(
        "n1",
        text,
        entities=(
            Entity("T1", "Tobacco", (Span(0, 6),)),
            Entity("T2", "StatusTime", (Span(0, 6),), (Attribute("StatusTimeVal", "current"),)),
            Entity("T3", "Amount", (Span(7, 15),)),
            Entity("T4", "Frequency", (Span(16, 21),)),
            Entity("T5", "LivingStatus", (Span(23, 28),)),
            Entity("T6", "TypeLiving", (Span(29, 34),), (Attribute("TypeLivingVal", "alone"),)),
        ),
        events=(
            Event(
                "E1", "Tobacco", "T1", (Argument("Status", "T2"), Argument("Amount", "T3"), Argument("Frequency", "T4"))
            ),
            Event("E2", "LivingStatus", "T5", (Argument("Type", "T6"),)),
        ),
    )
    assert schema("sdoh").problems(document) == []
    assert schema("clinical").problems(document) == []


def test_a_pair_that_no_relation_allows_is_reported() -> None:
    document = Document(
        "n1",
        "CRP 40",
        entities=(Entity("T1", "Test", (Span(0, 3),)), Entity("T2", "Value", (Span(4, 6),))),
        relations=(Relation("R1", "Value-Test", "T1", "T2"),),
    )
    assert schema("clinical").problems(document) == ["relation R1: Test -Value-Test-> Value is not legal"]


def test_legal_pairs_are_far_fewer_than_all_pairs() -> None:
    for name in ("maccrobat", "chia"):
        found = schema(name)
        every = len(found.labels) ** 2 * len(found.relations)
        legal = sum(len(r.heads) * len(r.tails) for r in found.relations)
        assert legal < every / 2.9
    for relation in schema("chia").relations:
        if relation.name.startswith("Has_"):
            assert len(relation.tails) == 1
