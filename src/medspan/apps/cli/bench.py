"""`medspan bench`."""

import json
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures

__all__ = ["bench"]


@reports_failures
def bench(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[INPUT]", help="Notes to run, or corpus:NAME; the bundled examples if left out."),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="How often the notes are repeated.")] = 10,
    model: Annotated[str, typer.Option(help="A bundled model or a model folder.")] = "default",
    schema: Annotated[str | None, typer.Option(metavar="A,B", help="Label schemas to answer.")] = None,
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="auto, onnx or torch.")] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="N", help="CPU threads of the encoder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure extraction: one whole process from text files to written Parquet, start-up included and shown alone."""
    from medspan.apps.bench import measure

    figures = measure(source, repeat=repeat, model=model, schema=schema, engine=engine, threads=threads)
    if as_json:
        typer.echo(json.dumps(figures.to_dict(), indent=1))
        return
    for line in figures.lines():
        typer.echo(line)
