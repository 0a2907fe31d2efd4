import pytest

from medspan.annotation import (
    Argument,
    Attribute,
    ConceptRelation,
    Document,
    Entity,
    Event,
    Group,
    Relation,
    Span,
)

RASH = "Given amoxicillin 500 mg; itchy, later widespread rash. No fever.\r\nSmokes daily."


def span_of(text: str, words: str) -> Span:
    start = text.index(words)
    return Span(start, start + len(words))


@pytest.fixture
def rash_note() -> Document:
    """An invented note with a discontinuous and a nested mention, relations, an event, a group and a fact."""

    def at(*words: str) -> tuple[Span, ...]:
        return tuple(span_of(RASH, w) for w in words)

    return Document(
        "visit-1",
        RASH,
        entities=(
            Entity("T1", "Drug", at("amoxicillin"), score=0.91),
            Entity("T2", "Strength", at("500 mg")),
            Entity("T3", "Problem", at("itchy", "rash"), (Attribute("assertion", "present"),), code="D005076"),
            Entity("T4", "Problem", at("widespread rash"), (Attribute("assertion", "possible", 0.6),)),
            Entity("T5", "Problem", at("fever"), (Attribute("assertion", "absent"),), score=0.5),
            Entity("T6", "Tobacco", at("Smokes")),
            Entity("T7", "Frequency", at("daily"), (Attribute("status", "current"), Attribute("status", "past"))),
        ),
        relations=(
            Relation("R1", "Strength-Drug", "T2", "T1", 0.8),
            Relation("R2", "ADE-Drug", "T3", "T1"),
            Relation("R3", "Follows", "E1", "T1"),
        ),
        events=(
            Event("E1", "Tobacco", "T6", (Argument("Frequency", "T7", 0.7), Argument("With", "E2"))),
            Event("E2", "Tobacco", "T6", (), (Attribute("negated"),), 0.4),
        ),
        groups=(Group("G1", "OR", ("T3", "T4")),),
        concept_relations=(ConceptRelation("CID", "D000658", "D005076", ("gold",)),),
        metadata={"person_id": 17, "note_date": "2026-01-31", "tags": ["a", None], "ward": "7 Ost"},
    )
