"""How sure a score is: resampling documents, of one system and of two on the same gold.

Documents are the unit, for mentions inside one note are not independent. Everything works on per-document counts, so
that a thousand resamples cost a matrix product.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from medspan.scoring.counts import ratios

__all__ = ["Difference", "Interval", "difference", "intervals", "row_intervals"]

N_CELLS = 4_000_000  # resamples are drawn in blocks of so many cells, which bounds memory
FIGURES = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle part of a resampled figure, ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better system a is than system b in micro F1, over the same documents.

    `interval` comes from the paired bootstrap and `p_bootstrap` is its two-sided p: twice the smaller share of
    resamples in which the difference is not of one sign. `p_randomization` is the approximate randomization test:
    the share of random exchanges of the two systems' documents that give a difference at least as large. Both p
    values count the observed data as one draw, so neither is ever 0.
    """

    measure: str
    f1_a: float
    f1_b: float
    difference: float
    interval: Interval
    p_bootstrap: float
    p_randomization: float
    documents: int
    resamples: int

    def to_dict(self) -> dict[str, object]:
        """Return plain data."""
        return asdict(self)


def intervals(
    counts: NDArray[np.int64], *, n: int = 1000, seed: int = 0, confidence: float = 0.95
) -> dict[str, Interval]:
    """Give percentile intervals of micro precision, recall and F1 from counts (documents, 3)."""
    if not len(counts) or n < 1:
        return {}
    rng = np.random.default_rng(seed)
    values = np.concatenate([ratios(times @ counts) for times in _resamples(rng, len(counts), n)])
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values, [tail, 100 - tail], axis=0)
    return {name: Interval(float(low[i]), float(high[i])) for i, name in enumerate(FIGURES)}


def row_intervals(
    by_row: NDArray[np.int64], *, n: int = 1000, seed: int = 0, confidence: float = 0.95
) -> list[Interval]:
    """Give percentile intervals of the F1 of each row from counts (documents, rows, 3); empty without documents."""
    n_documents, n_rows, _ = by_row.shape
    if not n_documents or not n_rows or n < 1:
        return []
    rng = np.random.default_rng(seed)
    # Floating point takes the fast matrix product, and counts are exact in it far beyond any corpus.
    table = by_row.reshape(n_documents, n_rows * 3).astype(np.float64)
    values = np.concatenate(
        [
            ratios((times @ table).astype(np.int64).reshape(-1, n_rows, 3))[..., 2]
            for times in _resamples(rng, n_documents, n)
        ]
    )
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(values, [tail, 100 - tail], axis=0)
    return [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def difference(
    measure: str,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    *,
    n: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Difference:
    """Compare two systems from their counts (documents, 3), row i of both being the same document."""
    rng = np.random.default_rng(seed)
    f1_a, f1_b = (float(ratios(side.sum(axis=0))[2]) for side in (a, b))
    observed = f1_a - f1_b
    resampled = np.zeros(1)
    exchanged = np.zeros(1)
    if len(a):
        resampled = np.concatenate(
            [ratios(times @ a)[:, 2] - ratios(times @ b)[:, 2] for times in _resamples(rng, len(a), n)]
        )
        exchanged = np.concatenate([_exchange(rng, a, b, size) for size in _blocks(len(a), n)])
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    one_sided = min((resampled <= 0).sum(), (resampled >= 0).sum())
    as_large = (np.abs(exchanged) >= abs(observed) - 1e-12).sum()
    return Difference(
        measure,
        f1_a,
        f1_b,
        observed,
        Interval(float(low), float(high)),
        min(1.0, 2 * float(one_sided + 1) / (len(resampled) + 1)),
        float(as_large + 1) / (len(exchanged) + 1),
        len(a),
        n,
    )


def _blocks(n_documents: int, n: int) -> Iterator[int]:
    step = max(1, N_CELLS // n_documents)
    for done in range(0, n, step):
        yield min(step, n - done)


def _resamples(rng: np.random.Generator, n_documents: int, n: int) -> Iterator[NDArray[np.int64]]:
    """Yield how often each document is drawn: (resamples, documents), in blocks."""
    chances = np.full(n_documents, 1 / n_documents)
    for size in _blocks(n_documents, n):
        yield rng.multinomial(n_documents, chances, size=size)


def _exchange(rng: np.random.Generator, a: NDArray[np.int64], b: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Exchange the two systems on random documents; give the differences in F1."""
    is_kept = rng.integers(0, 2, size=(size, len(a)))
    first = is_kept @ a + (1 - is_kept) @ b
    second = a.sum(axis=0) + b.sum(axis=0) - first
    change: NDArray[np.float64] = ratios(first)[:, 2] - ratios(second)[:, 2]
    return change
