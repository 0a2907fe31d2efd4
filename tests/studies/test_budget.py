"""How many steps fit a budget."""

import pytest

from medspan.errors import ConfigError
from medspan.studies.budget import Cost, steps_within, with_steps
from medspan.studies.grid import expand
from medspan.studies.study_file import Study
from studies.tiny_study import tiny_study


def test_steps_fill_the_budget_but_no_more_epochs_than_asked() -> None:
    assert steps_within(Cost(0.5, epoch=7.5), 1.0, epochs=100) == 120
    assert steps_within(Cost(0.5, epoch=7.5), 1.0, epochs=4) == 30


def test_a_budget_for_too_few_steps_is_refused_and_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"1 CPU minutes holds 2 steps, and 10 need 5\.0"):
        steps_within(Cost(30.0, 20.0), 1.0, epochs=10)


def test_the_steps_found_are_written_into_the_recipe_with_evenly_spread_scores() -> None:
    recipe = expand(Study.model_validate(_spelt_out()))[0].recipe
    resolved = with_steps(recipe, 101, 5)
    assert (resolved.optimisation.steps, resolved.evaluation.every_steps) == (101, 21)
    assert resolved.optimisation.save_every == 21


def _spelt_out() -> dict[str, object]:
    study = tiny_study()
    study["groups"][0]["axes"] = {"seed": {"1": {"seed": 1}}}
    return study
