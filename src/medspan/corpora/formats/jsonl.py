"""JSON Lines, one document a line: the interchange form, plain or gzipped; a folder of such files reads as one."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document, document_from_dict, document_to_dict
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files, lines
from medspan.errors import AnnotationError, FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every line; a line that is no document is skipped with its number.

    Raises FormatError if all lines are.
    """
    first: Problem | None = None
    seen: set[str] = set()
    for name, content in files(path, SUFFIXES):
        found = Problems(name)
        for number, line in enumerate(lines(decode(content, name)), start=1):
            if not line.strip():
                continue
            try:
                document = document_from_dict(_record(line))
            except AnnotationError as error:
                found.skipped(number, str(error))
                continue
            if document.id in seen:
                found.kept(number, f"document id {document.id!r} is used twice")
            seen.add(document.id)
            yield document
        problems.extend(found)
        first = first or next(iter(found), None)
    if first is not None and not seen:
        raise FormatError(f"{first.document} line {first.line}: no line is a document: {first.reason}")


def losses(document: Document) -> Iterator[Loss]:  # noqa: ARG001
    """Name nothing: the form holds all of a document."""
    return iter(())


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one line a document, gzipped when the name ends in .gz; nothing is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw:
        # A fixed time stamp in the gzip header keeps equal output equal.
        file = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.suffix.lower() == ".gz" else raw
        for document in documents:
            file.write(json.dumps(document_to_dict(document), ensure_ascii=False).encode("utf-8") + b"\n")
        if file is not raw:
            file.close()


def _record(line: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise AnnotationError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise AnnotationError("not a document: nested too deeply") from None
    if not isinstance(record, dict):
        raise AnnotationError("not a JSON object")
    return record
