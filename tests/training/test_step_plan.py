"""What every step holds: all rows of an epoch once, whatever was asked before, and nothing where there are none."""

import numpy as np
import pytest

from medspan.errors import ConfigError
from medspan.formulations.inputs import EncoderInput

pytest.importorskip("torch")

from medspan.training.config import Optimisation
from medspan.training.examples import Example
from medspan.training.plan import StepPlan


def plan(n_examples: int, *, repeat: float = 1.0, n_devices: int = 1, **options: int) -> StepPlan:
    examples = [Example(EncoderInput(np.arange(8, dtype=np.int32)), None, repeat) for _ in range(n_examples)]
    return StepPlan(examples, Optimisation.model_validate({"batch_tokens": 16} | options), 1, n_devices)


def test_the_steps_of_an_epoch_hold_every_row_and_the_last_one_what_is_left() -> None:
    steps = plan(22, epochs=2, accumulation=2, n_devices=2)
    assert steps.total == 6
    sizes = [len(steps.step(number)) for number in range(6)]
    assert sizes == [4, 4, 3] * 2
    for first in (0, 3):
        seen = sorted(row for number in range(first, first + 3) for batch in steps.step(number) for row in batch)
        assert seen == list(range(22))
    assert [steps.is_epoch_end(number) for number in range(7)] == [False, False, False, True, False, False, True]
    assert [steps.progress(number) for number in (0, 3, 4, 6)] == [0, 1, 1.333, 2]


def test_a_step_is_the_same_whatever_was_asked_before() -> None:
    in_order, backwards = plan(30, epochs=3), plan(30, epochs=3)
    expected = [in_order.step(number) for number in range(in_order.total)]
    assert [backwards.step(number) for number in reversed(range(backwards.total))] == expected[::-1]
    assert expected[:15] != expected[15:30]


def test_a_limit_of_steps_ends_the_plan_within_an_epoch_or_with_the_epochs() -> None:
    assert plan(20, epochs=3, steps=14).total == 14
    assert plan(20, epochs=3, steps=99).total == 30


@pytest.mark.parametrize(("n_examples", "repeat"), [(0, 1.0), (3, 1e-9)])
def test_nothing_to_learn_from_is_refused(n_examples: int, repeat: float) -> None:
    with pytest.raises(ConfigError, match="nothing to learn from"):
        plan(n_examples, repeat=repeat, epochs=2)
