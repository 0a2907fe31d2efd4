"""`medspan convert`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import SET_ASIDE, complain, reports_failures
from medspan.errors import ConfigError

if TYPE_CHECKING:
    from medspan.annotation import Document
    from medspan.corpora import Problem

__all__ = ["convert"]

_SHOWN = 20
_TOLD = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".html": "html",
    ".pubtator": "pubtator",
    **dict.fromkeys((".tsv", ".conll", ".bio", ".iob"), "conll"),
}


@reports_failures
def convert(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="File, folder or archive to read.")],
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="File to write, or folder for formats of several files.")
    ],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="F", help="Format of SRC; guessed if left out.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="F", help="Format of DST; told by its suffix, if that is of one, when left out."),
    ] = None,
    lossy: Annotated[
        bool, typer.Option("--lossy", help="Write even where DST's format has no place for something.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace DST; in a folder, files of the same name.")
    ] = False,
) -> None:
    """Convert annotated documents from one format to another.

    Formats: ade, bioc, bioc-json, brat, conll, ddi, e3c, i2b2-2009, i2b2-2010, i2b2-2012, i2b2-2014, inception, jsonl,
    label-studio, n2c2-2022, parquet, phee, pubtator, radgraph, text, and html, which can be written only. What each
    keeps stands in docs/formats.md. What was repaired or skipped in reading is listed; the exit code is 3 if something
    was skipped. Where DST's format would lose something, that is said and nothing is written, unless --lossy is given.
    """
    from medspan.apps.documents import located, stream_any, write_any

    chosen = to or _format_of(target)
    if target.exists() and not overwrite and (target.is_file() or any(target.iterdir())):
        raise ConfigError(f"{target} exists; give --overwrite to replace it")
    _, read_as = located(source, from_)
    problems: list[Problem] = []
    n_documents = 0

    def counted() -> "Iterator[Document]":
        nonlocal n_documents
        for document in stream_any(source, from_, problems):
            n_documents += 1
            yield document

    try:
        lost = write_any(counted(), target, chosen, lossy)
    finally:
        _list(problems)
    _list(lost)
    if not n_documents:
        complain(f"{source}: no document was found; is --from right?")
    counts = Counter([problem.action for problem in problems] + [f"{loss.kind} lost" for loss in lost])
    account = "".join(f"; {n} {kind}" for kind, n in counts.items())
    typer.echo(f"{n_documents} documents written to {target}, read as {read_as}{account}")
    if counts["skipped"]:
        raise typer.Exit(SET_ASIDE)


def _list(items: Sequence[object]) -> None:
    for item in items[:_SHOWN]:
        complain(str(item))
    if len(items) > _SHOWN:
        complain(f"and {len(items) - _SHOWN} more such lines")


def _format_of(target: Path) -> str:
    name = target.name.lower().removesuffix(".gz")
    for suffix, chosen in _TOLD.items():
        if name.endswith(suffix):
            return chosen
    from medspan.apps.documents import writable_formats

    raise ConfigError(
        f"{target.name}: the name does not tell the format, as {' '.join(_TOLD)} would; say it with --to, which takes "
        f"{', '.join(writable_formats())}"
    )
