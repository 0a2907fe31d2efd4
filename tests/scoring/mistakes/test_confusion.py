from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.scoring import analyse
from medspan.scoring.facts import Mention
from medspan.scoring.mistakes.confusion import Confusion, confusions
from medspan.scoring.mistakes.sorting import entity_mistakes

mentions = st.lists(
    st.builds(
        lambda label, start, length: Mention(label, ((start, start + length),)),
        st.sampled_from(["A", "B", "(none)"]),
        st.integers(0, 8),
        st.integers(1, 5),
    ),
    max_size=7,
)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (["Drug 0-5"], ["Drug 0-5"], {("Drug", "Drug"): 1}),
        (["Drug 0-5"], ["Form 0-5"], {("Drug", "Form"): 1}),
        (["Drug 0-5"], ["Drug 2-9"], {("Drug", "Drug"): 1}),
        (["Drug 0-5"], ["Form 2-9"], {("Drug", "Form"): 1}),
        (["Drug 0-5"], ["Form 5-9"], {("Drug", None): 1, (None, "Form"): 1}),
        (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], {("Drug", "Drug"): 1, (None, "Drug"): 1}),
        (["Drug 0-4", "Drug 5-10"], ["Drug 0-10"], {("Drug", "Drug"): 1, ("Drug", None): 1}),
        # Equal fragments are matched before shared characters.
        (["Drug 0-10"], ["Form 0-10", "Drug 0-9"], {("Drug", "Form"): 1, (None, "Drug"): 1}),
    ],
)
def test_labels_are_confused_as_worked_by_hand(note, gold, predicted, expected):
    assert analyse([note(*gold)], [note(*predicted)]).confusion.counts == expected


@given(mentions, mentions)
def test_rows_sum_to_gold_and_columns_to_predicted(gold, predicted):
    confusion = Confusion(dict(confusions(entity_mistakes(gold, predicted))))
    names = (*confusion.labels, None)
    rows = confusion.rows()
    n_gold, n_predicted = (Counter(m.label for m in side) for side in (gold, predicted))
    assert [sum(row) for row in rows[:-1]] == [n_gold[name] for name in names[:-1]]
    assert [sum(column) for column in zip(*rows, strict=True)][:-1] == [n_predicted[name] for name in names[:-1]]
    assert rows[-1][-1] == 0


def test_the_most_frequent_gold_label_comes_first_and_none_last(note):
    confusion = analyse([note("B 0-2", "C 3-5", "C 6-8")], [note("A 0-2")]).confusion
    assert confusion.to_dict() == {
        "labels": ["C", "B", "A"],
        "rows": [[0, 0, 0, 2], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    }


def test_a_label_called_none_is_not_taken_for_no_mention(note):
    confusion = analyse([note("(none) 0-2")], [note()]).confusion
    assert confusion.counts == {("(none)", None): 1}
