"""Tables in the terminal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from medspan.scoring.render import Table

__all__ = ["print_tables"]


def print_tables(tables: Iterable["Table"], console: "Console", notes: Iterable[str] = ()) -> None:
    """Print tables, then notes, each on a line of its own."""
    from rich.table import Table as RichTable
    from rich.text import Text

    for table in tables:
        shown = RichTable(title=Text(table.title), title_justify="left")
        for i, column in enumerate(table.columns):
            shown.add_column(Text(column), justify="left" if i == 0 else "right", overflow="fold")
        for row in table.rows:
            # Labels and file names come from data: as Text, so that square brackets in them are not read as markup.
            shown.add_row(*map(Text, row))
        console.print(shown)
    for note in notes:
        console.print(Text(f"note: {note}"))
