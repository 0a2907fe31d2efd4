"""Reports for people: Markdown, and tables in a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medspan.scoring.bootstrap import Interval
from medspan.scoring.counts import Counts, Tally
from medspan.scoring.report import Report

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Table", "differences", "escaped", "markdown", "markdown_tables", "print_tables", "render", "tables"]

COLUMNS = ("precision", "recall", "F1", "tp", "fp", "fn")


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows of cells; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(report: Report) -> Iterator[Table]:
    """Yield a summary of all measures, one table by label for each, single figures, and calibration bins."""
    yield _summary(report)
    if report.clean is not None:
        yield _summary(report.clean, "clean measures beside: ")
    for path, tally in report.tallies.items():
        yield Table(_title(path), ("label", *COLUMNS), tuple(_label_rows(tally)))
    if report.figures:
        yield Table(
            "figures",
            ("figure", "value"),
            tuple((_title(path), _number(value)) for path, value in report.figures.items()),
        )
    if report.calibration is not None:
        c = report.calibration
        yield Table(
            f"calibration of {c.n_scored} scored entities, expected calibration error "
            f"{c.expected_calibration_error:.3f}",
            ("score", "entities", "mean score", "precision"),
            tuple(
                (f"{b.low:.2f} to {b.high:.2f}", str(b.n), f"{b.mean_score:.3f}", f"{b.precision:.3f}") for b in c.bins
            ),
        )


def _summary(report: Report, prefix: str = "") -> Table:
    """Few enough columns for a terminal of 80; counts and rows by label follow in the other tables."""
    head = ("measure", "precision", "recall", "F1", *(("F1, 95 %",) if report.intervals else ()))
    rows: list[tuple[str, ...]] = []
    for path, tally in report.tallies.items():
        interval = (_interval(report.intervals.get(path, {})),) if report.intervals else ()
        rows.append((_title(path), *_cells(tally.micro)[:3], *interval))
    return Table(f"{prefix}{report.documents} documents, scorer {report.scorer} ({report.basis})", head, tuple(rows))


def differences(report: Report) -> Iterator[str]:
    """Yield a line for each official measure that differs from its clean counterpart, and why."""
    for found in report.differences:
        yield (
            f"{found.measure}: F1 {found.official_f1:.3f} officially, {found.clean_f1:.3f} clean "
            f"({found.clean_measure}): {found.why}"
        )


def _title(path: tuple[str, ...]) -> str:
    return " ".join(part.replace("_", " ") for part in path)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _cells(counts: Counts) -> tuple[str, ...]:
    shares = (counts.precision, counts.recall, counts.f1)
    return (*(f"{x:.3f}" for x in shares), str(counts.tp), str(counts.fp), str(counts.fn))


def _interval(bounds: Mapping[str, Interval]) -> str:
    return f"{bounds['f1'].low:.3f} to {bounds['f1'].high:.3f}" if bounds else ""


def _label_rows(tally: Tally) -> Iterator[tuple[str, ...]]:
    """Most frequent in gold first."""
    for label, counts in sorted(tally.labels.items(), key=lambda item: (-item[1].tp - item[1].fn, item[0])):
        yield (label, *_cells(counts))
    yield ("all (micro)", *_cells(tally.micro))
    for name, means in (("by document", tally.macro_documents), ("by label", tally.macro_labels)):
        yield (f"mean {name} (macro)", *(f"{means[key]:.3f}" for key in ("precision", "recall", "f1")), "", "", "")


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    parts = ["# Scores", *(f"- {escaped(note)}" for note in report.notes), "", markdown_tables(tables(report))]
    if report.differences:
        parts += ["## where official and clean measures differ", ""]
        parts += [f"- {escaped(line)}" for line in differences(report)]
    return "\n".join(parts).rstrip("\n") + "\n"


def markdown_tables(shown: Iterable[Table], level: int = 2) -> str:
    """Return tables in Markdown, each under a heading."""
    parts: list[str] = []
    for table in shown:
        rule = tuple("---" if i == 0 else "---:" for i in range(len(table.columns)))
        parts += [f"{'#' * level} {escaped(table.title)}", ""]
        parts += ["| " + " | ".join(map(escaped, table.columns)) + " |", "| " + " | ".join(rule) + " |"]
        parts += ["| " + " | ".join(map(escaped, row)) + " |" for row in table.rows]
        parts.append("")
    return "\n".join(parts)


def escaped(cell: str) -> str:
    """Keep labels, ids and file names from being read as markup, and on one line."""
    plain = " ".join(cell.split())
    for mark in "\\`*_[]<>|#&":
        plain = plain.replace(mark, "\\" + mark)
    return plain


def print_tables(shown: Iterable[Table], console: "Console", notes: Iterable[str] = ()) -> None:
    """Print tables on a rich console, then notes, each on a line of its own."""
    from rich.table import Table as RichTable
    from rich.text import Text

    for table in shown:
        printed = RichTable(title=Text(table.title), title_justify="left")
        for i, column in enumerate(table.columns):
            printed.add_column(Text(column), justify="left" if i == 0 else "right", overflow="fold")
        for row in table.rows:
            # Labels and file names come from data: as Text, so that square brackets in them are not read as markup.
            printed.add_row(*map(Text, row))
        console.print(printed)
    for note in notes:
        console.print(Text(note))


def render(report: Report, console: "Console", *, by_label: bool = True) -> None:
    """Print the report on a rich console; `by_label=False` leaves the tables by label out."""
    shown = (table for table in tables(report) if by_label or table.columns[0] != "label")
    notes = (*(f"differs: {line}" for line in differences(report)), *(f"note: {note}" for note in report.notes))
    print_tables(shown, console, notes)
