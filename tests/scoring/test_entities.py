import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.scoring import Counts, score


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


# One document, worked by hand: gold, predicted, strict (tp, fp, fn), lenient (tp, fp, fn).
GOLDEN = {
    "a duplicate prediction is wrong": (["Drug 0-5"], ["Drug 0-5", "Drug 0-5"], (1, 1, 0), (1, 1, 0)),
    "a duplicate in gold wants two": (["Drug 0-5", "Drug 0-5"], ["Drug 0-5"], (1, 0, 1), (1, 0, 1)),
    "duplicates on both sides match": (["Drug 0-5", "Drug 0-5"], ["Drug 0-5", "Drug 0-5"], (2, 0, 0), (2, 0, 0)),
    "a split mention is half wrong": (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], (0, 2, 1), (1, 1, 0)),
    "a merged mention finds one": (["Drug 0-5", "Drug 6-10"], ["Drug 0-10"], (0, 1, 2), (1, 0, 1)),
    "two and their union": (["Drug 0-5", "Drug 6-10"], ["Drug 0-5", "Drug 6-10", "Drug 0-10"], (2, 1, 0), (2, 1, 0)),
    "touching is not overlapping": (["Drug 0-5"], ["Drug 5-9"], (0, 1, 1), (0, 1, 1)),
    "the label must be equal": (["Drug 0-5"], ["ADE 0-5"], (0, 1, 1), (0, 1, 1)),
    "the covering range is not the fragments": (["Drug 0-3,8-12"], ["Drug 0-12"], (0, 1, 1), (1, 0, 0)),
    "a gap is not covered": (["Drug 0-3,8-12"], ["Drug 4-7"], (0, 1, 1), (0, 1, 1)),
    "one span may hold two labels": (["ADE 0-5", "Reason 0-5"], ["Reason 0-5"], (1, 0, 1), (1, 0, 1)),
    "the greedy choice would lose one": (["Drug 0-10", "Drug 0-3"], ["Drug 0-3", "Drug 5-8"], (1, 1, 1), (2, 0, 0)),
    "nothing predicted": (["Drug 0-5"], [], (0, 0, 1), (0, 0, 1)),
    "nothing in gold": ([], ["Drug 0-5"], (0, 1, 0), (0, 1, 0)),
    "nothing at all": ([], [], (0, 0, 0), (0, 0, 0)),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_counts_agree_with_those_worked_by_hand(note, case):
    gold, predicted, strict, lenient = GOLDEN[case]
    report = score([note(*gold)], [note(*predicted)])
    assert counted(report, "entities.strict") == strict
    assert counted(report, "entities.lenient") == lenient


@pytest.mark.parametrize("case", GOLDEN)
def test_order_of_annotations_changes_nothing(note, case):
    gold, predicted, _, _ = GOLDEN[case]
    forward = score([note(*gold)], [note(*predicted)])
    backward = score([note(*reversed(gold))], [note(*reversed(predicted))])
    assert forward.to_dict() == backward.to_dict()


forms = st.lists(
    st.tuples(st.sampled_from(["Drug", "Form"]), st.integers(0, 9), st.integers(1, 5)).map(
        lambda t: f"{t[0]} {t[1]}-{t[1] + t[2]}"
    ),
    max_size=7,
)


@given(forms)
def test_a_document_scored_against_itself_is_perfect(note, entities):
    report = score([note(*entities)], [note(*entities)])
    for measure in ("entities.strict", "entities.lenient"):
        assert counted(report, measure) == (len(entities), 0, 0)
        assert report.tally(measure).micro.f1 == (1.0 if entities else 0.0)


@given(forms, forms)
def test_swapping_the_sides_swaps_precision_and_recall(note, gold, predicted):
    there = score([note(*gold)], [note(*predicted)])
    back = score([note(*predicted)], [note(*gold)])
    for measure in there.tallies:
        a, b = there.tallies[measure].micro, back.tallies[measure].micro
        assert (a.tp, a.fp, a.fn) == (b.tp, b.fn, b.fp)
        assert (a.precision, a.recall, a.f1) == (b.recall, b.precision, b.f1)


@given(forms, forms)
def test_strict_is_never_above_lenient_and_labels_add_up(note, gold, predicted):
    report = score([note(*gold)], [note(*predicted)])
    assert report.tally("entities.strict").micro.tp <= report.tally("entities.lenient").micro.tp
    assert report.tally("entities.lenient").micro.tp <= report.tally("entities.span.lenient").micro.tp
    for path, tally in report.tallies.items():
        assert sum(tally.labels.values(), Counts()) == tally.micro
        if path == ("entities", "token"):
            continue
        assert tally.micro.tp + tally.micro.fn == len(gold)
        assert tally.micro.tp + tally.micro.fp == len(predicted)


def test_rows_by_label_are_counted_apart(note):
    gold = note("Drug 0-5", "Drug 10-15", "Form 20-25")
    predicted = note("Drug 0-5", "Form 10-15", "Dosage 30-32")
    labels = score([gold], [predicted]).tally("entities.strict").labels
    assert labels == {"Drug": Counts(1, 0, 1), "Form": Counts(0, 1, 1), "Dosage": Counts(0, 1, 0)}


def test_span_scores_ignore_labels_and_touched_needs_no_partner(note):
    gold = note("Drug 0-5", "Form 3-8", "Test 20-25", "Test 40-45")
    predicted = note("ADE 0-8", "Problem 20-25")
    report = score([gold], [predicted])
    assert counted(report, "entities.span.strict") == (1, 1, 3)
    assert counted(report, "entities.span.lenient") == (2, 0, 2)
    # Both mentions at the start are touched by one prediction.
    assert report.to_dict()["entities"]["span"]["gold_touched"] == 3 / 4


def test_ratios_follow_from_counts():
    counts = Counts(tp=6, fp=2, fn=4)
    assert counts.precision == 6 / 8
    assert counts.recall == 6 / 10
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


@pytest.mark.parametrize("counts", [Counts(), Counts(fp=3), Counts(fn=3), Counts(fp=3, fn=3)])
def test_undefined_ratios_are_zero(counts):
    assert (counts.precision, counts.recall, counts.f1) == (0.0, 0.0, 0.0)


def test_micro_sums_documents_and_macro_averages_them(note):
    gold = [
        note("Drug 0-5", "Drug 10-15", "Drug 20-25", "Form 30-35", key="a"),
        note("Drug 0-5", key="b"),
        note(key="c"),
    ]
    predicted = [
        note("Drug 0-5", "Drug 10-15", "Drug 20-25", "Form 30-35", key="a"),
        note("Drug 1-5", key="b"),
        note(key="c"),
    ]
    block = score(gold, predicted).to_dict()["entities"]["strict"]
    assert block["micro"]["f1"] == pytest.approx(4 / 5)
    # Document c is empty on both sides: left out of the average, not counted as 0 or 1.
    assert block["macro"]["documents"]["f1"] == pytest.approx((1 + 0) / 2)
    assert block["macro"]["labels"]["f1"] == pytest.approx((3 / 4 + 1) / 2)
