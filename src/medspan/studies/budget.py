"""How many steps fit a cell's budget of processor time, timed before anything is trained in earnest.

The number found is written into the cell's recipe, so that the run itself depends on no clock.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from medspan.errors import ConfigError
from medspan.training.config import Recipe

__all__ = ["FEWEST_STEPS", "Cost", "steps_within", "time_steps", "with_steps"]

FEWEST_STEPS = 10
_TIMED_STEPS = 14
_WARM_STEPS = 4


@dataclass(frozen=True)
class Cost:
    """What a recipe takes. step: processor seconds of a step; epoch: how many steps an epoch has."""

    step: float
    epoch: float


def time_steps(recipe: Recipe, folder: Path) -> Cost:
    """Make a few steps of a recipe, in a folder of its own, and see what they cost; nothing is scored."""
    from medspan.training.loop import Trainer

    trainer = Trainer(with_steps(recipe, _TIMED_STEPS, 1), folder, quiet=True)
    seconds = []
    for number in range(trainer.plan.total):
        batches = trainer.plan.step(number)
        began = time.process_time()
        examples = [[trainer.material.examples[member] for member in batch] for batch in batches]
        trainer.stepper.step(number, trainer.plan.total, examples)
        seconds.append(time.process_time() - began)
    trainer.journal.close()
    timed = seconds[_WARM_STEPS:] or seconds  # the first ones make the kernels
    return Cost(median(timed), len(seconds) / trainer.plan.progress(len(seconds)))


def steps_within(cost: Cost, minutes: float, epochs: int) -> int:
    """Return how many steps fit so many minutes, and so many epochs.

    Raises ConfigError for a budget that holds fewer than ten steps.
    """
    steps = int(60 * minutes / max(cost.step, 1e-9))
    if steps < FEWEST_STEPS:
        raise ConfigError(
            f"a budget of {minutes:g} CPU minutes holds {steps} steps, and {FEWEST_STEPS} need "
            f"{cost.step * FEWEST_STEPS / 60:.1f}: raise budget, or lower optimisation.batch_tokens"
        )
    return min(steps, max(1, round(cost.epoch * epochs)))


def with_steps(recipe: Recipe, steps: int, evaluations: int) -> Recipe:
    """Return the recipe with so many steps, scored on tune so often, evenly spread, and resumable from each score."""
    every = -(-steps // evaluations)
    optimisation = {"steps": steps, "save_every": recipe.optimisation.save_every or every}
    evaluation = {"every_steps": every, "keep_last": False, "export": True}
    return recipe.model_copy(
        update={
            "optimisation": recipe.optimisation.model_copy(update=optimisation),
            "evaluation": recipe.evaluation.model_copy(update=evaluation),
        }
    )
