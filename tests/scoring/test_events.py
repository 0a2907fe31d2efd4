from itertools import permutations

import pytest

from medspan.scoring import Counts, score

STATUS = "StatusTime 10-15 StatusTimeVal=current"


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def gold_note(note):
    return note("Tobacco 0-6", STATUS, "Amount 20-25", events=("Tobacco T1 Status:T2 Amount:T3",))


EVENT = ("Tobacco T1 Status:T2 Amount:T3",)
# Predicted entities and events; then triggers, arguments, values and arguments by role, lenient each.
GOLDEN = {
    "trigger overlaps, status elsewhere": (
        ("Tobacco 2-4", "StatusTime 90-95 StatusTimeVal=current", "Amount 20-25"), EVENT,
        (1, 0, 0), (1, 1, 1), (1, 0, 0), (1, 1, 1),
    ),
    "wrong value": (
        ("Tobacco 2-4", "StatusTime 10-15 StatusTimeVal=past", "Amount 20-25"), EVENT,
        (1, 0, 0), (2, 0, 0), (0, 1, 1), (2, 0, 0),
    ),
    "longer amount": (
        ("Tobacco 2-4", STATUS, "Amount 20-26"), EVENT,
        (1, 0, 0), (2, 0, 0), (1, 0, 0), (2, 0, 0),
    ),
    "trigger elsewhere": (
        ("Tobacco 50-56", STATUS, "Amount 20-25"), EVENT,
        (0, 1, 1), (0, 2, 2), (0, 1, 1), (2, 0, 0),
    ),
    "another event label": (
        ("Alcohol 0-6", STATUS, "Amount 20-25"), ("Alcohol T1 Status:T2 Amount:T3",),
        (0, 1, 1), (0, 2, 2), (0, 1, 1), (0, 2, 2),
    ),
    "an empty second event": (
        ("Tobacco 0-6", STATUS, "Amount 20-25"), (*EVENT, "Tobacco T1"),
        (1, 1, 0), (2, 0, 0), (1, 0, 0), (2, 0, 0),
    ),
    "an empty event first": (
        ("Tobacco 0-6", STATUS, "Amount 20-25"), ("Tobacco T1", *EVENT),
        (1, 1, 0), (2, 0, 0), (1, 0, 0), (2, 0, 0),
    ),
    "another role": (
        ("Tobacco 0-6", STATUS, "Amount 20-25"), ("Tobacco T1 Status:T2 Frequency:T3",),
        (1, 0, 0), (1, 1, 1), (1, 0, 0), (1, 1, 1),
    ),
    "another entity label in the place": (
        ("Tobacco 0-6", STATUS, "Method 20-25"), EVENT,
        (1, 0, 0), (1, 1, 1), (1, 0, 0), (2, 0, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN)
def test_lenient_counts_agree_with_those_worked_by_hand(note, case):
    entities, events, triggers, arguments, values, by_role = GOLDEN[case]
    report = score([gold_note(note)], [note(*entities, events=events)])
    assert counted(report, "events.triggers.lenient") == triggers
    assert counted(report, "events.arguments.lenient") == arguments
    assert counted(report, "events.values.lenient") == values
    assert counted(report, "events.arguments_by_role.lenient") == by_role


def test_strict_arguments_need_a_strict_trigger_and_equal_fragments(note):
    near = note("Tobacco 0-6", STATUS, "Amount 20-26", events=EVENT)
    assert counted(score([gold_note(note)], [near]), "events.arguments.strict") == (1, 1, 1)
    trigger_off = note("Tobacco 0-7", STATUS, "Amount 20-25", events=EVENT)
    report = score([gold_note(note)], [trigger_off])
    assert counted(report, "events.arguments.strict") == (0, 2, 2)
    assert counted(report, "events.values.strict") == (0, 1, 1)
    assert counted(report, "events.arguments_by_role.strict") == (2, 0, 0)


def test_events_at_one_trigger_are_aligned_so_that_most_arguments_match_in_any_order(note):
    entities = ("Tobacco 0-6", "Amount 10-12", "Amount 20-22", "Type 30-32", "Type 40-42", "Method 50-52")
    events = ("Tobacco T1 Amount:T2 Type:T4", "Tobacco T1 Amount:T3 Type:T5 Method:T6", "Tobacco T1")
    gold = note(*entities, events=events)
    for order in permutations(events):
        report = score([gold], [note(*entities, events=order)])
        for mode in ("strict", "lenient"):
            assert counted(report, f"events.triggers.{mode}") == (3, 0, 0)
            assert counted(report, f"events.arguments.{mode}") == (5, 0, 0)


def test_rows_do_not_depend_on_order_where_two_alignments_are_equally_good(note):
    entities = ("Tobacco 0-6", "Amount 10-12", "Type 30-32")
    gold = note(*entities, events=("Tobacco T1 Amount:T2 Type:T3",))
    events = ("Tobacco T1 Amount:T2", "Tobacco T1 Type:T3")
    one = score([gold], [note(*entities, events=events)])
    other = score([gold], [note(*entities, events=events[::-1])])
    assert counted(one, "events.arguments.strict") == (1, 1, 1)
    assert one.to_dict() == other.to_dict()


def test_an_alignment_may_give_up_the_closest_trigger_for_more_arguments(note):
    # Two gold events share a character with both predictions; the equal triggers hold the wrong arguments.
    gold = note(
        "Drug 0-6", "Drug 4-9", "Amount 10-12", "Amount 20-22", events=("Drug T1 Amount:T3", "Drug T2 Amount:T4")
    )
    predicted = note(
        "Drug 0-6", "Drug 4-9", "Amount 10-12", "Amount 20-22", events=("Drug T1 Amount:T4", "Drug T2 Amount:T3")
    )
    report = score([gold], [predicted])
    assert counted(report, "events.arguments.lenient") == (2, 0, 0)
    assert counted(report, "events.arguments.strict") == (0, 2, 2)


def test_rows_join_event_label_and_role(note):
    report = score([gold_note(note)], [gold_note(note)])
    assert report.tally("events.triggers.strict").labels == {"Tobacco": Counts(1, 0, 0)}
    assert report.tally("events.arguments.strict").labels == {
        "Tobacco.Status": Counts(1, 0, 0),
        "Tobacco.Amount": Counts(1, 0, 0),
    }
    assert report.tally("events.values.lenient").labels == {"Tobacco.Status": Counts(1, 0, 0)}


def test_by_role_counts_a_mention_once_for_all_events_of_a_document(note):
    entities = ("Adverse_event 0-6", "Adverse_event 50-56", "Effect 10-15")
    gold = note(*entities, events=("Adverse_event T1 Effect:T3", "Adverse_event T2 Effect:T3"))
    predicted = note(*entities, events=("Adverse_event T1 Effect:T3",))
    report = score([gold], [predicted])
    assert counted(report, "events.arguments_by_role.strict") == (1, 0, 0)
    assert counted(report, "events.arguments.strict") == (1, 0, 1)


def test_an_argument_that_is_an_event_stands_for_its_trigger(note):
    gold = note("Drug 0-6", "Drug 10-15", events=("Drug T1 With:E2", "Drug T2"))
    predicted = note("Drug 0-6", "Drug 10-15", events=("Drug T1 With:T2", "Drug T2"))
    assert counted(score([gold], [predicted]), "events.arguments.strict") == (1, 0, 0)


def test_swapping_the_sides_swaps_precision_and_recall_of_events(note):
    one = gold_note(note)
    two = note("Tobacco 2-4", STATUS, "Amount 20-25", events=("Tobacco T1 Status:T2", "Tobacco T1 Amount:T3"))
    there, back = score([one], [two]), score([two], [one])
    for path, tally in there.tallies.items():
        a, b = tally.micro, back.tallies[path].micro
        assert (a.tp, a.fp, a.fn) == (b.tp, b.fn, b.fp)
