"""Which differences between rows are more than chance: the questions a study file asks, each one family."""

from collections.abc import Sequence
from dataclasses import dataclass

from medspan.scoring.bootstrap import Difference, difference
from medspan.scoring.statistics import adjusted
from medspan.studies.report.rows import Row
from medspan.studies.study_file import Comparison, matches

__all__ = ["Answer", "Compared", "answer"]


@dataclass(frozen=True)
class Compared:
    """One row against its baseline: the difference over the seeds that both have, and p after Holm's correction."""

    row: Row
    baseline: Row
    seeds: int
    difference: Difference
    p_adjusted: float


@dataclass(frozen=True)
class Answer:
    """What one comparison of a study found; `measure` is the one compared."""

    comparison: Comparison
    measure: str
    rows: tuple[Compared, ...]


def answer(comparison: Comparison, rows: Sequence[Row], *, exchanges: int) -> Answer:
    """Compare every row with the one that has the baseline's value on the axis asked and the same ones elsewhere.

    Counts of the seeds that both have are added up document by document, so that one exchange moves all seeds of a
    document together. Rows that lack the measure or cannot score in it are left out, and so are pairs without a common
    seed or scored on other documents.
    """
    chosen = [row for row in rows if matches(comparison.where, dict(row.values))]
    pairs: list[tuple[Row, Row, int, Difference]] = []
    measure = ""
    for row in chosen:
        measure = comparison.measure or row.group.scored.measures[0]
        wanted = {**row.values, comparison.axis: comparison.baseline}
        baseline = next((other for other in chosen if other.values == wanted), None)
        if baseline is None or baseline is row or not (row.can_say(measure) and baseline.can_say(measure)):
            continue
        seeds = [seed for seed in row.cells if seed in baseline.cells]
        a, b = (side.counts(measure, seeds) for side in (row, baseline))
        is_same_gold = len(row.gold() | baseline.gold()) == 1
        if a is not None and b is not None and a.shape == b.shape and is_same_gold:
            pairs.append((row, baseline, len(seeds), difference(measure, a, b, n=exchanges)))
    corrected = adjusted([one.p_randomization for *_, one in pairs])
    found = (Compared(*pair, p) for pair, p in zip(pairs, corrected, strict=True))
    return Answer(comparison, measure, tuple(found))
