"""`medspan compare`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.apps.cli.lists import split_list

__all__ = ["compare"]


@reports_failures
def compare(
    gold: Annotated[
        str,
        typer.Option(metavar="PATH", help="Gold documents: a path in any readable format, or corpus:NAME:SPLIT."),
    ],
    predicted: Annotated[
        list[Path],
        typer.Option(metavar="PATH", help="A system's documents, or an output folder of medspan extract; repeatable."),
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="M", help="A measure by its place, as relations.end_to_end.strict; repeatable. The scorer's first."
        ),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of all sides, where it is not guessed.")
    ] = None,
    scorer: Annotated[str, typer.Option(metavar="S", help="strict, lenient, or an official scorer's name.")] = "strict",
    labels: Annotated[
        str,
        typer.Option(metavar="L", help="all; gold (leave out predicted labels that gold never uses); or A,B."),
    ] = "all",
    schema: Annotated[
        str | None, typer.Option(metavar="NAME", help="Restrict all sides to a packaged label schema.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(metavar="NAME", help="Map gold from its corpus's labels first, such as clin.")
    ] = None,
    correction: Annotated[
        str, typer.Option(metavar="C", help="For several comparisons: holm, benjamini-hochberg or none.")
    ] = "holm",
    resamples: Annotated[
        int, typer.Option(metavar="N", min=1, help="Resamples of the bootstrap and exchanges of the randomization.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of both.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparisons as JSON.")] = False,
) -> None:
    """Say whether systems differ: micro F1 of every two on the same gold, with interval and p value.

    The interval comes from a paired bootstrap over documents, p from an approximate randomization test. All
    comparisons that one call prints are corrected together.
    """
    from medspan.apps.cli.versions import mention_problems, read_versions
    from medspan.apps.documents import read_gold
    from medspan.corpora import schema as packaged
    from medspan.scoring import compare as compare_systems

    truth = read_gold(gold, format_, mapping)
    mention_problems("gold", truth)
    found = compare_systems(
        truth.documents,
        read_versions(predicted, format_),
        measure or (),
        scorer=scorer,
        schema=packaged(schema) if schema else truth.schema,
        labels=labels if labels in ("all", "gold") else set(split_list(labels)),
        correction=correction,
        n=resamples,
        seed=seed,
    )
    if as_json:
        data = found.to_dict()
        typer.echo(json.dumps(data | {"notes": [*data["notes"], *truth.notes]}, ensure_ascii=False, indent=1))
        return
    from medspan.apps.cli.console import stdout
    from medspan.scoring.pages import comparison_tables
    from medspan.scoring.render import print_tables

    print_tables(comparison_tables(found), stdout(), [f"note: {note}" for note in (*found.notes, *truth.notes)])
