"""Label sets of shared tasks, derived from documents in the product's schema."""

import pytest

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora.label_sets import view
from medspan.corpora.schemas import schema
from medspan.errors import UnknownNameError

TEXT = "xylomab 5 mg for gout gave rash; cough; CT; cast; uses cocaine weekly"


def place(words: str) -> tuple[Span, ...]:
    return (Span(TEXT.index(words), TEXT.index(words) + len(words)),)


DOCUMENT = Document(
    "n1",
    TEXT,
    entities=(
        Entity("T1", "Drug", place("xylomab")),
        Entity("T2", "Strength", place("5 mg")),
        Entity("T3", "Problem", place("gout"), (Attribute("assertion", "present"),)),
        Entity("T4", "Problem", place("rash"), (Attribute("assertion", "present"),)),
        Entity("T5", "Problem", place("cough"), (Attribute("assertion", "absent"),)),
        Entity("T6", "Test", place("CT")),
        Entity("T7", "Treatment", place("cast")),
        Entity("T8", "Drug", place("cocaine")),
        Entity("T9", "Frequency", place("weekly")),
    ),
    relations=(
        Relation("R1", "Strength-Drug", "T2", "T1"),
        Relation("R2", "Reason-Drug", "T3", "T1"),
        Relation("R3", "ADE-Drug", "T4", "T1"),
        Relation("R4", "Reason-Drug", "T4", "T1"),
    ),
    events=(Event("E1", "Drug", "T8", (Argument("Frequency", "T9"),)),),
    metadata={"section": "plan"},
)


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(e.label, document.mention(e)) for e in document.entities]


def test_drugs_and_treatments_are_treatments_in_2010() -> None:
    seen = view(DOCUMENT, "i2b2-2010")
    assert mentions(seen) == [
        *(("treatment", "xylomab"), ("problem", "gout"), ("problem", "rash"), ("problem", "cough")),
        *(("test", "CT"), ("treatment", "cast")),
    ]
    assert seen.entities[3].attribute("assertion") == "absent"
    assert [(r.label, r.head, r.tail) for r in seen.relations] == [
        *(("TrAP", "T1", "T3"), ("TrCP", "T1", "T4"), ("TrAP", "T1", "T4")),
    ]


def test_a_problem_is_what_its_relations_make_it_in_2018() -> None:
    seen = view(DOCUMENT, "n2c2-2018")
    assert mentions(seen) == [
        *(("Drug", "xylomab"), ("Strength", "5 mg"), ("Reason", "gout"), ("ADE", "rash"), ("Reason", "rash")),
    ]
    labels = {e.id: e.label for e in seen.entities}
    assert [(r.label, labels[r.head], labels[r.tail]) for r in seen.relations] == [
        *(("Strength-Drug", "Strength", "Drug"), ("Reason-Drug", "Reason", "Drug")),
        *(("ADE-Drug", "ADE", "Drug"), ("Reason-Drug", "Reason", "Drug")),
    ]


@pytest.mark.parametrize("name", ["i2b2-2010", "n2c2-2018"])
def test_a_view_is_legal_in_the_schema_of_its_name_and_keeps_text_and_metadata(name: str) -> None:
    seen = view(DOCUMENT, name)
    assert schema(name).problems(seen) == []
    assert (seen.id, seen.text, seen.metadata, seen.events) == ("n1", TEXT, {"section": "plan"}, ())


def test_an_unknown_label_set_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'n2c2-2018'"):
        view(DOCUMENT, "n2c2-2019")
