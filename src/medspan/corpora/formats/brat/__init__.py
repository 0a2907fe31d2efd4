"""brat stand-off: .txt and .ann side by side, in a folder, an archive or as one pair."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from medspan.annotation import Document, Entity, Event
from medspan.corpora.formats.brat.dialect import BRAT, Dialect
from medspan.corpora.formats.brat.meaning import arguments_of, document_of
from medspan.corpora.formats.brat.plain import plain_document
from medspan.corpora.formats.brat.writing import numbered, write
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, grouped
from medspan.errors import FormatError

__all__ = ["Dialect", "losses", "stream", "write"]


def stream(path: Path, problems: list[Problem], dialect: Dialect = BRAT) -> Iterator[Document]:
    """Yield the documents of a folder or archive of pairs (recursively), or of one pair named by either of its files.

    A document's id is its path under `path` without the suffix. Line ends, tabs and a byte order mark in the text
    stay. A note without .ann file has no annotations; an .ann file without note is skipped with a reason.
    """
    is_one = path.name.lower().endswith((".txt", ".ann")) and not path.is_dir()
    pairs = [(path.stem, _pair(path))] if is_one else grouped(path, (".txt", ".ann"))
    yield from read_singly(pairs, partial(_document, dialect=dialect), problems)


def losses(document: Document) -> Iterator[Loss]:
    """Name what brat's numbering of roles and its spaces confuse; what it has no place for travels in a note line."""
    for event in document.events:
        if tuple(arguments_of([*numbered(event.arguments)])) != event.arguments:
            yield Loss(document.id, "events", event.id, "a role that ends in a digit reads as another, repeated")
    owners: tuple[Entity | Event, ...] = (*document.entities, *document.events)
    for owner in owners:
        for attribute in owner.attributes:
            if attribute.value != attribute.value.strip():
                yield Loss(document.id, "attributes", owner.id, f"white space around the value of {attribute.name!r}")


def _document(pair: Mapping[str, bytes], problems: Problems, dialect: Dialect) -> Document | None:
    name = problems.document
    text, annotations = pair.get(".txt"), pair.get(".ann")
    if text is None:
        problems.skipped(None, "there is no .txt file beside the .ann file")
        return None
    if annotations is None:
        problems.kept(None, "there is no .ann file beside the .txt file: read as a note without annotations")
    note, lines = decode(text, f"{name}.txt"), decode(annotations or b"", f"{name}.ann")
    plain = plain_document(name, note, lines, dialect)
    return document_of(name, note, lines, problems, dialect) if plain is None else plain


def _pair(path: Path) -> dict[str, bytes]:
    both = (path.with_suffix(".txt"), path.with_suffix(".ann"))
    if not both[0].exists():
        raise FormatError(f"{path.name}: there is no {both[0].name} beside it, which its offsets point into")
    return {file.suffix: file.read_bytes() for file in both if file.exists()}
