"""Reports in Markdown, JSON and HTML, told apart by the suffix of the file."""

import json
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError
from medspan.scoring.mistakes.analysis import Analysis
from medspan.scoring.pages.page import html_page
from medspan.scoring.pages.tables import SECTION_TITLES, analysis_tables, example_line, identity
from medspan.scoring.pages.view import label_intervals
from medspan.scoring.render import Table, markdown_tables
from medspan.scoring.report import Report

__all__ = ["REPORT_FORMATS", "report_format", "report_text", "write_report"]

REPORT_FORMATS = ("md", "json", "html")
_SUFFIXES = {".md": "md", ".markdown": "md", ".json": "json", ".html": "html", ".htm": "html"}


def report_format(path: Path) -> str:
    """Tell the format of a report by its file's suffix; raises ConfigError for one that has none."""
    chosen = _SUFFIXES.get(path.suffix.lower())
    if chosen is None:
        raise ConfigError(f"{path.name}: a report is .md, .json or .html; the suffix says which")
    return chosen


def report_text(
    report: Report, errors: Analysis | None, to: str, *, resamples: int = 1000, seed: int = 0, title: str = "Scores"
) -> str:
    """Return the report as "md", "json" or "html". `resamples` is for the intervals of labels; 0 gives none."""
    if to == "html":
        return html_page(report, errors, title=title, resamples=resamples, seed=seed)
    if to == "json":
        return json.dumps(_data(report, errors, resamples, seed), ensure_ascii=False, indent=1) + "\n"
    if to == "md":
        return _markdown(report, errors)
    raise ConfigError(f"report format {to!r}: expected {', '.join(REPORT_FORMATS)}")


def write_report(
    report: Report,
    errors: Analysis | None,
    path: Path | str,
    *,
    resamples: int = 1000,
    seed: int = 0,
    title: str = "Scores",
) -> None:
    """Write scores and, where given, their error analysis; the suffix of `path` says Markdown, JSON or HTML.

    The file appears whole or not at all.
    """
    path = Path(path)
    text = report_text(report, errors, report_format(path), resamples=resamples, seed=seed, title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    # A lone surrogate in an id becomes its escape.
    partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    partial.replace(path)


def _data(report: Report, errors: Analysis | None, resamples: int, seed: int) -> dict[str, Any]:
    bounds = label_intervals(report, resamples=resamples, seed=seed)
    data: dict[str, Any] = {
        "scores": report.to_dict(),
        "label_intervals": {
            measure: {label: [interval.low, interval.high] for label, interval in rows.items()}
            for measure, rows in bounds.items()
            if rows
        },
    }
    if errors is not None:
        data["mistakes"] = errors.to_dict()
    return data


def _markdown(report: Report, errors: Analysis | None) -> str:
    if errors is None:
        return report.to_markdown()
    sections = [(SECTION_TITLES[name], examined) for name, examined in errors.sections()]
    parts = [report.to_markdown(), "# Mistakes", ""]
    parts += [f"- {name}: {identity(examined)}" for name, examined in sections]
    parts += ["", markdown_tables(analysis_tables(errors)), "# Examples", ""]
    parts += ["By document id and offsets; the words are in the notes.", ""]
    for name, examined in sections:
        for category, found in examined.examples(errors.n_examples).items():
            if found:
                rows = tuple((document, *example_line(m.gold, m.predicted)) for document, m in found)
                table = Table(f"{category.replace('_', ' ')} ({name})", ("document", "gold", "predicted"), rows)
                parts.append(markdown_tables([table]))
    return "\n".join(parts)
