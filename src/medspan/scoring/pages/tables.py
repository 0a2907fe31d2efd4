"""Comparisons, agreement and error analysis as tables, for a terminal and for Markdown."""

from collections.abc import Iterable, Iterator

from medspan.scoring.facts import Mention, RelationFact
from medspan.scoring.mistakes.analysis import Analysis, Examined, place_of
from medspan.scoring.mistakes.confusion import Confusion
from medspan.scoring.render import Table
from medspan.scoring.statistics.agreement import MODES, Agreement
from medspan.scoring.statistics.significance import Comparison, Comparisons

__all__ = [
    "NO_MENTION",
    "SECTION_TITLES",
    "agreement_tables",
    "analysis_tables",
    "comparison_tables",
    "example_line",
    "identity",
]

NO_MENTION = "(none)"
SECTION_TITLES = {"entities": "mentions", "relations": "relations", "arguments": "arguments of events"}


def comparison_tables(comparisons: Comparisons) -> Iterator[Table]:
    """Yield one table per measure, with a row per pair of systems."""
    columns = ("a", "b", "F1 a", "F1 b", "a - b", "95 % interval", "p", "p corrected")
    for measure in dict.fromkeys(row.difference.measure for row in comparisons.rows):
        title = f"micro F1 of {measure}, {comparisons.documents} documents, scorer {comparisons.scorer}"
        yield Table(title, columns, tuple(_comparison(r) for r in comparisons.rows if r.difference.measure == measure))


def _comparison(row: Comparison) -> tuple[str, ...]:
    one = row.difference
    return (
        row.a,
        row.b,
        f"{one.f1_a:.3f}",
        f"{one.f1_b:.3f}",
        f"{one.difference:+.3f}",
        f"{one.interval.low:+.3f} to {one.interval.high:+.3f}",
        f"{one.p_randomization:.4f}",
        f"{row.p_adjusted:.4f}",
    )


def agreement_tables(agreement: Agreement) -> Iterator[Table]:
    """Yield the pairs of annotators, then the labels, then other measures where any annotator used them."""
    yield Table(
        f"F1 over mentions, {agreement.documents} documents",
        ("annotators", "documents", *MODES),
        (
            *(
                (f"{pair.a} and {pair.b}", str(pair.report.documents), *(f"{pair.f1(mode):.3f}" for mode in MODES))
                for pair in agreement.pairs
            ),
            ("mean", "", *(f"{agreement.mean_f1(mode):.3f}" for mode in MODES)),
        ),
    )
    means = [agreement.mean_labels(mode) for mode in MODES]
    alpha = agreement.alpha
    rows = [(label, *(f"{mean[label]:.3f}" for mean in means), _number(alpha.labels.get(label))) for label in means[0]]
    rows.append(("in any mention", "", "", _number(alpha.marked)))
    rows.append(("sets of labels", "", "", _number(alpha.overall)))
    yield Table(
        f"mean F1 over pairs, and Krippendorff's alpha over {alpha.characters} characters",
        ("label", *MODES, "alpha"),
        tuple(rows),
    )
    others = {path for pair in agreement.pairs for path in pair.report.tallies if path[0] != "entities"}
    if others:
        yield Table(
            "F1 of other measures",
            ("measure", *(f"{pair.a} and {pair.b}" for pair in agreement.pairs)),
            tuple(
                (
                    " ".join(part.replace("_", " ") for part in path),
                    *(
                        f"{pair.report.tallies[path].micro.f1:.3f}" if path in pair.report.tallies else ""
                        for pair in agreement.pairs
                    ),
                )
                for path in sorted(others)
            ),
        )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{round(value, 3) + 0.0:.3f}"  # no minus before a zero


def analysis_tables(analysis: Analysis) -> Iterator[Table]:
    """Yield mistakes by category and by label for each kind of item, then the confusion of labels."""
    for name, examined in analysis.sections():
        yield from _examined_tables(SECTION_TITLES[name], examined)
    yield _confusion_table(analysis.confusion)


def _examined_tables(title: str, examined: Examined[Mention] | Examined[RelationFact]) -> Iterator[Table]:
    rows = [
        (category.replace("_", " "), str(t.mistakes), str(t.gold), str(t.predicted))
        for category, t in examined.counts().items()
    ]
    rows.append(("all: fn, fp", str(len(examined.mistakes)), str(examined.fn), str(examined.fp)))
    yield Table(f"mistakes in {title}", ("category", "mistakes", "gold", "predicted"), tuple(rows))
    by_label = examined.labels()
    # A category that nothing falls in would only widen the table.
    used = [category for category in examined.categories if any(row[category] for row in by_label.values())]
    if used:
        yield Table(
            f"mistakes in {title} by label",
            ("label", "right", *(category.replace("_", " ") for category in used)),
            tuple(
                (label, str(examined.correct.get(label, 0)), *(str(row[category]) for category in used))
                for label, row in by_label.items()
            ),
        )


def _confusion_table(confusion: Confusion) -> Table:
    names = (*confusion.labels, NO_MENTION)
    rows = zip(names, confusion.rows(), strict=True)
    return Table(
        "labels over matched mentions: gold in rows, predicted in columns",
        ("gold", *names),
        tuple((name, *(str(n) if n else "." for n in row)) for name, row in rows),
    )


def identity(examined: Examined[Mention] | Examined[RelationFact]) -> str:
    """Say how the false negatives and positives are made up of the categories."""
    counts = examined.counts()

    def sum_of(side: str, total: int) -> str:
        parts = [(name.replace("_", " "), getattr(tallied, side)) for name, tallied in counts.items()]
        listed = " + ".join(f"{n} {name}" for name, n in parts if n)
        return f"{total} = {listed}" if listed else str(total)

    return f"fn {sum_of('gold', examined.fn)}; fp {sum_of('predicted', examined.fp)}"


def example_line(
    gold: Iterable[Mention | RelationFact], predicted: Iterable[Mention | RelationFact]
) -> tuple[str, str]:
    """Write both sides of a mistake; an empty side is a dash."""
    return "; ".join(map(place_of, gold)) or "-", "; ".join(map(place_of, predicted)) or "-"
