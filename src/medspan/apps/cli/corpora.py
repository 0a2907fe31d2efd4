"""`medspan corpora`: the catalog of corpora, and invented notes."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.apps.cli.invent import invent
from medspan.errors import CorpusError

if TYPE_CHECKING:
    from medspan.corpora import CorpusEntry

__all__ = ["corpora"]

corpora = typer.Typer(help="Look at, fetch and invent annotated corpora.", no_args_is_help=True, rich_markup_mode=None)


@corpora.command("list")
@reports_failures
def list_corpora() -> None:
    """List the corpora that medspan knows, and whether they are on this machine."""
    from rich.table import Table

    from medspan.apps.cli.console import stdout
    from medspan.corpora import catalog_entry, corpora_root, corpus_names

    root = corpora_root()
    shown = Table(title=f"corpora, looked for in {root}", title_justify="left")
    for column in ("name", "schema", "format", "splits", "here", "licence"):
        shown.add_column(column)
    for name in corpus_names():
        entry = catalog_entry(name)
        here = all((root / name / part.file).exists() for parts in entry.splits.values() for part in parts)
        shown.add_row(
            name,
            entry.schema or "text only",
            entry.format,
            ", ".join(entry.splits),
            "yes" if here else "no",
            entry.licence,
        )
    stdout().print(shown)


@corpora.command("show")
@reports_failures
def show_corpus(
    name: Annotated[str, typer.Argument(help="Name in the catalog.")],
    problems: Annotated[bool, typer.Option("--problems", help="List what was repaired or skipped in reading.")] = False,
) -> None:
    """Describe a corpus: origin, licence, citation, and what each split holds."""
    from medspan.corpora import catalog_entry, load_corpus

    entry = catalog_entry(name)
    rows = [
        ("title", entry.title),
        ("licence", entry.licence),
        ("citation", entry.citation),
        ("origin", entry.origin + (f" at {entry.commit}" if entry.commit else "")),
        ("format", entry.format),
        ("schema", entry.schema or "none: text only"),
        *(("known flaw", flaw) for flaw in entry.flaws),
    ]
    for title, value in rows:
        typer.echo(f"{title:12}{value}")
    for split in entry.splits:
        try:
            documents = load_corpus(name, split)
        except CorpusError as error:
            typer.echo(f"{split:12}not here: {error}")
            continue
        kinds = Counter({"documents": len(documents), "characters": sum(len(d.text) for d in documents)})
        for document in documents:
            kinds.update(entities=len(document.entities), relations=len(document.relations))
            kinds.update(events=len(document.events), groups=len(document.groups))
        typer.echo(f"{split:12}" + ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n))
    if problems:
        _list_problems(entry)


def _list_problems(entry: "CorpusEntry") -> None:
    from medspan.corpora import corpora_root, read

    if entry.columns is not None:
        typer.echo("a table of notes: read whole or refused, so there are no problems to list")
        return
    for file in sorted({part.file for parts in entry.splits.values() for part in parts}):
        path = corpora_root() / entry.name / file
        if not path.exists():
            raise CorpusError(f"corpus {entry.name}: {path} is missing; run `medspan corpora get {entry.name}`")
        result = read(path, entry.format)
        typer.echo(f"{file}: " + ", ".join(f"{n:,} {action}" for action, n in result.counts.items()))
        for problem in result.problems:
            typer.echo(f"  {problem}")


@corpora.command("get")
@reports_failures
def get(
    name: Annotated[str, typer.Argument(help="Name in the catalog.")],
    mirror: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy from a folder that holds NAME/ instead of fetching.")
    ] = None,
) -> None:
    """Bring a corpus to this machine and verify it against the catalog's checksums."""
    from medspan.corpora.getting import get_corpus

    for path in get_corpus(name, mirror=mirror):
        typer.echo(path)


corpora.command("invent")(invent)
