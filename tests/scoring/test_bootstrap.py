from random import Random

import numpy as np
import pytest

from medspan.errors import ScoringError, UnknownNameError
from medspan.scoring import bootstrap as bootstrap_module
from medspan.scoring import paired_bootstrap, score
from medspan.scoring.bootstrap import difference, intervals


def invented_counts(n_documents=40, seed=0):
    return np.random.default_rng(seed).integers(0, 9, size=(n_documents, 3))


def corpus(note, chance, n=30, seed=0):
    """Gold of four mentions a note; each is predicted with the given chance."""
    rng = Random(seed)
    forms = [f"Drug {10 * i}-{10 * i + 5}" for i in range(4)]
    gold = [note(*forms, key=f"n{i:03}") for i in range(n)]
    predicted = [note(*(f for f in forms if rng.random() < chance), key=f"n{i:03}") for i in range(n)]
    return gold, predicted


def test_intervals_agree_with_a_plain_loop_over_resampled_documents():
    counts = invented_counts()
    rng = Random(1)
    f1 = []
    for _ in range(4000):
        tp, fp, fn = sum(counts[rng.randrange(len(counts))] for _ in counts)
        f1.append(2 * tp / (2 * tp + fp + fn))
    low, high = np.percentile(f1, [2.5, 97.5])
    found = intervals(counts, n=4000, seed=0)["f1"]
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


def test_intervals_hold_the_score_and_repeat_with_the_seed(note):
    gold, predicted = corpus(note, 0.7)
    report = score(gold, predicted, bootstrap=500, seed=3)
    again = score(gold, predicted, bootstrap=500, seed=3)
    other = score(gold, predicted, bootstrap=500, seed=4)
    block = report.to_dict()["entities"]["strict"]
    for figure in ("precision", "recall", "f1"):
        low, high = block["intervals"][figure]
        assert low <= block["micro"][figure] <= high
    assert report.to_dict() == again.to_dict()
    assert block["intervals"] != other.to_dict()["entities"]["strict"]["intervals"]


def test_intervals_do_not_depend_on_the_order_of_documents(note):
    gold, predicted = corpus(note, 0.7)
    forward = score(gold, predicted, bootstrap=200).to_dict()
    assert score(gold[::-1], predicted[::-1], bootstrap=200).to_dict() == forward


def test_intervals_shrink_with_more_documents():
    few, many = invented_counts(20), np.tile(invented_counts(20), (25, 1))
    width = [interval.high - interval.low for interval in (intervals(few)["f1"], intervals(many)["f1"])]
    assert width[1] < width[0] / 3


def test_resamples_in_blocks_are_complete(monkeypatch):
    monkeypatch.setattr(bootstrap_module, "N_CELLS", 90)
    blocks = [block.shape for block in bootstrap_module._resamples(np.random.default_rng(0), 40, 7)]
    assert blocks == [(2, 40), (2, 40), (2, 40), (1, 40)]


def test_a_perfect_score_has_no_width_and_no_documents_have_no_interval():
    perfect = np.array([[3, 0, 0], [5, 0, 0]])
    assert (intervals(perfect)["f1"].low, intervals(perfect)["f1"].high) == (1.0, 1.0)
    assert intervals(np.zeros((0, 3), dtype=np.int64)) == {}


def test_a_clearly_better_system_is_told_from_a_worse_one(note):
    gold, better = corpus(note, 0.9)
    _, worse = corpus(note, 0.5, seed=1)
    found = paired_bootstrap(gold, better, worse, "entities.strict")
    assert found.difference == pytest.approx(found.f1_a - found.f1_b)
    assert 0 < found.interval.low < found.difference < found.interval.high
    assert found.p_bootstrap < 0.01
    assert found.p_randomization < 0.01
    swapped = paired_bootstrap(gold, worse, better, "entities.strict")
    assert swapped.difference == -found.difference
    assert swapped.interval.high < 0


def test_a_system_does_not_differ_from_itself(note):
    gold, predicted = corpus(note, 0.7)
    found = paired_bootstrap(gold, predicted, predicted)
    assert (found.difference, found.interval.low, found.interval.high) == (0.0, 0.0, 0.0)
    assert (found.p_bootstrap, found.p_randomization) == (1.0, 1.0)


def test_two_draws_of_one_system_seldom_differ(note):
    significant = 0
    for seed in range(20):
        gold, one = corpus(note, 0.7, seed=2 * seed)
        _, other = corpus(note, 0.7, seed=2 * seed + 1)
        significant += paired_bootstrap(gold, one, other, n=400).p_randomization < 0.05
    assert significant <= 4


def test_randomization_agrees_with_trying_every_exchange():
    a = np.array([[5, 1, 0], [4, 0, 2], [6, 2, 1], [3, 1, 1], [7, 0, 1]])
    b = np.array([[3, 1, 2], [4, 1, 2], [4, 2, 3], [3, 2, 1], [5, 3, 3]])

    def f1(counts):
        tp, fp, fn = counts.sum(axis=0)
        return 2 * tp / (2 * tp + fp + fn)

    observed = f1(a) - f1(b)
    as_large = 0
    for choice in range(2**5):
        keep = np.array([[choice >> i & 1] for i in range(5)])
        as_large += abs(f1(np.where(keep, a, b)) - f1(np.where(keep, b, a))) >= observed - 1e-12
    found = difference("entities.strict", a, b, n=20_000)
    assert found.p_randomization == pytest.approx(as_large / 2**5, abs=0.015)


def test_a_measure_that_only_one_system_uses_counts_as_nothing_in_the_other(note):
    gold = [note("Drug 0-5", "Form 6-9")]
    with_relations = [note("Drug 0-5", "Form 6-9", relations=("Form-Drug T2 T1",))]
    found = paired_bootstrap(gold, with_relations, gold, "relations.end_to_end.strict", n=10)
    assert found.difference == 0.0


def test_an_unknown_measure_names_the_nearest(note):
    with pytest.raises(UnknownNameError, match=r"did you mean 'entities\.strict'"):
        paired_bootstrap([note()], [note()], [note()], "entity.strict")


def test_comparing_on_no_documents_is_refused():
    with pytest.raises(ScoringError, match="no gold documents"):
        paired_bootstrap([], [], [])
