"""Several systems on the same gold: every difference with its interval, and p values corrected for their number.

What is drawn and exchanged is the document, or all documents of one patient or group where the gold's metadata names
one (two labelers of a report, sentences of an article): what belongs together is not independent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medspan.annotation import Document, LabelSchema
from medspan.errors import ConfigError, ScoringError
from medspan.registry import unknown_name
from medspan.scoring.align import align
from medspan.scoring.bootstrap import Difference, difference
from medspan.scoring.report import Report, score
from medspan.scoring.restrict import Labels
from medspan.scoring.scorers import SCORERS, Preparing

__all__ = ["CORRECTIONS", "Comparison", "Comparisons", "adjusted", "compare", "paired_bootstrap"]

CORRECTIONS = {
    "holm": "Holm's step-down method, which bounds the chance of any false finding",
    "benjamini-hochberg": "Benjamini and Hochberg's step-up method, which bounds the expected share of false findings",
    "none": "nothing",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems in one measure. `p_adjusted` is the corrected p of the approximate randomization test."""

    a: str
    b: str
    difference: Difference
    p_adjusted: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"a": self.a, "b": self.b, **self.difference.to_dict(), "p_adjusted": self.p_adjusted}


@dataclass(frozen=True)
class Comparisons:
    """All comparisons of one question; they are one family for the correction.

    `units` is how many documents, or groups of them that belong together, were drawn from.
    """

    scorer: str
    documents: int
    units: int
    correction: str
    resamples: int
    rows: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "scorer": self.scorer,
            "documents": self.documents,
            "units": self.units,
            "correction": self.correction,
            "resamples": self.resamples,
            "comparisons": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def adjusted(p_values: Sequence[float], correction: str = "holm") -> list[float]:
    """Correct p values for their number; the order is kept, and none grows past 1.

    "holm": the i-th smallest of m is multiplied by m - i + 1, and is at least as large as those before it.
    "benjamini-hochberg": the i-th smallest is multiplied by m / i, and is at most as large as those after it.
    """
    if correction not in CORRECTIONS:
        raise unknown_name("correction", correction, sorted(CORRECTIONS))
    m = len(p_values)
    ascending = sorted(range(m), key=lambda i: p_values[i])
    found = [float(p) for p in p_values]
    if correction == "holm":
        bound = 0.0
        for rank, i in enumerate(ascending):
            bound = max(bound, min(1.0, p_values[i] * (m - rank)))
            found[i] = bound
    elif correction == "benjamini-hochberg":
        bound = 1.0
        for rank, i in reversed(list(enumerate(ascending, 1))):
            bound = min(bound, p_values[i] * (m / rank))
            found[i] = bound
    return found


def compare(
    gold: Iterable[Document],
    systems: Mapping[str, Iterable[Document]],
    measures: Sequence[str] = (),
    *,
    scorer: str = "strict",
    schema: LabelSchema | None = None,
    labels: Labels = "all",
    correction: str = "holm",
    n: int = 10_000,
    seed: int = 0,
) -> Comparisons:
    """Compare every two systems in micro F1 of each measure, named by its place as in "entities.strict".

    Without `measures` it is the scorer's headline. `n` is the number of bootstrap resamples, and of exchanges of the
    randomization test: the smallest p possible is 1 / (n + 1). All comparisons count as one family. Systems are
    compared in the order given, and the sign of a difference is all that this order changes. Raises ScoringError
    where there is no gold or the sides cannot be compared, ConfigError for fewer than two systems.
    """
    if len(systems) < 2:
        raise ConfigError(f"a comparison needs two systems or more, not {len(systems)}")
    if n < 1:
        raise ConfigError(f"{n} resamples: at least one is needed")
    if correction not in CORRECTIONS:
        raise unknown_name("correction", correction, sorted(CORRECTIONS))
    truth = list(gold)
    if not truth:
        raise ScoringError("no gold documents: systems cannot be compared on nothing")
    predictions = {name: list(documents) for name, documents in systems.items()}
    reports = {
        name: score(truth, documents, scorer=scorer, schema=schema, labels=labels)
        for name, documents in predictions.items()
    }
    chosen = tuple(dict.fromkeys(measures)) or (".".join(SCORERS.get(scorer).headline),)
    unit_of = {document.id: _unit(document) for document in truth}
    rows = {name: _rows(scorer, truth, documents) for name, documents in predictions.items()}
    found: list[tuple[str, str, Difference]] = []
    for measure in chosen:
        counts = _counts(reports, rows, unit_of, measure)
        for a, b in combinations(predictions, 2):
            one = difference(measure, counts[a], counts[b], n=n, seed=seed)
            found.append((a, b, replace(one, documents=len(truth))))
    corrected = adjusted([one.p_randomization for _, _, one in found], correction)
    return Comparisons(
        scorer,
        len(truth),
        len(set(unit_of.values())),
        correction,
        n,
        tuple(Comparison(a, b, one, p) for (a, b, one), p in zip(found, corrected, strict=True)),
        tuple(_notes(reports, len(truth), len(set(unit_of.values())), n, len(found), correction)),
    )


