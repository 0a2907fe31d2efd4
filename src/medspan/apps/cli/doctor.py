"""`medspan doctor`."""

from typing import Annotated

import typer

from medspan.apps.cli.failures import FAILED, reports_failures

__all__ = ["doctor"]


@reports_failures
def doctor(
    model: Annotated[str, typer.Option(help="A bundled model or a model folder to check.")] = "default",
) -> None:
    """Check this installation: versions, machine, optional packages, and that the model answers."""
    from medspan.apps.doctor import examine

    is_well = True
    for check in examine(model):
        is_well = is_well and check.is_well
        typer.echo(f"{'ok  ' if check.is_well else 'FAIL'}  {check.name:18} {check.found}")
    if not is_well:
        raise typer.Exit(FAILED)
