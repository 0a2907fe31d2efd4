import random

import pytest

from medspan.errors import ScoringError
from medspan.scoring import bio


def counted(tally):
    c = tally.micro
    return c.tp, c.fp, c.fn


# Gold tags, predicted tags, strict and relaxed (tp, fp, fn).
GOLDEN = {
    "a mention cut short": ("B-x I-x O", "B-x O O", (0, 1, 1), (1, 0, 0)),
    "a mention begun too early": ("O B-x", "B-x I-x", (0, 1, 1), (1, 0, 0)),
    "the same": ("B-x I-x O", "B-x I-x O", (1, 0, 0), (1, 0, 0)),
    "another label": ("B-x I-x O", "B-y I-y O", (0, 1, 1), (0, 1, 1)),
    "split in two": ("B-x I-x", "B-x B-x", (0, 2, 1), (1, 1, 0)),
    "two in one": ("B-x B-x", "B-x I-x", (0, 1, 2), (1, 0, 1)),
    "nothing predicted": ("O B-x", "O O", (0, 0, 1), (0, 0, 1)),
    "inside for begin": ("O B-x", "O I-x", (1, 0, 0), (1, 0, 0)),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_tags_are_scored_as_worked_by_hand(case):
    gold, predicted, strict, relaxed = GOLDEN[case]
    assert counted(bio.strict([gold.split()], [predicted.split()])) == strict
    assert counted(bio.relaxed([gold.split()], [predicted.split()])) == relaxed


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("I-x I-x O I-x", [("x", 0, 2), ("x", 3, 4)]),
        ("B-x I-y I-y", [("x", 0, 1), ("y", 1, 3)]),
        ("B-x B-x I-x", [("x", 0, 1), ("x", 1, 3)]),
        ("B-OBS-DP I-OBS-DP O", [("OBS-DP", 0, 2)]),
    ],
)
def test_inside_tags_that_continue_nothing_begin_a_mention(tags, expected):
    assert [(label, *extent[0]) for label, extent in bio.mentions(tags.split())] == expected


def test_sequences_that_do_not_fit_are_refused_by_number():
    with pytest.raises(ScoringError, match="1 gold sequences of tags and 0 predicted"):
        bio.strict([["O"]], [])
    with pytest.raises(ScoringError, match="sequence 1 has 1 gold tags and 2 predicted"):
        bio.relaxed([["O"], ["O"]], [["O"], ["O", "O"]])


@pytest.mark.parametrize("tag", ["canary", "B-", "E-x", "o", ""])
def test_a_word_in_the_place_of_a_tag_is_refused_without_quoting_it(tag):
    with pytest.raises(ScoringError, match="tag 1 of a sequence") as caught:
        bio.mentions(["O", tag])
    assert "canary" not in str(caught.value)


def test_rows_and_totals_agree_with_seqeval_on_random_sequences():
    pytest.importorskip("seqeval")
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    rng = random.Random(0)
    choices = ["O", "O", "O", "B-x", "I-x", "B-y", "I-y"]
    gold = [[rng.choice(choices) for _ in range(12)] for _ in range(200)]
    predicted = [[tag if rng.random() < 0.8 else rng.choice(choices) for tag in tags] for tags in gold]
    # seqeval's default reads an inside tag that continues nothing as a beginning, which its strict IOB2 does not.
    expected = classification_report(gold, predicted, output_dict=True, zero_division=0)
    tally = bio.strict(gold, predicted)
    for label, counts in {**tally.labels, "micro avg": tally.micro}.items():
        row = expected[label]
        assert counts.precision == pytest.approx(row["precision"])
        assert counts.recall == pytest.approx(row["recall"])
        assert counts.f1 == pytest.approx(row["f1-score"])
        assert counts.tp + counts.fn == row["support"]
    means = tally.macro_labels
    assert means["f1"] == pytest.approx(expected["macro avg"]["f1-score"])
    legal = [_legal(tags) for tags in gold], [_legal(tags) for tags in predicted]
    strictly = classification_report(*legal, output_dict=True, zero_division=0, mode="strict", scheme=IOB2)
    assert bio.strict(*legal).micro.f1 == pytest.approx(strictly["micro avg"]["f1-score"])


def _legal(tags):
    """The same mentions, every one begun by B."""
    out = ["O"] * len(tags)
    for label, ((start, end),) in bio.mentions(tags):
        out[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return out
