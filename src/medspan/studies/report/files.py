"""Tables as files for other programs: CSV with plain numbers, LaTeX for papers."""

import csv
import io
from collections.abc import Mapping, Sequence

from medspan.scoring.render import Table

__all__ = ["csv_text", "latex_escaped", "latex_table"]

_MARKS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
}


def csv_text(records: Sequence[Mapping[str, str | float | int | None]]) -> str:
    """Return records as CSV; columns stand in the order they first occur, and what is unknown stays empty."""
    columns = list(dict.fromkeys(key for record in records for key in record))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: _number(value) for key, value in record.items()})
    return stream.getvalue()


def _number(value: str | float | int | None) -> str | float | int:
    if value is None:
        return ""
    if isinstance(value, float):
        return int(value) if value.is_integer() else f"{value:.6g}"
    return value


def latex_table(table: Table, label: str, n_text: int = 1) -> str:
    r"""Return a table for LaTeX: needs `\usepackage{booktabs}`. The first `n_text` columns hold text."""
    columns = "l" * n_text + "r" * (len(table.columns) - n_text)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_escaped(table.title)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(table.columns),
        r"\midrule",
        *map(_line, table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_escaped, cells)) + r" \\"


def latex_escaped(text: str) -> str:
    """Keep labels and file names from being read as commands."""
    return "".join(_MARKS.get(character, character) for character in text)
