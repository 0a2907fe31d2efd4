"""One call from two lists of documents to a report."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from medspan.annotation import Document, LabelSchema
from medspan.registry import unknown_name
from medspan.scoring.align import Alignment, align, listed
from medspan.scoring.bootstrap import Interval, intervals
from medspan.scoring.calibration import Calibration, calibration
from medspan.scoring.counts import Tally
from medspan.scoring.groups import groups
from medspan.scoring.restrict import KINDS, Labels, Omissions, restrict, unknown_to_gold
from medspan.scoring.scorers import SCORERS, CleanScorer, Path, Preparing, Scorer

__all__ = ["Disagreement", "Report", "score"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An official figure and the clean one beside it, where they are not the same, and why that is."""

    measure: str
    clean_measure: str
    official_f1: float
    clean_f1: float
    why: str


@dataclass(frozen=True, eq=False)
class Report:
    """What a scorer found. Every measure and figure has a place, such as ("relations", "end_to_end", "strict").

    `basis` says what the numbers rest on. Reports of official scorers hold the clean measures of the same documents
    (`clean`) and every official measure that differs from its clean counterpart (`differences`).
    """

    scorer: str
    documents: int
    headline: Path
    tallies: Mapping[Path, Tally] = field(repr=False)
    figures: Mapping[Path, float] = field(repr=False)
    intervals: Mapping[Path, Mapping[str, Interval]] = field(default_factory=dict, repr=False)
    calibration: Calibration | None = field(default=None, repr=False)
    only_in_gold: tuple[str, ...] = ()
    only_in_predicted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    basis: str = ""
    clean: "Report | None" = field(default=None, repr=False)
    differences: tuple[Disagreement, ...] = field(default=(), repr=False)

    def tally(self, measure: str) -> Tally:
        """Return one measure by its place joined with dots, such as "entities.strict"."""
        path = tuple(measure.split("."))
        if path not in self.tallies:
            raise unknown_name("measure", measure, sorted(".".join(p) for p in self.tallies))
        return self.tallies[path]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: sections nested as their places say, then what was not compared and why."""
        data: dict[str, Any] = {"scorer": self.scorer, "basis": self.basis, "documents": self.documents}
        for path, measured in self.tallies.items():
            _place(data, path).update(_block(measured, self.intervals.get(path, {})))
        for path, value in self.figures.items():
            _place(data, path[:-1])[path[-1]] = value
        if self.calibration is not None:
            data["calibration"] = self.calibration.to_dict()
        data["only_in_gold"] = list(self.only_in_gold)
        data["only_in_predicted"] = list(self.only_in_predicted)
        data["notes"] = list(self.notes)
        if self.clean is not None:
            data["clean"] = self.clean.to_dict()
            data["differences"] = [asdict(difference) for difference in self.differences]
        return data

    def to_markdown(self) -> str:
        """Return tables in Markdown: a summary, then rows by label."""
        from medspan.scoring.render import markdown

        return markdown(self)


def _place(data: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in path:
        data = data.setdefault(key, {})
    return data


def _block(measured: Tally, bounds: Mapping[str, Interval]) -> dict[str, Any]:
    block: dict[str, Any] = {
        "micro": measured.micro.to_dict(),
        "macro": {"documents": measured.macro_documents, "labels": measured.macro_labels},
        "labels": {label: counts.to_dict() for label, counts in measured.labels.items()},
    }
    if bounds:
        block["intervals"] = {name: [interval.low, interval.high] for name, interval in bounds.items()}
    return block


def score(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    scorer: str = "strict",
    schema: LabelSchema | None = None,
    labels: Labels = "all",
    bootstrap: int = 0,
    seed: int = 0,
    with_groups: bool = False,
) -> Report:
    """Compare predicted documents with gold ones.

    Documents are paired by id; the same id must mean the same text. `schema` restricts both sides to its labels and
    says which relations are symmetric. `labels` is "all" (predicted labels that gold never uses are wrong), "gold"
    (they are left out and counted in the notes) or a set of entity labels for both sides. `bootstrap` is the number
    of resamples for 95 % intervals of micro figures; 0 gives none. `with_groups` adds groups to the clean measures.
    Neither the order of documents nor that of annotations changes a clean measure. Raises ScoringError where the
    sides cannot be compared.
    """
    chosen = SCORERS.get(scorer)
    if isinstance(chosen, Preparing):
        gold, predicted = chosen.prepare(list(gold), list(predicted))
    clean: Report | None = None
    if not isinstance(chosen, CleanScorer):
        gold, predicted = list(gold), list(predicted)
        clean = score(
            gold, predicted, schema=schema, labels=labels, bootstrap=bootstrap, seed=seed, with_groups=with_groups
        )
    alignment = align(gold, predicted)
    n_skipped = len(alignment.only_in_gold) if chosen.skips_missing else 0
    if chosen.skips_missing:
        alignment = replace(alignment, pairs=tuple(p for p in alignment.pairs if not p.is_missing))
    alignment, out_of_gold, out_of_predicted, n_event_only = restrict(alignment, schema, labels)
    measured = chosen.measure(alignment.pairs, schema)
    if with_groups and clean is None:
        measured = replace(measured, tallies={**measured.tallies, ("groups", "strict"): groups(alignment.pairs)})
    bounds: dict[Path, Mapping[str, Interval]] = {}
    if bootstrap:
        bounds = {path: intervals(t.total, n=bootstrap, seed=seed) for path, t in measured.tallies.items()}
    return Report(
        scorer=chosen.name,
        documents=len(alignment.pairs),
        headline=chosen.headline,
        tallies=measured.tallies,
        figures=measured.figures,
        intervals=bounds,
        calibration=calibration(alignment.pairs),
        only_in_gold=alignment.only_in_gold,
        only_in_predicted=alignment.only_in_predicted,
        notes=tuple(_notes(chosen, alignment, schema, labels, out_of_gold, out_of_predicted, n_event_only)),
        basis=chosen.basis,
        clean=clean,
        differences=tuple(_differences(chosen, measured.tallies, clean, n_skipped)) if clean else (),
    )


def _differences(
    scorer: Scorer, official: Mapping[Path, Tally], clean: Report, n_skipped: int
) -> Iterable[Disagreement]:
    """Yield each official measure whose counts or mean over documents are not its clean counterpart's."""
    skipped = (
        f"gold documents without a prediction, {n_skipped} here, are skipped by the official rules and count as empty "
        "under the clean ones; "
    )
    for path, (other, why) in scorer.counterparts.items():
        if path not in official or other not in clean.tallies:
            continue
        ours, theirs = clean.tallies[other], official[path]
        name, clean_name = ".".join(path), ".".join(other)
        if ours.micro != theirs.micro:
            reason = (skipped if n_skipped else "") + why
            yield Disagreement(name, clean_name, theirs.micro.f1, ours.micro.f1, reason)
        elif ours.macro_documents != theirs.macro_documents:
            reason = (
                "documents empty on both sides count as 0 in the official mean and are left out of the clean one"
                if theirs.averages_empty
                else why
            )
            official_f1, clean_f1 = (t.macro_documents["f1"] for t in (theirs, ours))
            yield Disagreement(
                f"{name}.macro.documents", f"{clean_name}.macro.documents", official_f1, clean_f1, reason
            )


