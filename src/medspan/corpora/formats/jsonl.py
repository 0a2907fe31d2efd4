"""JSON Lines, one document a line: the interchange form, plain or gzipped; a folder of such files reads as one."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from medspan.annotation import Document, document_from_dict, document_to_dict
from medspan.corpora.formats.result import Problems, ReadResult
from medspan.corpora.formats.sources import decode, files, lines
from medspan.errors import AnnotationError, FormatError

__all__ = ["read", "write"]

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def read(path: Path) -> ReadResult:
    """Read every line; a line that is no document is skipped with its number. Raises FormatError if all lines are."""
    documents: list[Document] = []
    problems = Problems(path.name)
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
            documents.append(document)
        problems.extend(found)
    if problems and not documents:
        raise FormatError(
            f"{problems[0].document} line {problems[0].line}: no line is a document: {problems[0].reason}"
        )
    return ReadResult.of(documents, problems, path.name)


def write(documents: Iterable[Document], path: Path) -> dict[str, int]:
    """Write one line a document, gzipped when the name ends in .gz; nothing is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw:
        # A fixed time stamp in the gzip header keeps equal output equal.
        stream = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.suffix.lower() == ".gz" else raw
        for document in documents:
            stream.write(json.dumps(document_to_dict(document), ensure_ascii=False).encode("utf-8") + b"\n")
        if stream is not raw:
            stream.close()
    return {}


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
