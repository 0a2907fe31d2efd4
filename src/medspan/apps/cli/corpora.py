"""`medspan corpora`: the catalog of corpora, own corpora, and invented notes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.apps.cli.invent import invent
from medspan.errors import CorpusError

if TYPE_CHECKING:
    from medspan.annotation import Document, LabelSchema
    from medspan.corpora import CorpusEntry

__all__ = ["corpora"]

corpora = typer.Typer(
    help="Look at, fetch, start and invent annotated corpora.", no_args_is_help=True, rich_markup_mode=None
)


@corpora.command("list")
@reports_failures
def list_corpora() -> None:
    """List the corpora that medspan knows, who may use them, and whether they are on this machine."""
    from rich.table import Table

    from medspan.apps.cli.console import stdout
    from medspan.corpora import catalog_entry, corpora_root, corpus_names

    root = corpora_root()
    shown = Table(title=f"corpora, looked for in {root}", title_justify="left")
    for column in ("name", "schema", "splits", "here", "access", "licence"):
        shown.add_column(column, no_wrap=column in ("name", "here", "access"))
    for name in corpus_names():
        entry = catalog_entry(name)
        here = all((root / entry.place / part.file).exists() for parts in entry.splits.values() for part in parts)
        shown.add_row(
            name,
            entry.schema or "text only",
            ", ".join(entry.splits),
            "yes" if here else "no",
            "your own" if entry.is_local else entry.access,
            re.split(r"; | \(", entry.licence)[0],
        )
    stdout().print(shown)


@corpora.command("show")
@reports_failures
def show_corpus(
    name: Annotated[str, typer.Argument(help="Name in the catalog, or of a corpus of your own.")],
    problems: Annotated[
        bool, typer.Option("--problems", help="List what was kept in doubt, repaired or skipped in reading.")
    ] = False,
) -> None:
    """Describe a corpus: origin, licence, citation, and what each split holds."""
    from medspan.corpora import catalog_entry, load_corpus

    entry = catalog_entry(name)
    for title, value in _about(entry):
        typer.echo(f"{title:12}{value}")
    label_schema = _schema_of(entry)
    for split in entry.splits:
        try:
            documents = load_corpus(name, split)
        except CorpusError as error:
            typer.echo(f"{split:12}not here: {error}")
            continue
        typer.echo(f"{split:12}{_counts(documents)}")
        if label_schema is not None and (outside := _outside(documents, label_schema)):
            typer.echo(f"{'':12}outside the schema: {outside}")
    if problems:
        _list_problems(entry)


def _about(entry: "CorpusEntry") -> Iterator[tuple[str, str]]:
    yield "title", entry.title
    yield "licence", entry.licence
    yield "access", entry.access + (f": apply at {entry.apply_at}" if entry.apply_at else "")
    yield "citation", entry.citation
    yield "origin", entry.origin + (f" at {entry.commit}" if entry.commit else "")
    yield "format", entry.format
    yield "schema", entry.schema or "none: text only"
    for line in entry.layout:
        yield "place", f"$MEDSPAN_DATA/{entry.place}/: {line}"
    for flaw in entry.flaws:
        yield "known flaw", flaw


def _schema_of(entry: "CorpusEntry") -> "LabelSchema | None":
    """Return the entry's schema; of one's own corpus, say how many definitions are still to be written."""
    from medspan.corpora import schema
    from medspan.corpora.starting.inferring import is_placeholder

    if entry.schema is None:
        return None
    found = schema(entry.schema)
    definitions = [
        *(entity.definition for entity in found.entities),
        *(attribute.definition for attribute in found.attributes),
        *(relation.definition for relation in found.relations),
        *(event.definition for event in found.events),
        *(role.definition for event in found.events for role in event.roles),
    ]
    if n_open := sum(is_placeholder(definition) for definition in definitions):
        typer.echo(f"{'to do':12}{n_open} of {len(definitions)} definitions in corpus.yaml are still to be written")
    return found


def _counts(documents: "Sequence[Document]") -> str:
    kinds = Counter({"documents": len(documents), "characters": sum(len(d.text) for d in documents)})
    for document in documents:
        kinds.update(entities=len(document.entities), relations=len(document.relations))
        kinds.update(events=len(document.events), groups=len(document.groups))
        kinds["facts between codes"] += len(document.concept_relations)
    return ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)


def _outside(documents: "Sequence[Document]", label_schema: "LabelSchema") -> str:
    from medspan.corpora import restrict

    left: Counter[str] = Counter()
    for document in documents:
        left += restrict(document, label_schema)[1]
    return ", ".join(f"{n:,} {kind}" for kind, n in left.items() if n)


def _list_problems(entry: "CorpusEntry") -> None:
    from medspan.corpora.catalog import read_parts
    from medspan.corpora.formats.problem_kinds import problem_kinds

    if entry.columns is not None:
        typer.echo("a table of notes: read whole or refused, so there are no problems to list")
        return
    for part, result in read_parts(entry.name).items():
        typer.echo(f"{part}: " + ", ".join(f"{n:,} {action}" for action, n in result.counts.items()))
        for (action, kind), n in problem_kinds(result.problems).items():
            typer.echo(f"  {n:,} {action}: {kind}")
        for problem in result.problems:
            typer.echo(f"  {problem}")


@corpora.command("get")
@reports_failures
def get(
    name: Annotated[str, typer.Argument(help="Name in the catalog.")],
    mirror: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Copy from a folder that holds NAME/ instead of fetching; archives there are unpacked."
        ),
    ] = None,
) -> None:
    """Bring a corpus to this machine and verify it against the catalog's checksums.

    A download that broke off is taken up where it stopped. A corpus under a data use agreement is not fetched: the
    command says where to apply and where the files go.
    """
    from medspan.corpora.getting import get_corpus

    for path in get_corpus(name, mirror=mirror):
        typer.echo(path)


@corpora.command("init")
@reports_failures
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder or file of annotated documents.")],
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="F", help="Format of the documents; guessed when left out.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="N", help="Name of the corpus; the folder's when left out.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where to write; $MEDSPAN_DATA/NAME/corpus.yaml by default."
        ),
    ] = None,
) -> None:
    """Make annotated documents of your own a corpus with a name: infer labels and splits, and write a file to edit.

    What occurs becomes legal; definitions are left for you to write. Notes of one patient go to one split.
    """
    from medspan.corpora.starting import start_corpus

    started = start_corpus(folder, name, file_format, output)
    schema = started.schema
    found = [
        f"{len(items)} {kind}"
        for kind, items in (
            ("labels", schema.entities),
            ("attributes", schema.attributes),
            ("relations", schema.relations),
            ("events", schema.events),
        )
        if items
    ]
    typer.echo(f"{started.format}: {sum(started.n_documents.values()):,} documents with {', '.join(found)}")
    typer.echo("splits: " + ", ".join(f"{split} {n:,}" for split, n in started.n_documents.items()))
    typer.echo(f"splits are by {started.told_by}")
    for warning in started.warnings:
        typer.echo(f"warning: {warning}")
    typer.echo(f"written: {started.path}")
    if output is None:
        typer.echo(f"Edit it, then look at the corpus with: medspan corpora show {started.name}")
    else:
        typer.echo(f"Edit it and put it at $MEDSPAN_DATA/{started.name}/corpus.yaml, where it is found by name")


corpora.command("invent")(invent)
