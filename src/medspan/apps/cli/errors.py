"""`medspan errors`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.apps.cli.lists import split_list
from medspan.errors import ConfigError

__all__ = ["errors"]


@reports_failures
def errors(
    gold: Annotated[
        str,
        typer.Option(metavar="PATH", help="Gold documents: a path in any readable format, or corpus:NAME:SPLIT."),
    ],
    predicted: Annotated[
        Path, typer.Option(metavar="PATH", help="Predicted documents: a path, or the output folder of medspan extract.")
    ],
    to: Annotated[
        str | None, typer.Option("--to", metavar="F", help="md, json or html; told by FILE's suffix, else md.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout if left out.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of gold and predicted, where it is not guessed.")
    ] = None,
    scorer: Annotated[
        str, typer.Option(metavar="S", help="Of the scores in the report; mistakes are always sorted strictly.")
    ] = "strict",
    labels: Annotated[
        str,
        typer.Option(metavar="L", help="all; gold (leave out predicted labels that gold never uses); or A,B."),
    ] = "all",
    schema: Annotated[
        str | None, typer.Option(metavar="NAME", help="Restrict both sides to a packaged label schema.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(metavar="NAME", help="Map gold from its corpus's labels first, such as clin.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(metavar="N", min=0, help="Resamples for 95 % intervals; 0 gives none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    examples: Annotated[
        int, typer.Option(metavar="N", min=0, help="Examples of each kind of mistake: ids and offsets, no words.")
    ] = 10,
) -> None:
    """Report scores, and what is wrong with each wrong mention, relation and argument; which labels are confused."""
    from medspan.apps.cli.versions import mention_problems
    from medspan.apps.documents import read_any, read_gold
    from medspan.corpora import schema as packaged
    from medspan.scoring import analyse, report_format, report_text, score, write_report

    chosen = to or (report_format(output) if output else "md")
    if output is not None and report_format(output) != chosen:
        raise ConfigError(f"--to {chosen} does not go with the suffix of {output.name}")
    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output} exists; give --overwrite to replace it")
    truth, found = read_gold(gold, format_, mapping), read_any(predicted, format_)
    for side, reading in (("gold", truth), ("predicted", found)):
        mention_problems(side, reading)
    kept = packaged(schema) if schema else truth.schema
    asked = labels if labels in ("all", "gold") else set(split_list(labels))
    report = score(
        truth.documents,
        found.documents,
        scorer=scorer,
        schema=kept,
        labels=asked,
        bootstrap=bootstrap,
        seed=seed,
    )
    report = replace(report, notes=(*report.notes, *truth.notes))
    analysis = analyse(truth.documents, found.documents, schema=kept, labels=asked, examples=examples)
    if output is None:
        typer.echo(report_text(report, analysis, chosen, resamples=bootstrap, seed=seed), nl=False)
        return
    write_report(report, analysis, output, resamples=bootstrap, seed=seed)
    typer.echo(f"report on {report.documents} documents written to {output}")
