"""Counts and what follows from them: precision, recall, F1, micro and macro averages.

Where a figure is undefined (nothing predicted, nothing in gold, or neither) it is 0. Two empty sides therefore score
0, not 1: there was nothing to find, and nothing was shown.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from medspan.scoring.matching import Extent, maximum_matching, overlap_edges

__all__ = ["Counts", "Rows", "Tally", "add", "averages", "count_equal", "count_overlapping", "ratios", "tally"]

Rows: TypeAlias = dict[str, list[int]]  # row name -> [tp, fp, fn], within one document
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float:
        """Share of predictions that are right; 0 when nothing was predicted."""
        predicted = self.tp + self.fp
        # Official scorers may count matches in a row that holds no prediction.
        return self.tp / predicted if predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of gold that was found; 0 when gold is empty."""
        return self.tp / (self.tp + self.fn) if self.tp else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 when nothing is right."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp else 0.0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def to_dict(self) -> dict[str, float]:
        """Return the three ratios and the three counts."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
        }


@dataclass(frozen=True, eq=False)
class Tally:
    """The counts of one measure, kept by document so that averages and intervals can be taken later.

    `total` is (documents, 3) and `by_row` (documents, rows, 3), the last axis being tp, fp, fn. Rows are sorted by
    name. In medspan's own measures rows add up to the total; an official scorer may keep a total of its own, and may
    average documents that are empty on both sides as 0 (`averages_empty`).
    """

    rows: tuple[str, ...]
    by_row: NDArray[np.int64]
    total: NDArray[np.int64]
    averages_empty: bool = False

    @property
    def micro(self) -> Counts:
        """Counts summed over documents."""
        return _counts(self.total.sum(axis=0))

    @property
    def labels(self) -> dict[str, Counts]:
        """Counts of each row, summed over documents."""
        sums = self.by_row.sum(axis=0)
        return {row: _counts(sums[i]) for i, row in enumerate(self.rows)}

    @property
    def macro_documents(self) -> dict[str, float]:
        """Mean of the ratios of documents; documents where both sides are empty are left out, unless said otherwise."""
        return averages(self.total, keep_empty=self.averages_empty)

    @property
    def macro_labels(self) -> dict[str, float]:
        """Mean of the ratios of rows; a row counts when either side uses it."""
        return averages(self.by_row.sum(axis=0))


def _counts(values: NDArray[np.int64]) -> Counts:
    return Counts(int(values[0]), int(values[1]), int(values[2]))


def ratios(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn counts (..., 3) into precision, recall and F1 (..., 3); undefined ones are 0."""
    tp, fp, fn = (counts[..., i].astype(np.float64) for i in range(3))
    shares = [(tp, tp + fp), (tp, tp + fn), (2 * tp, 2 * tp + fp + fn)]
    return np.stack([np.divide(a, b, out=np.zeros_like(a), where=b > 0) for a, b in shares], axis=-1)


def averages(counts: NDArray[np.int64], *, keep_empty: bool = False) -> dict[str, float]:
    """Average the ratios of counts (items, 3), by default over items that hold anything; 0 when there is none."""
    used = counts if keep_empty else counts[counts.sum(axis=-1) > 0]
    means = ratios(used).mean(axis=0) if len(used) else np.zeros(3)
    return {"precision": float(means[0]), "recall": float(means[1]), "f1": float(means[2])}


def tally(
    documents: Sequence[Rows],
    totals: Sequence[tuple[int, int, int]] | None = None,
    *,
    averages_empty: bool = False,
) -> Tally:
    """Collect the rows of each document; `totals` replaces the sums of rows where a scorer counts them apart."""
    names = tuple(sorted({name for rows in documents for name in rows}))
    index = {name: i for i, name in enumerate(names)}
    by_row = np.zeros((len(documents), len(names), 3), dtype=np.int64)
    for d, rows in enumerate(documents):
        for name, counts in rows.items():
            by_row[d, index[name]] = counts
    if totals is None:
        return Tally(names, by_row, by_row.sum(axis=1), averages_empty)
    return Tally(names, by_row, np.array(totals, dtype=np.int64).reshape(len(documents), 3), averages_empty)


def add(rows: Rows, name: str, tp: int = 0, fp: int = 0, fn: int = 0) -> None:
    """Add counts to one row."""
    counts = rows.setdefault(name, [0, 0, 0])
    counts[0] += tp
    counts[1] += fp
    counts[2] += fn


def count_equal(gold: Iterable[K], predicted: Iterable[K], row: Callable[[K], str]) -> Rows:
    """Match equal items one to one: of m and n duplicates, the smaller number are true positives."""
    n_gold, n_predicted = _multiplicity(gold), _multiplicity(predicted)
    rows: Rows = {}
    for key, n in n_gold.items():
        found = n_predicted.pop(key, 0)
        tp = min(n, found)
        add(rows, row(key), tp, found - tp, n - tp)
    for key, n in n_predicted.items():
        add(rows, row(key), fp=n)
    return rows


def count_overlapping(
    gold: Iterable[tuple[K, Extent]], predicted: Iterable[tuple[K, Extent]], row: Callable[[K], str]
) -> Rows:
    """Match items of equal key that share a character, one to one, as many as possible."""
    gold_extents, predicted_extents = _grouped(gold), _grouped(predicted)
    rows: Rows = {}
    for key in gold_extents.keys() | predicted_extents.keys():
        left, right = gold_extents.get(key, []), predicted_extents.get(key, [])
        tp = 0
        if left and right:
            tp = sum(j >= 0 for j in maximum_matching(overlap_edges(left, right), len(right)))
        add(rows, row(key), tp, len(right) - tp, len(left) - tp)
    return rows


def _multiplicity(items: Iterable[K]) -> dict[K, int]:
    counts: dict[K, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return counts


def _grouped(items: Iterable[tuple[K, Extent]]) -> Mapping[K, list[Extent]]:
    groups: dict[K, list[Extent]] = {}
    for key, extent in items:
        groups.setdefault(key, []).append(extent)
    return groups
