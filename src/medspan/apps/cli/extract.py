"""`medspan extract`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import SET_ASIDE, reports_failures
from medspan.apps.cli.lists import split_list
from medspan.apps.memory import keep_memory_level

if TYPE_CHECKING:
    from medspan.apps.extract import ExtractResult

__all__ = ["extract"]


@reports_failures
def extract(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where results go; made when it is missing.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="Text files, folders of them, .jsonl or .parquet files, a corpus folder, or - for standard input.",
        ),
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="Read the invented notes that ship with medspan.")
    ] = False,
    model: Annotated[str, typer.Option(help="A bundled model (medspan models list) or a model folder.")] = "default",
    schema: Annotated[
        str | None, typer.Option(metavar="A,B", help="Label schemas to answer; the model's own default if left out.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT", help="jsonl, parquet, brat or html; may be repeated.  [default: jsonl]"),
    ] = None,
    id_column: Annotated[str | None, typer.Option(metavar="C", help="Column of the note's id, in tables.")] = None,
    text_column: Annotated[str | None, typer.Option(metavar="C", help="Column of the note's text, in tables.")] = None,
    keep_columns: Annotated[
        str | None, typer.Option(metavar="C,C", help="Columns that go through to every output, such as patient,date.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(metavar="X", help="Drop annotations scored below X, and links that lose an end.")
    ] = None,
    codes: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Your term list (columns term, code and, if wanted, label): fills `code`."),
    ] = None,
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="What runs the encoder: auto, onnx or torch.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="CPU threads of the encoder.  [default: all]")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results of an earlier run in FOLDER.")
    ] = False,
) -> None:
    """Extract entities, attributes, relations and events from notes.

    A file's note id is its path under INPUT without the suffix. Notes that cannot be read are listed in
    FOLDER/quarantine.jsonl, and the exit code is then 3; FOLDER/manifest.json says what was run and accounts for
    every note.
    """
    # The heads' matrices are small: one thread is fastest while the encoder keeps the other cores busy. numpy reads
    # this when it is imported, which happens below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    keep_memory_level()

    from medspan.apps.cli.progress import NoteProgress
    from medspan.apps.extract import Columns, ExtractOptions, run_extract

    named = list(inputs or ())
    if examples:
        from medspan.examples import example_paths

        named += [str(path) for path in example_paths()]
    options = ExtractOptions(
        inputs=tuple(named),
        output=output,
        model=model,
        schemas=split_list(schema),
        formats=tuple(name for item in to or ["jsonl"] for name in split_list(item)),
        columns=Columns(id_column, text_column, split_list(keep_columns)),
        min_score=min_score,
        codes=codes,
        engine=engine,
        threads=threads,
        overwrite=overwrite,
    )
    with NoteProgress() as progress:
        result = run_extract(options, watcher=progress)
    _summarise(result)
    if result.tally.quarantined:
        raise typer.Exit(SET_ASIDE)


def _summarise(result: "ExtractResult") -> None:
    from rich.table import Table
    from rich.text import Text

    from medspan.apps.cli.console import stdout
    from medspan.apps.extract import FORMATS

    console, tally, options = stdout(), result.tally, result.options
    titles = {"entities": "entity", "assertion": "assertion", "relations": "relation", "events": "event"}
    shown = Table(title=Text("What was found"), title_justify="left")
    shown.add_column("kind")
    shown.add_column("label")
    shown.add_column("found", justify="right")
    for kind, counts in tally.found().items():
        for i, (label, n) in enumerate(counts.items()):
            shown.add_row(titles[kind] if i == 0 else "", Text(label), f"{n:,}")
        if counts:
            shown.add_section()
    console.print(shown)
    stages = result.stages
    console.print(
        f"Notes: {tally.read:,} read, {tally.done:,} done, {tally.quarantined:,} set aside. "
        f"{tally.characters:,} characters in {stages.total - stages.startup:.1f} s "
        f"({result.characters_per_second:,.0f} a second), start-up {stages.startup:.1f} s.",
        highlight=False,
    )
    if options.codes is not None:
        console.print(f"{tally.coded:,} entities have a code.", highlight=False)
    if result.ignored:
        kinds = ", ".join(f"{n:,} {suffix}" for suffix, n in result.ignored.items())
        console.print(Text(f"Files that are no notes were left out: {kinds}."))
    if result.n_left_out_of_html:
        console.print(f"The page holds the first notes only; {result.n_left_out_of_html:,} are not on it.")
    if tally.quarantined:
        console.print(Text(f"See {options.output / 'quarantine.jsonl'} for what was set aside and why."))
    written = [str(options.output / name) for chosen in options.formats for name in FORMATS[chosen]]
    console.print(Text(f"Written: {', '.join([*written, str(options.output / 'manifest.json')])}"), soft_wrap=True)
