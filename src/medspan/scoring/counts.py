"""Counts and what follows from them: precision, recall, F1, micro and macro averages.

Where a figure is undefined (nothing predicted, nothing in gold, or neither) it is 0. Two empty sides therefore score
0, not 1: there was nothing to find, and nothing was shown.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from medspan.scoring.matching import Extent, most_overlapping

__all__ = [
    "Collector",
    "Counts",
    "Rows",
    "Tally",
    "add",
    "averages",
    "count_equal",
    "count_overlapping",
    "ratios",
    "tally",
]

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


class Collector:
    """Takes the rows of one document after another and keeps them as plain numbers, so that many cost little memory."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        self._cells = array("q")  # document, row, tp, fp, fn; again and again
        self._n_documents = 0

    def add(self, rows: Rows) -> None:
        """Take the rows of the next document."""
        for name, (tp, fp, fn) in rows.items():
            index = self._index.get(name)
            if index is None:
                index = self._index[name] = len(self._index)
            self._cells.extend((self._n_documents, index, tp, fp, fn))
        self._n_documents += 1

    def tally(self, totals: Sequence[tuple[int, int, int]] | None = None, *, averages_empty: bool = False) -> Tally:
        """Give the counts of all documents; `totals` replaces sums of rows where a scorer counts them apart."""
        names = tuple(sorted(self._index))
        places = np.array([names.index(name) for name in self._index], dtype=np.int64)
        by_row = np.zeros((self._n_documents, len(names), 3), dtype=np.int64)
        cells = np.array(self._cells, dtype=np.int64).reshape(-1, 5)
        by_row[cells[:, 0], places[cells[:, 1]]] = cells[:, 2:]
        if totals is None:
            return Tally(names, by_row, by_row.sum(axis=1), averages_empty)
        return Tally(names, by_row, np.array(totals, dtype=np.int64).reshape(self._n_documents, 3), averages_empty)


def tally(
    documents: Iterable[Rows],
    totals: Sequence[tuple[int, int, int]] | None = None,
    *,
    averages_empty: bool = False,
) -> Tally:
    """Collect the rows of each document; `totals` replaces the sums of rows where a scorer counts them apart."""
    collector = Collector()
    for rows in documents:
        collector.add(rows)
    return collector.tally(totals, averages_empty=averages_empty)


def add(rows: Rows, name: str, tp: int = 0, fp: int = 0, fn: int = 0) -> None:
    """Add counts to one row."""
    counts = rows.get(name)
    if counts is None:
        rows[name] = [tp, fp, fn]
        return
    counts[0] += tp
    counts[1] += fp
    counts[2] += fn


def count_equal(gold: Iterable[K], predicted: Iterable[K], row: Callable[[K], str]) -> Rows:
    """Match equal items one to one: of m and n duplicates, the smaller number are true positives."""
    n_gold, n_predicted = Counter(gold), Counter(predicted)
    rows: Rows = {}
    for key, n in n_gold.items():
        found = n_predicted.pop(key, 0)
        tp = min(n, found)
        add(rows, row(key), tp, found - tp, n - tp)
    for key, n in n_predicted.items():
        add(rows, row(key), 0, n, 0)
    return rows


def count_overlapping(
    gold: Iterable[tuple[K, Extent]], predicted: Iterable[tuple[K, Extent]], row: Callable[[K], str]
) -> Rows:
    """Match items of equal key that share a character, one to one, as many as possible."""
    gold_extents, predicted_extents = _grouped(gold), _grouped(predicted)
    rows: Rows = {}
    for key, left in gold_extents.items():
        right = predicted_extents.pop(key, ())
        tp = most_overlapping(left, right) if right else 0
        add(rows, row(key), tp, len(right) - tp, len(left) - tp)
    for key, unmatched in predicted_extents.items():
        add(rows, row(key), 0, len(unmatched), 0)
    return rows


def _grouped(items: Iterable[tuple[K, Extent]]) -> dict[K, list[Extent]]:
    groups: dict[K, list[Extent]] = {}
    for key, extent in items:
        group = groups.get(key)
        if group is None:
            groups[key] = [extent]
        else:
            group.append(extent)
    return groups
