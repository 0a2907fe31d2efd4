"""The learning rate: a linear rise, then the fall a recipe asks for."""

import pytest

from medspan.errors import ConfigError
from medspan.training.schedule import rate_factor


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [rate_factor(step, 100, 0.1) for step in range(101)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


def test_a_warmup_from_one_on_is_a_number_of_steps() -> None:
    assert [rate_factor(step, 100, 5) for step in range(5)] == [rate_factor(step, 100, 0.05) for step in range(5)]
    assert rate_factor(2, 4, 100) == 0.75


@pytest.mark.parametrize(
    ("schedule", "power", "middle"), [("linear", 9.0, 0.5), ("polynomial", 2.0, 0.25), ("constant", 2.0, 1.0)]
)
def test_each_schedule_has_its_height_halfway(schedule: str, power: float, middle: float) -> None:
    assert rate_factor(60, 100, 20, schedule, power) == pytest.approx(middle)
    assert rate_factor(20, 100, 20, schedule, power) == 1.0
    assert rate_factor(100, 100, 20, schedule, power) == (1.0 if schedule == "constant" else 0.0)


def test_a_floor_is_never_gone_below() -> None:
    rates = [rate_factor(step, 50, 0.1, "polynomial", 2.0, 0.2) for step in range(5, 51)]
    assert min(rates) == rates[-1] == pytest.approx(0.2)


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(ConfigError, match="schedule"):
        rate_factor(10, 20, 0.1, "sawtooth")
