"""Batches: every row as often as its source says, in the same order for the same seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from medspan.formulations.inputs import EncoderInput
from medspan.training.batches import plan_epoch
from medspan.training.examples import Example


def example(length: int, repeat: float = 1.0) -> Example:
    return Example(EncoderInput(np.arange(length, dtype=np.int32)), None, repeat)


@given(
    st.lists(st.tuples(st.integers(2, 80), st.sampled_from([0.3, 1.0, 2.5, 3.0])), min_size=1, max_size=30),
    st.integers(16, 300),
    st.integers(0, 5),
)
def test_an_epoch_covers_each_row_as_often_as_asked_and_keeps_the_budget(
    rows: list[tuple[int, float]], budget: int, epoch: int
) -> None:
    examples = [example(*row) for row in rows]
    plan = plan_epoch(examples, budget, seed=3, epoch=epoch)
    seen = Counter(number for batch in plan for number in batch)
    for number, (_, repeat) in enumerate(rows):
        assert int(repeat) <= seen[number] <= int(np.ceil(repeat))
    for batch in plan:
        assert len(batch) == 1 or len(batch) * max(rows[number][0] for number in batch) <= budget


def test_the_plan_is_the_same_for_the_same_seed_and_epoch_alone() -> None:
    examples = [example(5 + at % 40, 1.5) for at in range(60)]
    assert plan_epoch(examples, 200, 1, 0) == plan_epoch(examples, 200, 1, 0)
    assert plan_epoch(examples, 200, 1, 0) != plan_epoch(examples, 200, 1, 1)
    assert plan_epoch(examples, 200, 1, 0) != plan_epoch(examples, 200, 2, 0)


def test_a_repeat_of_two_and_a_half_is_met_on_average() -> None:
    plan = plan_epoch([example(10, 2.5) for _ in range(400)], 500, 1, 0)
    assert sum(len(batch) for batch in plan) == pytest.approx(1000, abs=60)


def test_rows_of_like_length_share_a_batch() -> None:
    examples = [example(length) for length in [10, 100] * 50]
    for batch in plan_epoch(examples, 1000, 1, 0):
        assert len({len(examples[number].row) for number in batch}) == 1
