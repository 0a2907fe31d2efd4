"""`medspan evaluate`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.apps.cli.lists import split_list
from medspan.errors import ConfigError

__all__ = ["evaluate"]


@reports_failures
def evaluate(
    gold: Annotated[
        str,
        typer.Option(metavar="PATH", help="Gold documents: a path in any readable format, or corpus:NAME:SPLIT."),
    ],
    predicted: Annotated[
        Path, typer.Option(metavar="PATH", help="Predicted documents: a path, or the output folder of medspan extract.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of gold and predicted, where it is not guessed.")
    ] = None,
    scorer: Annotated[
        str,
        typer.Option(
            metavar="S",
            # Spelled out, for importing the registry would cost --help half a second.
            help="strict (with lenient beside it), lenient, or a task's own rules, with strict beside them: n2c2-2018, "
            "n2c2-2022, i2b2-2009, i2b2-2010, i2b2-2012, i2b2-2014, radgraph.",
        ),
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
        int, typer.Option(metavar="N", min=0, help="Resamples for 95 % intervals of micro figures; 0 gives none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    by_label: Annotated[bool, typer.Option("--by-label/--no-by-label", help="Show a table by label.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Also write scores and mistakes, sorted by kind, as .md, .json or .html.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(metavar="N", min=0, help="Examples of each kind of mistake in FILE, without words.")
    ] = 10,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Score predicted documents against gold ones.

    Documents are aligned by id and must have the same text; a document missing from predicted counts as empty, except
    under n2c2-2018, which skips it, and n2c2-2022 and i2b2-2012, which refuse. Every report says what its numbers rest
    on. With --report, what is wrong with each wrong mention, relation and argument goes into FILE, too.
    """
    from medspan.apps.cli.versions import mention_problems
    from medspan.apps.documents import read_any, read_gold
    from medspan.corpora import schema as packaged
    from medspan.scoring import analyse, render, report_format, score, write_report

    if report_file is not None:
        report_format(report_file)
        if report_file.exists() and not overwrite:
            raise ConfigError(f"{report_file} exists; give --overwrite to replace it")
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
    if report_file is not None:
        analysis = analyse(truth.documents, found.documents, schema=kept, labels=asked, examples=examples)
        write_report(report, analysis, report_file, resamples=bootstrap, seed=seed)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
        return
    from medspan.apps.cli.console import stdout

    render(report, stdout(), by_label=by_label)
