"""`medspan convert`."""

from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import SET_ASIDE, complain, reports_failures
from medspan.errors import ConfigError

__all__ = ["convert"]

_SHOWN = 20


@reports_failures
def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File, folder or archive to read.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="File to write, or folder for brat, text and parquet.")],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="F", help="Format of SRC; guessed if left out.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="F", help="Format of DST; told by its suffix if left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace DST.")] = False,
) -> None:
    """Convert annotated documents from one format to another.

    Formats: brat, jsonl, parquet, phee, pubtator and text; html can be written too. What was repaired or skipped in
    reading, and what DST has no place for, is listed; the exit code is 3 when something was skipped.
    """
    from medspan.apps.documents import read_any, write_any

    chosen = to or _format_of(target)
    if target.exists() and not overwrite and (target.is_file() or any(target.iterdir())):
        raise ConfigError(f"{target} exists; give --overwrite to replace it")
    reading = read_any(source, from_)
    lost = write_any(reading.documents, target, chosen)
    for problem in reading.problems[:_SHOWN]:
        complain(str(problem))
    if len(reading.problems) > _SHOWN:
        complain(f"and {len(reading.problems) - _SHOWN} more such lines")
    for kind, n in lost.items():
        complain(f"{n} {kind} were left out: format {chosen} has no place for them")
    typer.echo(f"{len(reading.documents)} documents written to {target}")
    if any(problem.action == "skipped" for problem in reading.problems):
        raise typer.Exit(SET_ASIDE)


def _format_of(target: Path) -> str:
    name = target.name.lower().removesuffix(".gz")
    for suffix, chosen in ((".jsonl", "jsonl"), (".html", "html"), (".pubtator", "pubtator")):
        if name.endswith(suffix):
            return chosen
    raise ConfigError(f"{target.name}: the name does not tell the format; say it with --to")
