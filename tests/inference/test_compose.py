"""Joining the answers of head sets: one mention for one place and label, bare or prefixed labels, new ids."""

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.inference.compose import compose

TEXT = "aspirin 81 mg for chest pain, smokes daily"
NOTE = Document("n", TEXT, metadata={"source": "ward"})
DRUG, DOSE, PAIN, HABIT, STATUS = Span(0, 7), Span(8, 13), Span(18, 28), Span(30, 36), Span(37, 42)


def answer(*entities: Entity, relations: tuple[Relation, ...] = (), events: tuple[Event, ...] = ()) -> Document:
    return Document("n", TEXT, entities, relations, events)


def test_no_answer_gives_the_bare_note() -> None:
    assert compose(NOTE, {"a": []}) == NOTE
    assert compose(NOTE, {"a": [answer(), answer()]}) == NOTE


def test_head_sets_of_one_schema_are_joined_in_text_order_with_new_ids() -> None:
    first = answer(
        Entity("T1", "Drug", (DRUG,)), Entity("T2", "Dose", (DOSE,)), relations=(Relation("R1", "dose-of", "T2", "T1"),)
    )
    second = answer(
        Entity("T1", "Habit", (HABIT,)),
        Entity("T2", "Status", (STATUS,)),
        events=(Event("E1", "Smoking", "T1", (Argument("status", "T2"),)),),
    )
    joined = compose(NOTE, {"all": [second, first]})
    assert [(e.id, e.label) for e in joined.entities] == [
        ("T1", "Drug"),
        ("T2", "Dose"),
        ("T3", "Habit"),
        ("T4", "Status"),
    ]
    assert joined.relations == (Relation("R1", "dose-of", "T2", "T1"),)
    assert joined.events == (Event("E1", "Smoking", "T3", (Argument("status", "T4"),)),)
    assert joined.metadata == NOTE.metadata


def test_what_two_head_sets_find_is_one_mention_with_the_higher_score_and_all_attributes() -> None:
    first = answer(Entity("T1", "Problem", (PAIN,), (Attribute("assertion", "present"),), score=0.6))
    second = answer(
        Entity("T9", "Problem", (PAIN,), (Attribute("assertion", "absent"), Attribute("severity", "mild")), score=0.9)
    )
    (entity,) = compose(NOTE, {"all": [first, second]}).entities
    assert entity.score == 0.9
    assert entity.attributes == (Attribute("assertion", "present"), Attribute("severity", "mild"))


def test_mentions_with_other_labels_or_fragments_stay_apart() -> None:
    first = answer(Entity("T1", "Problem", (PAIN,)))
    second = answer(Entity("T1", "Symptom", (PAIN,)), Entity("T2", "Problem", (Span(18, 23), Span(24, 28))))
    assert len(compose(NOTE, {"all": [first, second]}).entities) == 3


def test_links_that_two_head_sets_find_are_given_once_with_the_higher_score() -> None:
    def part(score: float, *arguments: Argument) -> Document:
        return answer(
            Entity("T1", "Drug", (DRUG,)),
            Entity("T2", "Dose", (DOSE,)),
            relations=(Relation("R1", "dose-of", "T2", "T1", score),),
            events=(Event("E1", "Taking", "T1", arguments, score=score),),
        )

    joined = compose(
        NOTE,
        {"all": [part(0.5, Argument("what", "T2", 0.4)), part(0.8, Argument("what", "T2", 0.7), Argument("x", "T2"))]},
    )
    assert [(r.id, r.head, r.tail, r.score) for r in joined.relations] == [("R1", "T2", "T1", 0.8)]
    (event,) = joined.events
    assert event.score == 0.8
    assert [(a.role, a.target, a.score) for a in event.arguments] == [("what", "T2", 0.7), ("x", "T2", None)]


def test_labels_of_several_schemas_say_which() -> None:
    mine = answer(
        Entity("T1", "Drug", (DRUG,)), Entity("T2", "Dose", (DOSE,)), relations=(Relation("R1", "of", "T2", "T1"),)
    )
    yours = answer(Entity("T1", "Drug", (DRUG,)), events=(Event("E1", "Taking", "T1"),))
    joined = compose(NOTE, {"mine": [mine], "yours": [yours]})
    assert [e.label for e in joined.entities] == ["mine:Drug", "yours:Drug", "mine:Dose"]
    assert joined.relations == (Relation("R1", "mine:of", "T3", "T1"),)
    assert joined.events == (Event("E1", "yours:Taking", "T2"),)
