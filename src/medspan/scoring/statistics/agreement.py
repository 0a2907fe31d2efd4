"""How far annotators of the same notes agree: F1 between every two, and Krippendorff's alpha over characters."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from medspan.annotation import Document, LabelSchema
from medspan.errors import ConfigError, ScoringError
from medspan.scoring.align import align, listed
from medspan.scoring.facts import facts
from medspan.scoring.report import Report, score
from medspan.scoring.statistics.alpha import Pattern, label_alphas, marked_alpha, runs, set_alpha

__all__ = ["Agreement", "Alphas", "PairAgreement", "agreement"]

MODES = ("strict", "lenient")


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators on the documents that both annotated.

    `report` takes a as gold and b as predicted: F1 is the same the other way round, precision and recall change places.
    """

    a: str
    b: str
    report: Report = field(repr=False)

    def f1(self, mode: str) -> float:
        """Return micro F1 over mentions, "strict" or "lenient"."""
        return self.report.tallies["entities", mode].micro.f1

    def labels(self, mode: str) -> dict[str, float]:
        """Return F1 by label, for labels that either of the two uses."""
        return {label: counts.f1 for label, counts in self.report.tallies["entities", mode].labels.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: F1 of every measure of the strict scorer, and mentions by label."""
        labels = {mode: self.labels(mode) for mode in MODES}
        return {
            "a": self.a,
            "b": self.b,
            "documents": self.report.documents,
            "f1": {".".join(path): tally.micro.f1 for path, tally in self.report.tallies.items()},
            "labels": {label: {mode: labels[mode][label] for mode in MODES} for label in labels["strict"]},
        }


@dataclass(frozen=True)
class Alphas:
    """Krippendorff's alpha over characters, nominal; None where nothing varied.

    `overall` compares the sets of labels that characters carry: equal sets agree, all others differ alike. `marked`
    asks only whether a character lies in any mention, and `labels` whether it lies in a mention of that label.
    """

    characters: int
    overall: float | None
    marked: float | None
    labels: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "characters": self.characters,
            "overall": self.overall,
            "marked": self.marked,
            "labels": dict(self.labels),
        }


@dataclass(frozen=True)
class Agreement:
    """The agreement of two annotators or more on `documents` notes that at least two of them annotated."""

    annotators: tuple[str, ...]
    documents: int
    pairs: tuple[PairAgreement, ...]
    alpha: Alphas
    notes: tuple[str, ...] = ()

    def mean_f1(self, mode: str) -> float:
        """Return the mean of the pairs' micro F1."""
        return sum(pair.f1(mode) for pair in self.pairs) / len(self.pairs)

    def mean_labels(self, mode: str) -> dict[str, float]:
        """Return the mean F1 of each label over the pairs in which either annotator uses it."""
        found: dict[str, list[float]] = {}
        for pair in self.pairs:
            for label, f1 in pair.labels(mode).items():
                found.setdefault(label, []).append(f1)
        return {label: sum(values) / len(values) for label, values in sorted(found.items())}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        labels = {mode: self.mean_labels(mode) for mode in MODES}
        return {
            "annotators": list(self.annotators),
            "documents": self.documents,
            "f1": {mode: self.mean_f1(mode) for mode in MODES},
            "labels": {label: {mode: labels[mode][label] for mode in MODES} for label in labels["strict"]},
            "alpha": self.alpha.to_dict(),
            "pairs": [pair.to_dict() for pair in self.pairs],
            "notes": list(self.notes),
        }


def agreement(versions: Mapping[str, Iterable[Document]], *, schema: LabelSchema | None = None) -> Agreement:
    """Compare annotators' versions of the same notes; nobody's counts as gold.

    Documents are paired by id, and the same id must mean the same text. A document that an annotator's version lacks
    says nothing about that annotator; one without annotations says that there was nothing to mark. `schema` restricts
    all versions to its labels. Raises ConfigError for fewer than two annotators, ScoringError for two who share no
    document and where texts differ.
    """
    if len(versions) < 2:
        raise ConfigError(f"agreement needs two annotators or more, not {len(versions)}")
    by_name = {name: {d.id: d for d in _checked(name, documents)} for name, documents in versions.items()}
    pairs: list[PairAgreement] = []
    for a, b in combinations(by_name, 2):
        shared = sorted(by_name[a].keys() & by_name[b].keys())
        if not shared:
            raise ScoringError(f"{a} and {b} have no document id in common: there is nothing to compare")
        sides = ([by_name[name][key] for key in shared] for name in (a, b))
        pairs.append(PairAgreement(a, b, score(*sides, schema=schema)))
    holders = {key: [name for name in by_name if key in by_name[name]] for key in set().union(*by_name.values())}
    compared = {key: names for key, names in sorted(holders.items()) if len(names) > 1}
    alone = sorted(key for key, names in holders.items() if len(names) == 1)
    notes = [f"documents of one annotator only, not compared: {len(alone)} ({listed(alone)})"] if alone else []
    groups = [[by_name[name][key] for name in names] for key, names in compared.items()]
    return Agreement(tuple(by_name), len(compared), tuple(pairs), _alphas(groups, schema), tuple(notes))


def _checked(name: str, documents: Iterable[Document]) -> list[Document]:
    """Refuse ids used twice; the alignment's own message would call one side gold."""
    found = list(documents)
    try:
        align(found, ())
    except ScoringError as error:
        raise ScoringError(f"{name}: {str(error).removeprefix('gold ')}") from None
    return found


def _alphas(groups: Sequence[Sequence[Document]], schema: LabelSchema | None) -> Alphas:
    patterns: Counter[Pattern] = Counter()
    for group in groups:
        versions = [facts(document).entities for document in group]
        if schema is not None:
            versions = [[m for m in mentions if m.label in schema.labels] for mentions in versions]
        for pattern, length in runs(len(group[0].text), versions):
            patterns[pattern] += length
    return Alphas(patterns.total(), set_alpha(patterns), marked_alpha(patterns), label_alphas(patterns))
