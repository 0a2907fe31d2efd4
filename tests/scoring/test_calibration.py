import pytest

from medspan.errors import ScoringError
from medspan.scoring import Bin, align, calibration, score


def test_bins_and_error_agree_with_those_worked_by_hand(note):
    gold = note("Drug 0-5", "Drug 10-15", "Drug 20-25")
    predicted = note("Drug 0-5", "Drug 10-15", "Drug 20-26", "Drug 30-35", scores=(0.95, 0.85, 0.85, 0.2))
    found = calibration(align([gold], [predicted]).pairs)
    assert [(b.n, b.precision) for b in found.bins] == [(1, 0.0), (2, 0.5), (1, 1.0)]
    assert found.bins[1] == Bin(0.8, 0.9, 2, 0.85, 0.5)
    assert found.expected_calibration_error == pytest.approx((0.2 + 2 * 0.35 + 0.05) / 4)


def test_scores_that_say_the_truth_have_no_error(note):
    gold = note(*[f"Drug {2 * i}-{2 * i + 1}" for i in range(3)])
    predicted = note(*[f"Drug {2 * i}-{2 * i + 1}" for i in range(4)], scores=(0.75,) * 4)
    assert calibration(align([gold], [predicted]).pairs).expected_calibration_error == pytest.approx(0.0)


def test_of_equal_predictions_the_surest_is_the_right_one(note):
    gold = note("Drug 0-5")
    predicted = note("Drug 0-5", "Drug 0-5", scores=(0.3, 0.9))
    found = calibration(align([gold], [predicted]).pairs)
    assert [(b.mean_score, b.precision) for b in found.bins] == [(0.3, 0.0), (0.9, 1.0)]


def test_a_score_of_one_falls_into_the_last_bin(note):
    found = calibration(align([note("Drug 0-5")], [note("Drug 0-5", scores=(1.0,))]).pairs, n_bins=4)
    assert [(b.low, b.high, b.n) for b in found.bins] == [(0.75, 1.0, 1)]


def test_unscored_entities_are_counted_and_left_out(note):
    gold = note("Drug 0-5", "Drug 10-15")
    found = calibration(align([gold], [note("Drug 0-5", "Drug 10-15", scores=(0.9, None))]).pairs)
    assert (found.n_scored, found.n_unscored) == (1, 1)
    assert calibration(align([gold], [gold]).pairs) is None


def test_the_report_holds_calibration_only_where_scores_exist(note):
    gold = note("Drug 0-5")
    assert "calibration" not in score([gold], [gold]).to_dict()
    data = score([gold], [note("Drug 0-5", scores=(0.9,))]).to_dict()
    assert data["calibration"]["expected_calibration_error"] == pytest.approx(0.1)


def test_a_score_that_is_no_probability_is_refused(note):
    with pytest.raises(ScoringError, match=r"entity T1 has score 1\.5; expected 0 to 1"):
        score([note("Drug 0-5")], [note("Drug 0-5", scores=(1.5,))])


def test_every_entity_without_a_score_is_counted_in_documents_with_and_without_scores(note):
    gold = [note("Drug 0-5", key=key) for key in "ab"]
    predicted = [
        note("Drug 0-5", "Drug 6-9", key="a", scores=(0.5, None)),
        note("Drug 0-5", "Drug 6-9", "Drug 10-12", key="b"),
    ]
    found = score(gold, predicted).calibration
    assert (found.n_scored, found.n_unscored) == (1, 4)
