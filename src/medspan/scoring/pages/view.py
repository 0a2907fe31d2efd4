"""What the page shows, as plain data: words and numbers ready to print, and places in the drawings."""

from typing import Any

from medspan.scoring.bootstrap import Interval, row_intervals
from medspan.scoring.counts import Counts, Tally
from medspan.scoring.facts import Mention, RelationFact
from medspan.scoring.mistakes.analysis import Analysis, Examined
from medspan.scoring.mistakes.confusion import Confusion
from medspan.scoring.pages.tables import NO_MENTION, SECTION_TITLES, example_line, identity
from medspan.scoring.report import Report

__all__ = ["label_intervals", "page_view"]

N_LEVELS = 10  # shades of the confusion table


def page_view(report: Report, analysis: Analysis | None, *, resamples: int, seed: int) -> dict[str, Any]:
    """Return the data of the page. `resamples` is for the intervals of labels; 0 gives none."""
    clean = report.clean
    return {
        "scorer": report.scorer,
        "basis": report.basis,
        "documents": report.documents,
        "notes": list(report.notes),
        "summary": _summary(report),
        "clean": [] if clean is None else _summary(clean),
        "differences": [
            {
                "measure": _name(tuple(one.measure.split("."))),
                "clean_measure": _name(tuple(one.clean_measure.split("."))),
                "official": f"{one.official_f1:.3f}",
                "clean": f"{one.clean_f1:.3f}",
                "why": one.why,
            }
            for one in report.differences
        ],
        "has_intervals": bool(report.intervals),
        "measures": [
            *_measures(report, "", resamples, seed),
            *([] if clean is None else _measures(clean, "clean: ", resamples, seed)),
        ],
        "resamples": resamples,
        "figures": [(_name(path), _number(value)) for path, value in report.figures.items()],
        "calibration": _calibration(report),
        "mistakes": [] if analysis is None else _mistakes(analysis),
        "confusion": None if analysis is None else _confusion(analysis.confusion),
    }


def _summary(report: Report) -> list[dict[str, Any]]:
    return [
        {"name": _name(path), **_figures(tally.micro, report.intervals.get(path, {}).get("f1"))}
        for path, tally in report.tallies.items()
    ]


def _measures(report: Report, prefix: str, resamples: int, seed: int) -> list[dict[str, Any]]:
    bounds = label_intervals(report, resamples=resamples, seed=seed)
    return [
        _measure(prefix + _name(path), tally, bounds[".".join(path)], is_open=not prefix and path == report.headline)
        for path, tally in report.tallies.items()
    ]


def label_intervals(report: Report, *, resamples: int, seed: int) -> dict[str, dict[str, Interval]]:
    """Give 95 % intervals of the F1 of every row of every measure, by resampling documents."""
    return {
        ".".join(path): dict(zip(tally.rows, row_intervals(tally.by_row, n=resamples, seed=seed), strict=False))
        for path, tally in report.tallies.items()
    }


def _name(path: tuple[str, ...]) -> str:
    return ", ".join(part.replace("_", " ") for part in path)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _figures(counts: Counts, interval: Interval | None) -> dict[str, Any]:
    f1 = f"{counts.f1:.3f}"
    spoken = f"F1 {f1}"
    bar = {"width": round(100 * counts.f1, 2), "low": None, "high": None}
    if interval is not None:
        bar |= {"low": round(100 * interval.low, 2), "high": round(100 * interval.high, 2)}
        spoken += f", 95 % interval {interval.low:.3f} to {interval.high:.3f}"
    return {
        "precision": f"{counts.precision:.3f}",
        "recall": f"{counts.recall:.3f}",
        "f1": f1,
        "interval": "" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}",
        "tp": f"{counts.tp:,}",
        "fp": f"{counts.fp:,}",
        "fn": f"{counts.fn:,}",
        "bar": bar,
        "spoken": spoken,
    }


def _measure(name: str, tally: Tally, bounds: dict[str, Interval], *, is_open: bool) -> dict[str, Any]:
    """Rows by label, most frequent in gold first; then the averages."""
    rows = sorted(tally.labels.items(), key=lambda item: (-item[1].tp - item[1].fn, item[0]))
    averages = [("mean by document", tally.macro_documents), ("mean by label", tally.macro_labels)]
    return {
        "name": name,
        "is_open": is_open,
        "f1": f"{tally.micro.f1:.3f}",
        "rows": [{"label": label, **_figures(counts, bounds.get(label))} for label, counts in rows],
        "averages": [
            (name, *(f"{means[figure]:.3f}" for figure in ("precision", "recall", "f1"))) for name, means in averages
        ],
    }


def _calibration(report: Report) -> dict[str, Any] | None:
    if report.calibration is None:
        return None
    return {
        "n": f"{report.calibration.n_scored:,}",
        "error": f"{report.calibration.expected_calibration_error:.3f}",
        "bins": [
            (f"{b.low:.2f} to {b.high:.2f}", f"{b.n:,}", f"{b.mean_score:.3f}", f"{b.precision:.3f}")
            for b in report.calibration.bins
        ],
    }


def _mistakes(analysis: Analysis) -> list[dict[str, Any]]:
    return [_section(SECTION_TITLES[name], examined, analysis.n_examples) for name, examined in analysis.sections()]


def _section(name: str, examined: Examined[Mention] | Examined[RelationFact], n_examples: int) -> dict[str, Any]:
    counts = examined.counts()
    by_label = examined.labels()
    examples = {
        category: [(document, *example_line(m.gold, m.predicted)) for document, m in found]
        for category, found in examined.examples(n_examples).items()
    }
    largest = max((tallied.mistakes for tallied in counts.values()), default=0)
    used = [category for category in examined.categories if counts[category].mistakes]
    return {
        "name": name,
        "right": f"{examined.tp:,}",
        "identity": identity(examined),
        "categories": [
            {
                "name": category.replace("_", " "),
                "meaning": examined.categories[category],
                "mistakes": f"{tallied.mistakes:,}",
                "gold": f"{tallied.gold:,}",
                "predicted": f"{tallied.predicted:,}",
                "width": round(100 * tallied.mistakes / largest, 2) if largest else 0,
                "examples": examples[category],
                "n_more": tallied.mistakes - len(examples[category]),
            }
            for category, tallied in counts.items()
        ],
        "used": [category.replace("_", " ") for category in used],
        "labels": [
            (label, f"{examined.correct.get(label, 0):,}", [row[category] for category in used])
            for label, row in by_label.items()
        ],
    }


def _confusion(confusion: Confusion) -> dict[str, Any]:
    """Cells with their shade: the share of the row, in tenths, so that rare labels are seen like frequent ones."""
    names = (*confusion.labels, NO_MENTION)
    rows = []
    for r, (name, counts) in enumerate(zip(names, confusion.rows(), strict=True)):
        total = sum(counts)
        cells = [
            {
                "n": f"{n:,}" if n else "",
                "level": -(-N_LEVELS * n // total) if n else 0,
                "is_right": r == c,
                "spoken": f"gold {name}, predicted {names[c]}: {n}",
            }
            for c, n in enumerate(counts)
        ]
        rows.append({"name": name, "cells": cells})
    return {"names": names, "rows": rows}
