"""`medspan agreement`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures

__all__ = ["agreement"]


@reports_failures
def agreement(
    versions: Annotated[
        list[Path], typer.Argument(metavar="A B [C...]", help="Each annotator's version of the same notes.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of all versions, where it is not guessed.")
    ] = None,
    schema: Annotated[
        str | None, typer.Option(metavar="NAME", help="Restrict all versions to a packaged label schema.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the agreement as JSON.")] = False,
) -> None:
    """Measure how far annotators agree: F1 between every two, by label, and Krippendorff's alpha over characters."""
    from medspan.apps.cli.versions import read_versions
    from medspan.corpora import schema as packaged
    from medspan.scoring import agreement as measure

    found = measure(read_versions(versions, format_), schema=packaged(schema) if schema else None)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=1))
        return
    from medspan.apps.cli.console import stdout
    from medspan.scoring.pages import agreement_tables
    from medspan.scoring.render import print_tables

    print_tables(agreement_tables(found), stdout(), [f"note: {note}" for note in found.notes])
