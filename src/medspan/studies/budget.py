"""How many steps fit a cell's budget of processor time, timed before anything is trained in earnest.

The number found is written into the cell's recipe, so that the run itself depends on no clock.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError
from medspan.training.config import Recipe

__all__ = ["FEWEST_STEPS", "Cost", "cost_of", "steps_within", "time_steps", "with_steps"]

FEWEST_STEPS = 10
_TIMED_STEPS = 12


@dataclass(frozen=True)
class Cost:
    """Processor seconds: what happens once (reading, the ceiling, thresholds), a step, and a score on tune.

    epoch: how many steps an epoch has.
    """

    once: float
    step: float
    evaluation: float
    epoch: float = 0.0


def time_steps(recipe: Recipe, folder: Path) -> Cost:
    """Train a few steps of a recipe into a folder of its own and see what they cost."""
    from medspan.training.loop import train

    began, cpu = time.perf_counter(), time.process_time()
    metrics = train(with_steps(recipe, _TIMED_STEPS, 2), folder, quiet=True)
    return cost_of(metrics, time.process_time() - cpu, time.perf_counter() - began)


def cost_of(metrics: Mapping[str, Any], cpu: float, seconds: float) -> Cost:
    """Take a timed run's processor time apart.

    Steps are timed by the clock; the run's own share of processor time to clock time turns that into processor time,
    whatever else the machine was doing. Without a curve of two scores, what is not steps counts as one third a score.
    """
    steps = int(metrics["steps"])
    a_step = metrics.get("seconds_per_step") or metrics["seconds"] / max(1, steps)
    step = min(float(a_step) * cpu / max(seconds, 1e-9), cpu / max(1, steps))
    rest = max(0.0, cpu - step * steps)
    curve: Sequence[Mapping[str, Any]] = metrics.get("curve") or ()
    evaluation = rest / 3
    if len(curve) > 1 and all("cpu_seconds" in point for point in curve):
        passed = curve[-1]["cpu_seconds"] - curve[-2]["cpu_seconds"]
        taken = curve[-1]["step"] - curve[-2]["step"]
        evaluation = min(rest, max(0.0, passed - taken * step))
    epoch = steps / metrics["epochs"] if metrics.get("epochs") else 0.0
    return Cost(max(0.0, rest - evaluation * max(1, len(curve))), step, evaluation, epoch)


def steps_within(cost: Cost, minutes: float, evaluations: int, epochs: int) -> int:
    """Return how many steps fit so many minutes, and so many epochs.

    Raises ConfigError for a budget that holds fewer than ten steps.
    """
    left = 60 * minutes - cost.once - cost.evaluation * evaluations
    steps = int(left / max(cost.step, 1e-9))
    if steps < FEWEST_STEPS:
        needed = (cost.once + cost.evaluation * evaluations + cost.step * FEWEST_STEPS) / 60
        raise ConfigError(
            f"a budget of {minutes:g} CPU minutes holds {max(0, steps)} steps; {FEWEST_STEPS} steps and {evaluations} "
            f"scores on tune need {needed:.1f}: raise budget, or lower evaluations or optimisation.batch_tokens"
        )
    return min(steps, max(1, round(cost.epoch * epochs))) if cost.epoch else steps


def with_steps(recipe: Recipe, steps: int, evaluations: int) -> Recipe:
    """Return the recipe with so many steps, scored on tune so often, evenly spread, and resumable from each score."""
    every = -(-steps // evaluations)
    optimisation = {"steps": steps, "save_every": recipe.optimisation.save_every or every}
    return recipe.model_copy(
        update={
            "optimisation": recipe.optimisation.model_copy(update=optimisation),
            "evaluation": recipe.evaluation.model_copy(update={"every_steps": every, "keep_last": False}),
        }
    )
