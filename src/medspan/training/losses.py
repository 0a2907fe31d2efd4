"""The criterion a recipe asks for."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from medspan.errors import ConfigError
from medspan.models.objective import Criterion, balanced_weights
from medspan.training.config import Optimisation
from medspan.training.examples import Example
from medspan.training.tasks import Task

__all__ = ["CountsClasses", "build_criterion"]


@runtime_checkable
class CountsClasses(Protocol):
    """What a task offers beside `Task` when its losses can be balanced by class."""

    def class_counts(self, examples: Sequence[Example]) -> Mapping[str, Sequence[int]]:
        """Return how often each class occurs in the examples' gold, by the group names its losses ask for."""
        ...


def build_criterion(options: Optimisation, task: Task, examples: Sequence[Example]) -> Criterion:
    """Return the criterion; raises ConfigError where classes are to be balanced and the formulation counts none."""
    if options.loss != "class_balanced":
        return Criterion(options.loss, options.focal_gamma)
    if not isinstance(task, CountsClasses):
        raise ConfigError(
            "optimisation.loss: class_balanced needs the number of samples of each class, which this formulation does "
            "not count; use focal or cross_entropy"
        )
    counts = task.class_counts(examples)
    return Criterion(
        "class_balanced", groups={name: balanced_weights(n, options.class_balance) for name, n in counts.items()}
    )
