"""`medspan corpora invent`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medspan.annotation import Document

__all__ = ["invent"]


@reports_failures
def invent(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DST", help="Folder to write, or file for jsonl and the like.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of DST; jsonl if its name ends so.")
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(metavar="S", help="Label schema of the notes; that of the format's own corpus if left out."),
    ] = None,
    notes: Annotated[int, typer.Option("--notes", "-n", min=1, help="How many notes.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same notes.")] = 1,
    characters: Annotated[
        int | None, typer.Option(min=1, help="About how long each note is; varied lengths if left out.")
    ] = None,
    traps: Annotated[
        bool, typer.Option("--traps/--no-traps", help="With what readers trip over, in the notes and in the files.")
    ] = True,
    lossy: Annotated[bool, typer.Option("--lossy", help="Write even where the format has no place for all.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace DST.")] = False,
) -> None:
    """Write invented, annotated notes in a native format: nobody's notes, and copied from nowhere."""
    from medspan.apps.documents import write_any
    from medspan.corpora.invent import documents_for, untidy

    chosen = format_ or _format_of(output)
    if output.exists() and not overwrite and (output.is_file() or any(output.iterdir())):
        raise ConfigError(f"{output} exists; give --overwrite to replace it")
    n_documents = 0

    def counted() -> "Iterator[Document]":
        nonlocal n_documents
        for document in documents_for(chosen, schema, notes, seed, traps, characters):
            n_documents += 1
            yield document

    lost = write_any(counted(), output, chosen, lossy)
    n_untidy = untidy(output, chosen, seed) if traps else 0
    account = f"; {n_untidy} of the files made untidy" if n_untidy else ""
    account += f"; {len(lost)} things the format has no place for were left out" if lost else ""
    typer.echo(f"{n_documents} invented documents written to {output}{account}")


def _format_of(output: Path) -> str:
    if output.name.lower().removesuffix(".gz").endswith(".jsonl"):
        return "jsonl"
    raise ConfigError(f"{output.name}: the name does not tell the format; say it with --format")
