"""Cutting documents into windows, and what no window holds."""

import pytest

from medspan.annotation import Argument, Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.errors import AnnotationError
from medspan.text import Window, cut, merge, sentences, unreachable

TEXT = "Took aspirin for pain. Rash came later. It went."


def entity(identifier: str, mention: str, label: str = "X", text: str = TEXT) -> Entity:
    start = text.index(mention)
    return Entity(identifier, label, (Span(start, start + len(mention)),))


NOTE = Document(
    "n1",
    TEXT,
    entities=(entity("T3", "Rash"), entity("T1", "aspirin"), entity("T2", "pain")),
    relations=(Relation("R1", "ADE", "T3", "T1"), Relation("R2", "Reason", "T2", "T1")),
    events=(Event("E1", "Taking", "T1", (Argument("Effect", "T3"), Argument("Reason", "T2"))),),
    groups=(Group("G1", "AND", ("T1", "T2")), Group("G2", "OR", ("G1", "T3"))),
    concept_relations=(ConceptRelation("CID", "C1", "D1"),),
    metadata={"ward": "7"},
)
HALVES = [Span(0, 23), Span(23, len(TEXT))]


def test_a_window_holds_what_lies_wholly_inside_with_its_own_offsets() -> None:
    first, second = cut(NOTE, HALVES)
    assert first.origin == 0
    assert [e.id for e in first.document.entities] == ["T1", "T2"]
    assert [r.id for r in first.document.relations] == ["R2"]
    assert first.document.events == (Event("E1", "Taking", "T1", (Argument("Reason", "T2"),)),)
    assert [g.id for g in first.document.groups] == ["G1"]
    assert second.origin == 23
    assert second.span == HALVES[1]
    assert second.document.mention(second.document.entities[0]) == "Rash"
    assert second.document.relations == second.document.events == second.document.groups == ()
    assert second.document.metadata == {"ward": "7"}


def test_what_no_window_holds_is_counted() -> None:
    expected = {"entities": 0, "relations": 1, "events": 0, "arguments": 1, "groups": 1}
    assert unreachable(NOTE, HALVES) == expected
    assert set(unreachable(NOTE, [Span(0, len(TEXT))]).values()) == {0}


def test_an_entity_with_a_fragment_in_each_window_is_in_neither() -> None:
    note = Document("n", TEXT, entities=(Entity("T1", "X", (Span(5, 12), Span(23, 27))),))
    assert [len(w.document.entities) for w in cut(note, HALVES)] == [0, 0]
    assert unreachable(note, HALVES)["entities"] == 1


def test_edges_inside_a_sentence_are_marked_where_windows_overlap() -> None:
    first, second = cut(NOTE, [Span(0, 13), Span(5, len(TEXT))])
    assert (first.cuts_left, first.cuts_right, second.cuts_left, second.cuts_right) == (False, True, True, False)
    assert cut(NOTE, [Span(0, 13), Span(5, len(TEXT))], sentences(TEXT)) == [first, second]


@pytest.mark.parametrize("spans", [[Span(5, 9), Span(0, 9)], [Span(0, 9), Span(3, 9)], [Span(0, 99)]])
def test_windows_out_of_order_or_past_the_end_are_refused(spans: list[Span]) -> None:
    with pytest.raises(AnnotationError, match="n1"):
        cut(NOTE, spans)


def test_a_whole_document_survives_cut_and_merge() -> None:
    assert merge(NOTE, cut(NOTE, [Span(0, len(TEXT))])) == NOTE


def predicted(text: str, origin: int, *entities: Entity, **lists: object) -> Window:
    return Window(Document("n1", text, entities=entities, **lists), origin)  # type: ignore[arg-type]


def test_predictions_get_new_ids_in_text_order() -> None:
    a, b = TEXT[:23], TEXT[23:]
    windows = [
        predicted(
            a, 0, entity("T1", "pain"), entity("T2", "aspirin"), relations=(Relation("R1", "Reason", "T1", "T2"),)
        ),
        predicted(b, 23, entity("T1", "Rash", text=b), events=(Event("E1", "Rash", "T1"),)),
    ]
    merged = merge(NOTE, windows)
    assert [(e.id, merged.mention(e)) for e in merged.entities] == [("T1", "aspirin"), ("T2", "pain"), ("T3", "Rash")]
    assert merged.relations == (Relation("R1", "Reason", "T2", "T1"),)
    assert merged.events == (Event("E1", "Rash", "T3"),)
    assert merged.concept_relations == NOTE.concept_relations
    assert merged.metadata == NOTE.metadata


def scored(identifier: str, start: int, end: int, score: float | None, value: str, label: str = "Drug") -> Entity:
    return Entity(identifier, label, (Span(start, end),), (Attribute("assertion", value),), score=score)


