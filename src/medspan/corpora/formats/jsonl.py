"""JSON Lines, one document a line: the interchange form, plain or gzipped; a folder of such files reads as one."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document, document_from_dict, document_to_dict
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files, lines
from medspan.errors import AnnotationError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every line; a line that is no document is skipped with its number.

    Raises FormatError if all lines are.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    for number, line in enumerate(lines(decode(content, name)), start=1):
        if not line.strip():
            continue
        problems.line = number
        try:
            yield document_from_dict(_record(line))
        except AnnotationError as error:
            problems.skipped(number, str(error))


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
