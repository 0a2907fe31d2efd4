"""A study's page, its tables as CSV and LaTeX, and its plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from medspan.errors import ConfigError, MissingExtraError
from medspan.interchange.atomic import partial_path, publish
from medspan.scoring.render import Table, escaped, markdown_tables
from medspan.studies.grid import left_out
from medspan.studies.report.files import csv_text, latex_table
from medspan.studies.report.plots import draw
from medspan.studies.report.rows import RISE, Row, rows
from medspan.studies.report.significance import answer
from medspan.studies.report.tables import costs, differences, figures, given, records, setting
from medspan.studies.running import State, survey
from medspan.studies.study_file import SEED, Group, Study

__all__ = ["Written", "write_report"]

_CAPTIONS = {
    "f1": "F1 with 95 % bootstrap intervals",
    "curves": "Strict F1 on the documents kept apart for tuning, by step: of entities, or of what joins given entities",
    "parameters": "F1 against trainable parameters",
}


@dataclass(frozen=True)
class Written:
    """What a report was made of: the page, cells finished and planned, and what was left undone."""

    page: Path
    finished: int
    planned: int
    notes: tuple[str, ...]


def write_report(study: Study, cells: Path, folder: Path, *, page: str | None = None, plots: bool = True) -> Written:
    """Write the page into `folder`, and tables and plots into a folder beside it that has the page's name.

    Only finished cells are in tables; missing and stale ones are listed. Where Matplotlib is missing, a note says so
    and the page has no plots.
    """
    name = page or f"{study.name}.md"
    if Path(name).name != name or not name.endswith(".md"):
        raise ConfigError(f"--page {name}: a file name that ends in .md is expected")
    states = survey(study, cells)
    beside = folder / name.removesuffix(".md")
    notes: list[str] = []
    parts = [f"# {study.title or study.name}", "", *_paragraph(study.preface), *_reading(study)]
    parts += [markdown_tables([setting(study, states)])]
    for group in study.groups:
        found = rows(group, states)
        if found:
            parts += _group(study, group, found, beside, plots, notes)
    parts += [*_absent(study, states), *_paragraph(study.notes)]
    _write(folder / name, "\n".join(parts).rstrip("\n") + "\n")
    finished = sum(state.is_finished for state in states)
    return Written(folder / name, finished, len(states), tuple(dict.fromkeys(notes)))


def _paragraph(text: str) -> list[str]:
    return [text.strip("\n"), ""] if text.strip() else []


def _reading(study: Study) -> list[str]:
    text = f"""\
        Made by `medspan study report` from the cells kept by `medspan study run`; nothing is typed in by hand.
        Figures are micro F1: the mean over seeds, ± half the 95 % interval of that mean by Student's t where there
        are several, and in brackets the 95 % interval from {study.bootstrap:,} resamples of the documents (of
        patients or articles, where several documents come from one), all seeds together. Strict is the same label and
        the same fragments; lenient the same label and a shared character. The ceiling is what a model without fault
        would score, given how notes are cut and what the formulation can hold (from given entities, where it joins
        them); where it is 0, a dash stands for the score. A cell trains as many steps as were timed to fit its CPU
        minutes, scoring not counted; it is still rising where its last score on tune is {RISE} or more above its
        best before. Seconds a step are medians of processor time. p comes from {study.exchanges:,} random exchanges of
        documents between two systems, over the seeds that both have; Holm's correction covers the rows of a table."""
    return [fill(" ".join(text.split()), 120), ""]


def _group(study: Study, group: Group, found: Sequence[Row], beside: Path, plots: bool, notes: list[str]) -> list[str]:
    shown = [figures(group, found, study.bootstrap)]
    if (on_gold := given(group, found, study.bootstrap)) is not None:
        shown.append(on_gold)
    shown.append(costs(group, found))
    names = ["f1", *(["given"] if on_gold else []), "cost"]
    for number, comparison in enumerate(group.compare, start=1):
        result = answer(comparison, found, exchanges=study.exchanges)
        if result.rows:
            shown.append(differences(group, result))
            names.append(f"differences-{number}")
    n_text = sum(axis != SEED for axis in group.axes)
    for kind, table in zip(names, shown, strict=True):
        _write(beside / f"{group.name}-{kind}.tex", latex_table(table, f"{study.name}-{group.name}-{kind}", n_text))
    _write(beside / f"{group.name}.csv", csv_text(list(records(found, study.bootstrap))))
    parts = [f"## {escaped(group.heading)}", ""]
    parts += [markdown_tables([shown[0]], level=3)]
    parts += _pictures(_drawn(study, group, found, beside, notes) if plots else {}, beside.name)
    parts += [markdown_tables(shown[1:], level=3)]
    return parts


def _drawn(study: Study, group: Group, found: Sequence[Row], beside: Path, notes: list[str]) -> Mapping[str, Path]:
    try:
        return draw(found, beside, group.name, resamples=study.bootstrap)
    except MissingExtraError as error:
        notes.append(f"no plots: {error}")
        return {}


def _pictures(drawn: Mapping[str, Path], folder: str) -> list[str]:
    return [line for kind, path in drawn.items() for line in (f"![{_CAPTIONS[kind]}]({folder}/{path.name})", "")]


def _absent(study: Study, states: Sequence[State]) -> list[str]:
    """List what the tables do not hold: missing, stale and left-out cells."""
    missing = [state.cell.name for state in states if state.kept is None]
    stale = [(state.cell.name, state.staleness) for state in states if state.staleness]
    left = [pair for group in study.groups for pair in left_out(group)]
    parts = ["## Cells that are not here", ""]
    named = f"Missing: {', '.join(map(escaped, missing))}." if missing else "No cell is missing."
    parts += [fill(named, 120, break_on_hyphens=False, break_long_words=False), ""]
    if stale:
        parts += [
            markdown_tables([Table("Stale: the study has changed since", ("cell", "why"), tuple(stale))], level=3)
        ]
    if left:
        parts += [markdown_tables([Table("Left out of the grid", ("cell", "why"), tuple(left))], level=3)]
    return parts


def _write(path: Path, text: str) -> None:
    partial_path(path).write_text(text, encoding="utf-8")
    publish(path)
