"""What every step of a run holds: a pure function of the examples, the sizes, the seed and the step's number."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from medspan.errors import ConfigError
from medspan.training.batches import plan_epoch
from medspan.training.config import Optimisation
from medspan.training.examples import Example

__all__ = ["StepPlan"]


class StepPlan:
    """The batches of each step.

    A step takes `accumulation` batches on each of `n_devices` devices; the last step of an epoch takes what is left.
    total: steps of the run, those of all epochs or fewer where `steps` limits them. Raises ConfigError where there is
    nothing to learn from.
    """

    def __init__(self, examples: Sequence[Example], options: Optimisation, seed: int, n_devices: int = 1) -> None:
        self._examples = examples
        self._options = options
        self._seed = seed
        self._size = options.accumulation * n_devices
        self._kept: tuple[int, list[list[list[int]]]] = (-1, [])
        sizes: list[int] = []
        while len(sizes) < options.epochs and (not options.steps or sum(sizes) < options.steps):
            sizes.append(len(self._epoch(len(sizes))))
        self._ends = list(accumulate(sizes))
        every = self._ends[-1]
        if not every:
            raise ConfigError(
                "sources: nothing to learn from; their documents are none, held out, kept as tune, or without anything "
                "that the formulation learns of the heads' schemas"
            )
        self.total = min(every, options.steps) if options.steps else every

    def step(self, number: int) -> list[list[int]]:
        """Return the batches of a step, counted from 0, as lists of example numbers."""
        epoch = bisect_right(self._ends, number)
        return self._epoch(epoch)[number - (self._ends[epoch - 1] if epoch else 0)]

    def epochs_done(self, steps: int) -> int:
        """Return how many epochs are complete after so many steps."""
        return bisect_right(self._ends, steps)

    def is_epoch_end(self, steps: int) -> bool:
        """Tell whether an epoch is complete after exactly so many steps."""
        return steps in self._ends

    def progress(self, steps: int) -> float:
        """Return how many epochs are done after so many steps, fractions included."""
        epoch = self.epochs_done(steps)
        if epoch == len(self._ends):
            return float(epoch)
        start = self._ends[epoch - 1] if epoch else 0
        return round(epoch + (steps - start) / (self._ends[epoch] - start), 3)

    def _epoch(self, epoch: int) -> list[list[list[int]]]:
        if self._kept[0] != epoch:
            options = self._options
            batches = plan_epoch(self._examples, options.batch_tokens, self._seed, epoch, options.batch_rows)
            steps = [batches[at : at + self._size] for at in range(0, len(batches), self._size)]
            self._kept = (epoch, steps)
        return self._kept[1]
