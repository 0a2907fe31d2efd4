"""How the learning rate rises and falls over the steps of a run."""

import math

from medspan.errors import ConfigError
from medspan.training.names import ScheduleName

__all__ = ["rate_factor", "warmup_steps"]


def warmup_steps(warmup: float, total: int) -> int:
    """Return the steps with a rising rate: `warmup` is a share of the total below 1, a number of steps from 1 on."""
    return max(1, int(total * warmup if warmup < 1 else min(warmup, total)))


def rate_factor(
    step: int, total: int, warmup: float, schedule: ScheduleName = "cosine", power: float = 2.0, floor: float = 0.0
) -> float:
    """Return the share of the peak rate at a step, counted from 0: a linear rise, then a fall to `floor`.

    power: of the polynomial, 1 being linear. constant: no fall at all.
    """
    rise = warmup_steps(warmup, total)
    if step < rise:
        return (step + 1) / rise
    left = 1.0 - min(1.0, (step - rise) / max(1, total - rise))
    match schedule:
        case "constant":
            return 1.0
        case "cosine":
            height = 0.5 * (1.0 - math.cos(math.pi * left))
        case "linear":
            height = left
        case "polynomial":
            height = left**power
        case _:
            raise ConfigError(f"optimisation.schedule: {schedule!r} is not cosine, linear, constant or polynomial")
    return floor + (1.0 - floor) * height
