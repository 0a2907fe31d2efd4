"""`medspan evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import complain, reports_failures
from medspan.apps.cli.lists import split_list

if TYPE_CHECKING:
    from medspan.apps.documents import Reading
    from medspan.scoring import Report

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
) -> None:
    """Score predicted documents against gold ones.

    Documents are aligned by id and must have the same text; a document missing from predicted counts as empty, except
    under n2c2-2018, which skips it, and n2c2-2022 and i2b2-2012, which refuse. Every report says what its numbers rest
    on.
    """
    from medspan.apps.documents import read_any, read_gold
    from medspan.corpora import schema as packaged
    from medspan.scoring import render, score

    truth, found = read_gold(gold, format_, mapping), read_any(predicted, format_)
    for side, reading in (("gold", truth), ("predicted", found)):
        _mention_problems(side, reading)
    report = score(
        truth.documents,
        found.documents,
        scorer=scorer,
        schema=packaged(schema) if schema else truth.schema,
        labels=labels if labels in ("all", "gold") else set(split_list(labels)),
        bootstrap=bootstrap,
        seed=seed,
    )
    if as_json:
        _print_json(report, truth.notes)
        return
    from medspan.apps.cli.console import stdout

    console = stdout()
    render(report, console, by_label=by_label)
    for note in truth.notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def _mention_problems(side: str, reading: "Reading") -> None:
    counts: dict[str, int] = {}
    for problem in reading.problems:
        counts[problem.action] = counts.get(problem.action, 0) + 1
    if counts:
        listed = ", ".join(f"{n} {action}" for action, n in counts.items())
        complain(f"while reading {side}: {listed}; medspan convert lists them")


def _print_json(report: "Report", notes: tuple[str, ...]) -> None:
    data = report.to_dict()
    data["notes"] = [*data["notes"], *notes]
    typer.echo(json.dumps(data, ensure_ascii=False, indent=1))
