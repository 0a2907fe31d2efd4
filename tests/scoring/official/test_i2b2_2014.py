from collections import Counter

import pytest

from medspan.scoring import Counts, score
from scoring.official.reference_i2b2 import score_2014
from scoring.random_pairs import random_pairs

TEXT = "Ms. Ann Lee, 91, seen 03/04/2067 at St. Mary, tel 555-0100"
ANN = "NAME 4-11 TYPE=PATIENT"


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def scored(note, gold, predicted):
    return score([note(*gold, text=TEXT)], [note(*predicted, text=TEXT)], scorer="i2b2-2014")


@pytest.mark.parametrize(
    ("predicted", "strict", "relaxed", "token"),
    [
        (ANN, (1, 0, 0), (1, 0, 0), (2, 0, 0)),
        ("NAME 4-12 TYPE=PATIENT", (0, 1, 1), (1, 0, 0), (2, 1, 0)),
        ("NAME 4-13 TYPE=PATIENT", (0, 1, 1), (1, 0, 0), (2, 1, 0)),
        ("NAME 4-14 TYPE=PATIENT", (0, 1, 1), (0, 1, 1), (2, 2, 0)),
        ("NAME 4-9 TYPE=PATIENT", (0, 1, 1), (1, 0, 0), (2, 0, 0)),  # cuts the second word, which still counts
        ("NAME 4-8 TYPE=PATIENT", (0, 1, 1), (0, 1, 1), (1, 0, 1)),
        ("NAME 3-11 TYPE=PATIENT", (0, 1, 1), (0, 1, 1), (2, 0, 0)),  # starts must be equal
        ("NAME 4-11 TYPE=DOCTOR", (0, 1, 1), (0, 1, 1), (0, 2, 2)),
        ("ID 4-11 TYPE=PATIENT", (0, 1, 1), (0, 1, 1), (0, 2, 2)),
        ("NAME 4-11", (0, 1, 1), (0, 1, 1), (0, 2, 2)),
    ],
)
def test_category_type_and_offsets_decide(note, predicted, strict, relaxed, token):
    report = scored(note, (ANN,), (predicted,))
    assert counted(report, "entities.strict") == strict
    assert counted(report, "entities.relaxed") == relaxed
    assert counted(report, "entities.token") == token


def test_relaxed_matches_are_one_to_one_and_as_many_as_possible(note):
    gold = (ANN, "NAME 4-14 TYPE=PATIENT")
    assert counted(scored(note, gold, ("NAME 4-12 TYPE=PATIENT", "NAME 4-10 TYPE=PATIENT")), "entities.relaxed") == (
        2,
        0,
        0,
    )
    assert counted(scored(note, gold, ("NAME 4-12 TYPE=PATIENT",)), "entities.relaxed") == (1, 0, 1)


def test_the_end_of_a_discontinuous_mention_is_that_of_its_last_fragment(note):
    gold = ("NAME 4-7,8-11 TYPE=PATIENT",)
    assert counted(scored(note, gold, ("NAME 4-7,8-13 TYPE=PATIENT",)), "entities.relaxed") == (1, 0, 0)
    assert counted(scored(note, gold, ("NAME 4-7,8-14 TYPE=PATIENT",)), "entities.relaxed") == (0, 1, 1)
    assert counted(scored(note, gold, (ANN,)), "entities.relaxed") == (1, 0, 0)


def test_only_the_classes_of_hipaa_are_in_its_variant(note):
    gold = (
        ANN, "NAME 0-3 TYPE=DOCTOR", "AGE 13-15 TYPE=AGE", "DATE 22-32 TYPE=DATE", "LOCATION 36-44 TYPE=HOSPITAL",
        "LOCATION 36-44 TYPE=CITY", "CONTACT 50-58 TYPE=PHONE", "PROFESSION 17-21 TYPE=PROFESSION", "PHI 0-2",
        "ID 50-58 TYPE=MEDICALRECORD", "CONTACT 50-58 TYPE=URL",
    )  # fmt: skip
    report = scored(note, gold, gold)
    assert report.tally("entities.strict").micro == Counts(11, 0, 0)
    assert set(report.tally("entities.hipaa.strict").labels) == {
        "NAME.PATIENT", "AGE.AGE", "DATE.DATE", "LOCATION.CITY", "CONTACT.PHONE", "ID.MEDICALRECORD",
    }  # fmt: skip
    for mode in ("strict", "relaxed"):
        assert counted(report, f"entities.hipaa.{mode}") == (6, 0, 0)


def test_a_prediction_outside_hipaa_leaves_its_gold_missed_there_and_is_not_wrong(note):
    report = scored(note, (ANN,), ("NAME 4-11 TYPE=DOCTOR",))
    assert counted(report, "entities.hipaa.strict") == (0, 0, 1)


def test_the_clean_measure_beside_ignores_type_and_the_report_says_so(note):
    report = scored(note, (ANN,), ("NAME 4-11 TYPE=DOCTOR",))
    found = {d.measure: d for d in report.differences}
    assert (found["entities.strict"].official_f1, found["entities.strict"].clean_f1) == (0.0, 1.0)
    assert "the class is category and TYPE" in found["entities.strict"].why


def test_every_measure_agrees_with_a_slow_reference_on_random_notes():
    labels, kinds = ("NAME", "LOCATION", "AGE"), ("PATIENT", "CITY", "OTHER")
    pairs = list(random_pairs(2014, 200, labels, kinds, "TYPE"))
    report = score([g for g, _ in pairs], [p for _, p in pairs], scorer="i2b2-2014")
    n_right = Counter()
    for i, (gold, predicted) in enumerate(pairs):
        for measure, expected in score_2014(gold, predicted).items():
            found = report.tally("entities." + measure.replace(" ", ".")).total[i]
            assert tuple(found) == expected, (i, measure)
            n_right[measure] += expected[0]
    assert min(n_right.values()) > 100  # the invented notes do hold matches
    assert n_right["strict"] < n_right["relaxed"]
