from collections import Counter
from dataclasses import replace

import pytest

from medspan.scoring import Counts, score
from scoring.official.reference_i2b2 import score_2009
from scoring.random_pairs import random_pairs

# Tokens: 0-7 8-10 11-13 14-16 17-22, 23-32 33-37
TEXT = "aspirin 81 mg po daily metformin fever"
FIELDS = ("medication 0-7", "dosage 8-13", "mode 14-16", "frequency 17-22", "medication 23-32", "reason 33-38")


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def scored(note, *sides):
    """Sides are (entities, events)."""
    documents = [[replace(note(*entities, events=events), text=TEXT)] for entities, events in sides]
    return score(*documents, scorer="i2b2-2009")


GOLD = (FIELDS, ("medication T1 dosage:T2 mode:T3 frequency:T4", "medication T5 dosage:T2 reason:T6"))


def test_gold_against_itself_is_right_everywhere(note):
    report = scored(note, GOLD, GOLD)
    assert counted(report, "events.horizontal.phrase") == (7, 0, 0)
    assert counted(report, "events.horizontal.token") == (9, 0, 0)
    assert counted(report, "events.horizontal.entry") == (2, 0, 0)
    assert counted(report, "events.vertical.phrase") == (6, 0, 0)  # the shared dosage is one phrase of its field
    assert counted(report, "events.vertical.token") == (7, 0, 0)
    assert report.headline == ("events", "horizontal", "phrase")


def test_a_field_in_the_wrong_entry_is_right_vertically_and_wrong_horizontally(note):
    moved = (FIELDS, ("medication T1 dosage:T2 mode:T3", "medication T5 dosage:T2 reason:T6 frequency:T4"))
    report = scored(note, GOLD, moved)
    assert counted(report, "events.vertical.phrase") == (6, 0, 0)
    assert counted(report, "events.horizontal.phrase") == (6, 1, 1)
    assert counted(report, "events.horizontal.entry") == (0, 2, 2)
    assert report.tally("events.horizontal.phrase").labels["frequency"] == Counts(0, 1, 1)


def test_a_longer_phrase_is_wrong_by_phrase_and_right_in_its_tokens(note):
    longer = (("medication 0-7", "dosage 8-16"), ("medication T1 dosage:T2",))
    gold = (("medication 0-7", "dosage 8-13"), ("medication T1 dosage:T2",))
    report = scored(note, gold, longer)
    assert counted(report, "events.vertical.phrase") == (1, 1, 1)
    assert counted(report, "events.vertical.token") == (3, 1, 0)
    assert counted(report, "events.horizontal.phrase") == (1, 1, 1)
    assert counted(report, "events.horizontal.token") == (3, 1, 0)


def test_a_medication_with_another_span_aligns_by_token_only(note):
    gold = (("medication 0-7", "dosage 8-13"), ("medication T1 dosage:T2",))
    predicted = (("medication 0-10", "dosage 8-13"), ("medication T1 dosage:T2",))
    report = scored(note, gold, predicted)
    assert counted(report, "events.horizontal.phrase") == (0, 2, 2)
    assert counted(report, "events.horizontal.token") == (3, 1, 0)


def test_entries_of_one_medication_are_aligned_so_that_most_fields_agree(note):
    gold = (FIELDS, ("medication T1 dosage:T2", "medication T1 mode:T3 frequency:T4"))
    turned = (FIELDS, ("medication T1 mode:T3 frequency:T4", "medication T1 dosage:T2"))
    assert counted(scored(note, gold, turned), "events.horizontal.phrase") == (5, 0, 0)


def test_pieces_of_a_phrase_are_its_tokens_however_it_is_cut(note):
    whole = (("medication 0-7", "dosage 8-13"), ("medication T1 dosage:T2",))
    cut = (("medication 0-7", "dosage 8-10,11-13"), ("medication T1 dosage:T2",))
    assert counted(scored(note, whole, cut), "events.vertical.phrase") == (2, 0, 0)
    apart = (("medication 0-7", "dosage 8-10,17-22"), ("medication T1 dosage:T2",))
    assert counted(scored(note, whole, apart), "events.vertical.token") == (2, 1, 1)


def test_patient_level_figures_are_means_over_documents(note):
    documents = [replace(note(*GOLD[0], events=GOLD[1]), id=key, text=TEXT) for key in "ab"]
    report = score(documents, [documents[0], documents[1].bare()], scorer="i2b2-2009")
    phrase = report.to_dict()["events"]["horizontal"]["phrase"]
    assert phrase["macro"]["documents"]["f1"] == 0.5
    assert phrase["micro"]["f1"] == pytest.approx(2 / 3)


def test_every_measure_agrees_with_a_slow_reference_on_random_notes():
    roles = ("dosage", "mode", "reason")
    pairs = list(random_pairs(2009, 200, ("medication", *roles), roles=roles))
    report = score([g for g, _ in pairs], [p for _, p in pairs], scorer="i2b2-2009")
    n_right = Counter()
    for i, (gold, predicted) in enumerate(pairs):
        for measure, expected in score_2009(gold, predicted).items():
            if isinstance(measure, tuple):
                name, field = measure
                tally = report.tally("events." + name.replace(" ", "."))
                found = tally.total[i] if field is None else tally.by_row[i, tally.rows.index(field)]
            else:
                place = "horizontal.entry" if measure == "entry" else measure.replace(" ", ".")
                found = report.tally(f"events.{place}").total[i]
            assert tuple(found) == expected, (i, measure)
            n_right[measure] += expected[0]
    assert min(n_right.values()) > 50  # the invented notes do hold matches
