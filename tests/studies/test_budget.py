"""How many steps fit a budget."""

import pytest

from medspan.errors import ConfigError
from medspan.studies.budget import Cost, cost_of, steps_within, with_steps
from medspan.studies.grid import expand
from medspan.studies.study_file import Study
from studies.tiny_study import tiny_study


def test_processor_time_is_taken_apart_into_reading_steps_and_scores() -> None:
    # 12 steps of half a second, two scores of 3 seconds, 8 seconds of all else; the process had the core all the time.
    curve = [{"step": 6, "cpu_seconds": 11.0}, {"step": 12, "cpu_seconds": 17.0}]
    cost = cost_of({"steps": 12, "epochs": 1.5, "seconds_per_step": 0.5, "curve": curve}, cpu=20.0, seconds=20.0)
    assert (cost.once, cost.step, cost.evaluation) == pytest.approx((8.0, 0.5, 3.0))
    assert cost.epoch == 8


def test_a_busy_machine_does_not_make_steps_dear() -> None:
    # The same run where others took half of the core: the clock doubled, processor time did not.
    curve = [{"step": 6, "cpu_seconds": 11.0}, {"step": 12, "cpu_seconds": 17.0}]
    cost = cost_of({"steps": 12, "seconds_per_step": 1.0, "curve": curve}, cpu=20.0, seconds=40.0)
    assert (cost.once, cost.step, cost.evaluation) == pytest.approx((8.0, 0.5, 3.0))


def test_without_a_curve_a_score_counts_as_a_third_of_all_but_steps() -> None:
    cost = cost_of({"steps": 12, "seconds": 6}, cpu=15.0, seconds=15.0)
    assert (cost.once, cost.step, cost.evaluation) == pytest.approx((6.0, 0.5, 3.0))


def test_steps_fill_what_the_budget_has_left_but_no_more_epochs_than_asked() -> None:
    assert steps_within(Cost(10.0, 0.5, 2.0), 1.0, 5, epochs=100) == 80  # 60 - 10 - 10 seconds
    assert steps_within(Cost(10.0, 0.5, 2.0, epoch=7.5), 1.0, 5, epochs=100) == 80
    assert steps_within(Cost(10.0, 0.5, 2.0, epoch=7.5), 1.0, 5, epochs=4) == 30


def test_a_budget_for_too_few_steps_is_refused_and_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"holds 0 steps; 10 steps and 5 scores on tune need 3\.8"):
        steps_within(Cost(100.0, 3.0, 20.0), 1.0, 5, epochs=10)


def test_the_steps_found_are_written_into_the_recipe_with_evenly_spread_scores() -> None:
    recipe = expand(Study.model_validate(_spelt_out()))[0].recipe
    resolved = with_steps(recipe, 101, 5)
    assert (resolved.optimisation.steps, resolved.evaluation.every_steps) == (101, 21)
    assert resolved.optimisation.save_every == 21


def _spelt_out() -> dict[str, object]:
    study = tiny_study()
    study["groups"][0]["axes"] = {"seed": {"1": {"seed": 1}}}
    return study
