"""What a run costs: steps, time, memory, tokens; and how good it was at which cost."""

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from medspan.training.memory import HighWater

__all__ = ["Costs", "Meter"]

_KEPT = 1000
"""Durations of steps that are remembered for their median, the latest ones."""


@dataclass
class Costs:
    """What the steps so far cost, over all sessions of a run.

    step_seconds, step_cpu: wall and processor time of the latest steps; seconds: wall time of all. None counts
    evaluation. tokens: in those rows, padding not counted. cpu_seconds: processor time of the process since training
    began, evaluation included. peak_memory, memory_growth: bytes, see `Meter`. curve: an entry an evaluation.
    """

    seconds: float = 0.0
    tokens: int = 0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    memory_growth: int = 0
    step_seconds: list[float] = field(default_factory=list)
    step_cpu: list[float] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)


class Meter:
    """Measures one session of a run.

    Memory is the resident high-water mark of this process during steps, evaluation left out where the system lets
    it be; its growth is over the memory held just before the first step, with model and examples loaded.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self._memory = HighWater()
        self._cpu_before = costs.cpu_seconds
        self._cpu_start = time.process_time()
        self._began = 0.0
        self._cpu_began = 0.0

    def begin_steps(self) -> None:
        """Start counting memory, or again after something else was done."""
        self._memory.begin()

    def begin_step(self) -> None:
        """Start a step's clock."""
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def end_step(self, n_tokens: int) -> None:
        """Add a step."""
        took, busy = time.perf_counter() - self._began, time.process_time() - self._cpu_began
        self._memory.read()
        costs = self.costs
        costs.seconds += took
        costs.tokens += n_tokens
        costs.step_seconds = [*costs.step_seconds[-_KEPT + 1 :], round(took, 5)]
        costs.step_cpu = [*costs.step_cpu[-_KEPT + 1 :], round(busy, 5)]
        costs.peak_memory = max(costs.peak_memory, self._memory.highest)
        costs.memory_growth = max(costs.memory_growth, self._memory.growth)
        self.tick()

    def tick(self) -> float:
        """Bring the processor time up to date and return it."""
        self.costs.cpu_seconds = round(self._cpu_before + time.process_time() - self._cpu_start, 2)
        return self.costs.cpu_seconds

    def add_score(self, step: int, epoch: float, measure: float) -> None:
        """Add a point to the learning curve."""
        entry = {"step": step, "epoch": epoch, "cpu_seconds": self.tick(), "measure": round(measure, 4)}
        self.costs.curve.append(entry)

    def report(self) -> dict[str, Any]:
        """Return the costs as `metrics.json` has them."""
        costs = self.costs
        return {
            "seconds": round(costs.seconds),
            "cpu_seconds": self.tick(),
            "seconds_per_step": round(median(costs.step_seconds), 4) if costs.step_seconds else 0.0,
            "cpu_seconds_per_step": round(median(costs.step_cpu), 4) if costs.step_cpu else 0.0,
            "tokens_per_second": round(costs.tokens / costs.seconds) if costs.seconds else 0,
            "peak_memory_bytes": costs.peak_memory,
            "memory_growth_bytes": costs.memory_growth,
            "curve": costs.curve,
        }
