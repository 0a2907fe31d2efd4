"""Which weights learn, and how many there are."""

from dataclasses import dataclass
from typing import Any

__all__ = ["ParameterCount", "count_parameters", "learning"]


@dataclass(frozen=True)
class ParameterCount:
    """Numbers of weights."""

    trainable: int
    total: int

    @property
    def share(self) -> float:
        """Trainable weights as a share of all."""
        return self.trainable / self.total if self.total else 0.0


def learning(module: Any) -> tuple[str, ...]:
    """Name the parameters of a torch module that training changes, in the module's order."""
    return tuple(name for name, parameter in module.named_parameters() if parameter.requires_grad)


def count_parameters(module: Any) -> ParameterCount:
    """Count the weights of a torch module, on whatever device, "meta" included; shared ones once."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    return ParameterCount(sum(size for size, learns in sizes if learns), sum(size for size, _ in sizes))