def paired_bootstrap(
    gold: Sequence[Document],
    a: Sequence[Document],
    b: Sequence[Document],
    measure: str = "entities.strict",
    *,
    scorer: str = "strict",
    schema: LabelSchema | None = None,
    labels: Labels = "all",
    n: int = 1000,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same gold in micro F1 of one measure: `compare` for a family of one."""
    systems = {"a": a, "b": b}
    found = compare(gold, systems, [measure], scorer=scorer, schema=schema, labels=labels, n=n, seed=seed)
    return found.rows[0].difference


def _notes(
    reports: Mapping[str, Report], n_documents: int, n_units: int, n: int, n_comparisons: int, correction: str
) -> Iterator[str]:
    yield f"p from {n:,} exchanges of documents; {n_comparisons} comparisons, corrected by {CORRECTIONS[correction]}"
    if n_units < n_documents:
        yield f"documents of one patient or group are drawn and exchanged together: {n_units} groups"
    for name, report in reports.items():
        for note in report.notes:
            yield f"{name}: {note}"


def _unit(document: Document) -> str:
    """Name what a document belongs to, as splits are made; a document alone is its own."""
    for key in ("patient", "group"):
        if document.metadata.get(key):
            return f"{key} {document.metadata[key]}"
    return f"document {document.id}"


def _rows(scorer: str, gold: Sequence[Document], predicted: Sequence[Document]) -> list[str]:
    """List the document ids behind the rows of a tally: those that the scorer pairs and does not skip."""
    chosen = SCORERS.get(scorer)
    if isinstance(chosen, Preparing):
        gold, predicted = chosen.prepare(gold, predicted)
    pairs = align(gold, predicted).pairs
    return [pair.gold.id for pair in pairs if not (chosen.skips_missing and pair.is_missing)]


def _counts(
    reports: Mapping[str, Report], rows: Mapping[str, Sequence[str]], unit_of: Mapping[str, str], measure: str
) -> dict[str, NDArray[np.int64]]:
    """Give each system's counts (units, 3), row i being the same unit for all.

    A scorer that skips documents without a prediction has no row for them: nothing is counted there. A section that
    neither gold nor one system uses is absent from that system's report: nothing was counted there either. A measure
    of some of the documents, such as one labeler's, does not tell which: its rows stay as they are.
    """
    path = tuple(measure.split("."))
    totals = {name: report.tallies[path].total for name, report in reports.items() if path in report.tallies}
    if not totals:
        known = {".".join(place) for report in reports.values() for place in report.tallies}
        raise unknown_name("measure", measure, sorted(known))
    if any(len(total) != len(rows[name]) for name, total in totals.items()):
        shape = next(iter(totals.values())).shape
        if any(total.shape != shape for total in totals.values()):
            raise ScoringError(f"{measure} covers other documents in one system than in another; choose another")
        return {name: totals.get(name, np.zeros(shape, dtype=np.int64)) for name in reports}
    names = sorted({unit_of.get(key, key) for ids in rows.values() for key in ids})
    units = {name: row for row, name in enumerate(names)}
    counts: dict[str, NDArray[np.int64]] = {}
    for name in reports:
        counts[name] = np.zeros((len(units), 3), dtype=np.int64)
        if name in totals:
            np.add.at(counts[name], [units[unit_of.get(key, key)] for key in rows[name]], totals[name])
    return counts
