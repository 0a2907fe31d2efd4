"""Kept cells to rows of tables: cells that differ in nothing but the seed stand together."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medspan.scoring.bootstrap import intervals
from medspan.scoring.counts import ratios
from medspan.studies.keeping import Kept
from medspan.studies.running import State
from medspan.studies.study_file import SEED, Group

__all__ = ["GIVEN", "RISE", "Figure", "Row", "is_rising", "rows", "student"]

GIVEN = "given_entities"

RISE = 0.002
"""A last score on tune that is so much above the best before it says that longer training would have helped."""

# Student's t, two-sided 95 %, by degrees of freedom; past the table the normal distribution is near enough.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Figure:
    """Micro F1 in one measure: the mean over seeds, and how sure it is.

    half: half the width of the 95 % interval over seeds, by Student's t; None for one seed. low and high: the 95 %
    bootstrap interval over documents, all seeds' counts together; None where nothing was resampled.
    """

    mean: float
    half: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Row:
    """Finished cells of one group with the same values on all axes but the seed's, by seed."""

    group: Group
    values: Mapping[str, str]
    cells: Mapping[str, Kept]
    _found: dict[tuple[str, int, str], Figure | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The values, as they stand in tables and plots."""
        return ", ".join(self.values.values())

    def gold(self) -> frozenset[str]:
        """Return the digests of the documents that the cells were scored on; more than one where they changed since."""
        name = self.group.scored.documents
        return frozenset(str(cell.get("data", {}).get(name, {}).get("sha256", "")) for cell in self.cells.values())

    def counts(self, measure: str, seeds: Iterable[str] | None = None, part: str = "") -> NDArray[np.int64] | None:
        """Return true positives, false positives, false negatives (units, 3), summed over seeds; None if unmeasured.

        part: `given_entities` for the figures on gold entities.
        """
        total: NDArray[np.int64] | None = None
        for seed in self.cells if seeds is None else seeds:
            cell = self.cells[seed]
            lists = (cell.get(part, {}) if part else cell).get("counts", {}).get(measure)
            if lists is None:
                return None
            counts = np.array(lists, dtype=np.int64).reshape(3, -1).T
            total = counts if total is None else total + counts
        return total

    def figure(self, measure: str, resamples: int, part: str = "") -> Figure | None:
        """Return F1 in one measure, by its dotted name; None where no cell has it or the formulation cannot say it."""
        key = (measure, resamples, part)
        if key not in self._found:  # tables, files and plots ask for the same resamples
            self._found[key] = self._figure(measure, resamples, part)
        return self._found[key]

    def _figure(self, measure: str, resamples: int, part: str) -> Figure | None:
        counts = self.counts(measure, part=part)
        if counts is None or not self.can_say(measure):
            return None
        each = [self.counts(measure, [seed], part) for seed in self.cells]
        values = [float(ratios(one.sum(axis=0))[2]) for one in each if one is not None]
        bounds = intervals(counts, n=resamples).get("f1") if resamples else None
        return Figure(
            sum(values) / len(values),
            student(values),
            bounds.low if bounds else None,
            bounds.high if bounds else None,
            len(values),
        )

    def ceiling(self, measure: str) -> float | None:
        """Return the best F1 the formulation can reach in a measure, where it is known."""
        found = [cell["ceiling"][measure] for cell in self.cells.values() if measure in (cell.get("ceiling") or {})]
        return sum(found) / len(found) if found else None

    def can_say(self, measure: str) -> bool:
        """Whether the formulation can score in a measure at all, as tagging cannot in relations."""
        return self.ceiling(measure) != 0.0

    def training(self, key: str) -> float | None:
        """Return the mean over seeds of a number that the training noted."""
        found = [cell["training"].get(key) for cell in self.cells.values()]
        numbers = [float(value) for value in found if isinstance(value, int | float)]
        return sum(numbers) / len(numbers) if numbers else None

    def rising(self) -> int | None:
        """Return how many seeds were still getting better on tune when their budget ended; None without curves."""
        curves = [cell["training"].get("curve") for cell in self.cells.values()]
        known = [is_rising(curve) for curve in curves if curve]
        return sum(known) if known else None


def rows(group: Group, states: Sequence[State]) -> list[Row]:
    """Return the rows of a group that have at least one finished cell, in the order of its axes, the first slowest."""
    found: dict[tuple[str, ...], dict[str, Kept]] = {}
    axes = [axis for axis in group.axes if axis != SEED]
    for state in states:
        if state.cell.group.name == group.name and state.is_finished and state.kept is not None:
            key = tuple(state.cell.values[axis] for axis in axes)
            found.setdefault(key, {})[state.cell.values.get(SEED, "")] = state.kept
    places = {axis: list(group.axes[axis]) for axis in axes}
    ordered = sorted(found, key=lambda key: [places[axis].index(value) for axis, value in zip(axes, key, strict=True)])
    return [Row(group, dict(zip(axes, key, strict=True)), found[key]) for key in ordered]


def student(values: Sequence[float]) -> float | None:
    """Return half the width of the 95 % interval of a mean by Student's t; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    mean = sum(values) / n
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return (_STUDENT[n - 2] if n - 2 < len(_STUDENT) else 1.96) * deviation / math.sqrt(n)


def is_rising(curve: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether the last score on tune is clearly the best one."""
    measures = [float(point["measure"]) for point in curve]
    return len(measures) > 1 and measures[-1] >= max(measures[:-1]) + RISE