def _notes(
    scorer: Scorer,
    alignment: Alignment,
    schema: LabelSchema | None,
    labels: Labels,
    out_of_gold: Omissions,
    out_of_predicted: Omissions,
    n_event_only: int,
) -> Iterable[str]:
    missing = "skipped, as this scorer does" if scorer.skips_missing else "counted as empty"
    for reason, ids in (
        (f"gold documents without a prediction, {missing}", alignment.only_in_gold),
        ("predicted documents without gold, not scored", alignment.only_in_predicted),
    ):
        if ids:
            yield f"{reason}: {len(ids)} ({listed(ids)})"
    by_schema = [f"schema {schema.name!r}"] if schema else []
    by_labels = [] if labels == "all" else ["labels 'gold'" if labels == "gold" else "the labels asked for"]
    for side, omitted, reasons in (
        ("gold", out_of_gold, by_schema + (by_labels if labels != "gold" else [])),
        ("predicted", out_of_predicted, by_schema + by_labels),
    ):
        if omitted:
            yield f"left out of {side} by {' and '.join(reasons)}: {_counted(omitted)}"
    if not isinstance(labels, str):
        used = {e.label for p in alignment.pairs for d in (p.gold, p.predicted) for e in d.entities}
        if absent := sorted(set(labels) - used):
            yield f"labels asked for that neither side uses: {', '.join(absent)}"
    if n_event_only:
        yield f"gold holds no events; {n_event_only} predicted entities that serve only events are set aside"
    unknown = unknown_to_gold(alignment)
    if unknown:
        yield (
            f"gold never uses these predicted labels, so all of them count as false positives: {_counted(unknown)}; "
            "use --labels gold to leave them out"
        )


def _counted(omitted: Omissions) -> str:
    """List counts by kind, most frequent first."""
    kinds: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for (kind, label), n in sorted(omitted.items(), key=lambda item: (-item[1], item[0])):
        kinds[kind].append(f"{label} {n}")
    return "; ".join(f"{kind} {', '.join(labels)}" for kind, labels in kinds.items() if labels)
