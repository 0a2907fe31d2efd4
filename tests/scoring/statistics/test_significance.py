from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.errors import ConfigError, ScoringError, UnknownNameError
from medspan.scoring import adjusted, bootstrap, compare, paired_bootstrap, score
from medspan.scoring.bootstrap import difference, intervals, row_intervals

P_VALUES = st.lists(st.floats(0.0001, 1), min_size=1, max_size=12)


def corpus(note, chance, n=20, seed=0):
    """Four predictions a note, each found with the given chance."""
    rng = Random(seed)
    forms = [f"Drug {10 * i}-{10 * i + 5}" for i in range(4)]
    return [note(*(f for f in forms if rng.random() < chance), key=f"n{i:03}") for i in range(n)]


# p 0.010, 0.040, 0.030, 0.005: Holm multiplies the sorted values by 4, 3, 2, 1 and lets none fall below the one
# before; Benjamini-Hochberg multiplies by 4/1, 4/2, 4/3, 4/4 and lets none rise above the one after.
TABLES = [
    ("holm", [0.010, 0.040, 0.030, 0.005], [0.030, 0.060, 0.060, 0.020]),
    ("benjamini-hochberg", [0.010, 0.040, 0.030, 0.005], [0.020, 0.040, 0.040, 0.020]),
    ("none", [0.010, 0.040, 0.030, 0.005], [0.010, 0.040, 0.030, 0.005]),
    ("holm", [0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
    ("benjamini-hochberg", [0.02, 0.02, 0.02], [0.02, 0.02, 0.02]),
    ("holm", [0.6, 0.5], [1.0, 1.0]),
    ("benjamini-hochberg", [0.9, 0.5], [0.9, 0.9]),
    ("holm", [0.03], [0.03]),
    ("benjamini-hochberg", [], []),
]


@pytest.mark.parametrize(("correction", "given_p", "expected"), TABLES)
def test_p_values_are_corrected_as_worked_by_hand(correction, given_p, expected):
    assert adjusted(given_p, correction) == pytest.approx(expected)


@given(P_VALUES, st.sampled_from(["holm", "benjamini-hochberg"]), st.randoms())
def test_correcting_keeps_the_order_of_p_values_wherever_they_stand(p_values, correction, random):
    found = adjusted(p_values, correction)
    shuffled = list(enumerate(p_values))
    random.shuffle(shuffled)
    again = adjusted([p for _, p in shuffled], correction)
    assert [found[i] for i, _ in shuffled] == pytest.approx(again)
    assert all(p <= q <= 1 for p, q in zip(p_values, found, strict=True))
    by_size = [q for _, q in sorted(zip(p_values, found, strict=True))]
    assert by_size == sorted(by_size)


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni_and_above_benjamini_hochberg(p_values):
    holm = adjusted(p_values, "holm")
    milder = adjusted(p_values, "benjamini-hochberg")
    assert all(b <= h + 1e-12 for h, b in zip(holm, milder, strict=True))
    assert all(h <= min(1, p * len(p_values)) + 1e-12 for h, p in zip(holm, p_values, strict=True))


def test_every_two_systems_are_compared_in_every_measure_as_one_family(note):
    gold = corpus(note, 1.0)
    systems = {"a": corpus(note, 0.9), "b": corpus(note, 0.6, seed=1), "c": corpus(note, 0.5, seed=2)}
    measures = ["entities.strict", "entities.lenient"]
    found = compare(gold, systems, measures, n=500)
    assert [(row.difference.measure, row.a, row.b) for row in found.rows] == [
        (measure, a, b) for measure in measures for a, b in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    assert [row.p_adjusted for row in found.rows] == adjusted([row.difference.p_randomization for row in found.rows])
    assert found.rows[0].difference == paired_bootstrap(gold, systems["a"], systems["b"], n=500)
    assert found.to_dict()["comparisons"][0]["f1_a"] == score(gold, systems["a"]).tally("entities.strict").micro.f1


def test_a_p_value_is_never_zero_however_clear_the_difference(note):
    gold = corpus(note, 1.0)
    found = compare(gold, {"a": gold, "b": [d.bare() for d in gold]}, n=200)
    (row,) = found.rows
    assert row.difference.difference == 1.0
    assert row.difference.p_randomization == pytest.approx(1 / 201)
    assert row.difference.p_bootstrap == pytest.approx(2 / 201)
    assert row.p_adjusted > 0


def test_the_order_of_documents_changes_nothing_and_that_of_systems_only_signs(note):
    gold = corpus(note, 1.0)
    a, b = corpus(note, 0.8), corpus(note, 0.7, seed=1)
    forward = compare(gold, {"a": a, "b": b}, n=300)
    assert compare(gold[::-1], {"a": a[::-1], "b": b[::-1]}, n=300).to_dict() == forward.to_dict()
    (one,), (other,) = forward.rows, compare(gold, {"b": b, "a": a}, n=300).rows
    assert other.difference.difference == -one.difference.difference
    assert other.difference.interval.low == pytest.approx(-one.difference.interval.high)
    assert (other.p_adjusted, other.difference.p_bootstrap) == (one.p_adjusted, one.difference.p_bootstrap)


def test_the_scorers_headline_is_compared_unless_measures_are_named(note):
    gold = corpus(note, 1.0)
    found = compare(gold, {"a": gold, "b": gold}, scorer="lenient", n=10)
    assert [row.difference.measure for row in found.rows] == ["entities.lenient"]


def test_systems_that_skip_different_documents_keep_their_rows_apart(note):
    """The 2018 script leaves out files without a prediction; each system may lack others."""
    gold = [note("Drug 0-5", key=key) for key in "abc"]
    found = compare(gold, {"one": gold[:2], "other": [gold[2], note("Drug 1-9", key="b")]}, scorer="n2c2-2018", n=50)
    (row,) = found.rows
    measured = score(gold, gold[:2], scorer="n2c2-2018")
    assert row.difference.documents == 3
    assert row.difference.f1_a == measured.tallies[measured.headline].micro.f1


def test_a_section_that_one_system_lacks_counts_as_nothing_there(note):
    gold = [note("Drug 0-5", "Form 6-9", relations=("Form-Drug T2 T1",))]
    bare = [note("Drug 0-5")]
    found = compare(gold, {"a": gold, "b": bare}, ["relations.end_to_end.strict"], n=10)
    assert (found.rows[0].difference.f1_a, found.rows[0].difference.f1_b) == (1.0, 0.0)


def test_documents_of_one_patient_or_group_are_drawn_and_exchanged_together(note):
    """Ten reports, each under the ids of two labelers, are ten draws and not twenty."""
    gold = corpus(note, 1.0)
    for key, width in (("patient", 2), ("group", 2), ("other", 1)):
        labelled = [replace(d, metadata={key: f"p{i // 2}"}) for i, d in enumerate(gold)]
        systems = {"a": corpus(note, 0.8), "b": corpus(note, 0.6, seed=1)}
        found = compare(labelled, systems, n=400)
        assert (found.documents, found.units) == (20, 20 // width)
        a, b = (
            score(gold, systems[name]).tally("entities.strict").total.reshape(20 // width, width, 3).sum(axis=1)
            for name in "ab"
        )
        expected = difference("entities.strict", a, b, n=400)
        assert found.rows[0].difference == replace(expected, documents=20)
        assert any("10 groups" in line for line in found.notes) == (width == 2)


def test_radgraph_labelers_of_one_report_are_one_draw(note):
    def report(key, labeler, *forms):
        metadata = {"labeler": labeler, "group": key, "radgraph": {"data_source": "MIMIC-CXR"}}
        return replace(note(*forms, key=f"{key}#{labeler}"), metadata=metadata)

    gold = [report(key, labeler, "OBS-DP 0-5") for key in "abc" for labeler in ("labeler_1", "labeler_2")]
    right = [note("OBS-DP 0-5", key=key) for key in "abc"]
    wrong = [note("OBS-DA 0-5", key=key) for key in "abc"]
    found = compare(gold, {"right": right, "wrong": wrong}, scorer="radgraph", n=50)
    assert (found.documents, found.units) == (6, 3)
    assert (found.rows[0].difference.f1_a, found.rows[0].difference.f1_b) == (1.0, 0.0)
    measure = next(
        ".".join(path)
        for path in score(gold, right, scorer="radgraph").tallies
        if path[0] == "entities" and path[-1] == "labeler_1"
    )
    assert (
        compare(gold, {"right": right, "wrong": wrong}, [measure], scorer="radgraph", n=50).rows[0].difference.f1_a
        == 1.0
    )


@pytest.mark.parametrize(
    ("systems", "options", "error", "message"),
    [
        (1, {}, ConfigError, "two systems or more, not 1"),
        (2, {"correction": "holmes"}, UnknownNameError, "did you mean 'holm'"),
        (2, {"measures": ["entity.strict"]}, UnknownNameError, r"did you mean 'entities\.strict'"),
        (2, {"n": 0}, ConfigError, "at least one"),
    ],
)
def test_what_cannot_be_compared_is_refused(note, systems, options, error, message):
    gold = [note("Drug 0-5")]
    with pytest.raises(error, match=message):
        compare(gold, {str(i): gold for i in range(systems)}, **options)


def test_no_gold_is_refused(note):
    with pytest.raises(ScoringError, match="no gold documents"):
        compare([], {"a": [], "b": []})


def test_intervals_of_rows_are_those_of_each_row_alone(monkeypatch):
    by_row = np.random.default_rng(1).integers(0, 5, size=(30, 4, 3))
    expected = [intervals(by_row[:, i], n=300, seed=2)["f1"] for i in range(4)]
    assert row_intervals(by_row, n=300, seed=2) == expected
    monkeypatch.setattr(bootstrap, "N_CELLS", 100)
    assert len(row_intervals(by_row, n=300, seed=2)) == 4


def test_no_documents_no_rows_and_no_resamples_have_no_intervals():
    for shape, n in (((0, 2, 3), 10), ((2, 0, 3), 10), ((2, 2, 3), 0)):
        assert row_intervals(np.zeros(shape, dtype=np.int64), n=n) == []


def test_systems_that_lack_different_documents_are_compared_document_by_document(note):
    gold = right = [note("A 0-3", key=f"d{n}") for n in range(6)]
    wrong = [note("B 0-3", key=f"d{n}") for n in range(6)]
    found = paired_bootstrap(
        gold, [*right[:3], *wrong[3:5]], [right[0], *wrong[2:]], "entities.strict", scorer="n2c2-2018", n=200
    )
    assert (found.f1_a, found.f1_b, found.documents) == (0.6, 0.2, 6)
    # Another number of documents is missing on each side, and no row may meet that of another document.
    found = paired_bootstrap(gold, right[:2], right[3:], scorer="n2c2-2018", n=200)
    assert (found.f1_a, found.f1_b, found.difference) == (1.0, 1.0, 0.0)