def test_an_entity_found_twice_is_kept_once_with_the_attributes_of_the_higher_score() -> None:
    windows = [
        predicted(TEXT[:22], 0, scored("T1", 5, 12, 0.6, "absent")),
        predicted(TEXT[5:], 5, scored("T1", 0, 7, 0.9, "present")),
    ]
    (found,) = merge(NOTE, windows).entities
    assert (found.score, found.attribute("assertion")) == (0.9, "present")
    (found,) = merge(NOTE, list(reversed(windows))).entities
    assert (found.score, found.attribute("assertion")) == (0.9, "present")


def test_relations_and_event_arguments_of_two_windows_are_joined() -> None:
    a = predicted(
        TEXT[:22],
        0,
        scored("T1", 5, 12, 0.6, "present"),
        scored("T2", 17, 21, 0.6, "present"),
        relations=(Relation("R1", "Reason", "T2", "T1", 0.5),),
        events=(Event("E1", "Taking", "T1", (Argument("Reason", "T2", 0.5),)),),
    )
    b = predicted(
        TEXT[5:],
        5,
        scored("T1", 18, 22, 0.7, "present"),
        scored("T2", 0, 7, 0.7, "present"),
        scored("T3", 12, 16, 0.2, "present"),
        relations=(Relation("R1", "ADE", "T1", "T2"), Relation("R2", "Reason", "T3", "T2", 0.8)),
        events=(Event("E1", "Taking", "T2", (Argument("Effect", "T1"), Argument("Reason", "T3", 0.9))),),
    )
    merged = merge(NOTE, [a, b])
    assert [(e.id, merged.mention(e)) for e in merged.entities] == [("T1", "aspirin"), ("T2", "pain"), ("T3", "Rash")]
    assert merged.relations == (Relation("R1", "Reason", "T2", "T1"), Relation("R2", "ADE", "T3", "T1"))
    assert merged.relations[0].score == 0.8
    assert merged.events == (Event("E1", "Taking", "T1", (Argument("Reason", "T2"), Argument("Effect", "T3"))),)
    assert merged.events[0].arguments[0].score == 0.9


LONG = "severe chronic obstructive pulmonary disease treated with oxygen"


def cut_off(left: list[Entity], right: list[Entity], **lists: object) -> Document:
    """Two windows over one sentence: "severe chronic obstructive " and "chronic obstructive pulmonary disease..."."""
    windows = [
        Window(Document("n", LONG[:27], tuple(left), **lists), 0, cuts_right=True),  # type: ignore[arg-type]
        Window(Document("n", LONG[7:], tuple(right)), 7, cuts_left=True),
    ]
    return merge(Document("n", LONG), windows)


def test_a_mention_cut_off_by_an_edge_inside_a_sentence_is_left_to_the_neighbour_that_sees_it_whole() -> None:
    part, whole = scored("T2", 15, 26, 0.99, "present"), scored("T1", 8, 37, 0.5, "absent")
    severe = scored("T1", 0, 6, 0.9, "present", "Severity")
    merged = cut_off([severe, part], [whole], relations=(Relation("R1", "Grade", "T1", "T2"),))
    assert [merged.mention(e) for e in merged.entities] == ["severe", "obstructive pulmonary disease"]
    assert merged.relations == (Relation("R1", "Grade", "T1", "T2"),)


def test_a_cut_off_mention_goes_with_its_relations_if_the_neighbour_found_nothing_there() -> None:
    part, severe = scored("T2", 15, 26, 0.99, "present"), scored("T1", 0, 6, 0.9, "present", "Severity")
    merged = cut_off([severe, part], [], relations=(Relation("R1", "Grade", "T1", "T2"),))
    assert [merged.mention(e) for e in merged.entities] == ["severe"]
    assert merged.relations == ()


def test_a_mention_at_an_edge_stays_if_no_neighbour_sees_it_whole() -> None:
    merged = cut_off([scored("T1", 0, 26, 0.9, "present")], [])
    assert [merged.mention(e) for e in merged.entities] == ["severe chronic obstructive"]


def test_exact_duplicates_inside_a_window_stay_apart() -> None:
    twice = (scored("T1", 5, 12, None, "present"), scored("T2", 5, 12, None, "absent"))
    note = Document("n1", TEXT, entities=twice, relations=(Relation("R1", "Same", "T1", "T2"),))
    assert merge(note, cut(note, [Span(0, 22), Span(5, len(TEXT))])) == note
    merged = merge(note.bare(), [Window(note, 0)])
    assert merged == note


def test_windows_of_another_text_are_refused_without_showing_it() -> None:
    with pytest.raises(AnnotationError, match="n1") as caught:
        merge(NOTE, [Window(Document("n1", "secret"), 3)])
    assert "secret" not in str(caught.value)


def test_predictions_whose_ids_occur_in_the_gold_are_not_put_in_its_order() -> None:
    a, b = TEXT[:23], TEXT[23:]
    merged = merge(NOTE, [predicted(a, 0, entity("T1", "pain")), predicted(b, 23, entity("T3", "Rash", "Y", b))])
    assert [(e.id, e.label) for e in merged.entities] == [("T1", "X"), ("T3", "Y")]
