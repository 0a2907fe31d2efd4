"""BioC JSON: the same as BioC XML, as one JSON object, a list of them, or one document a line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medspan.annotation import Document
from medspan.corpora.formats.bioc.losses import named
from medspan.corpora.formats.bioc.reading import document_of
from medspan.corpora.formats.bioc.writing import collection_of, made_of
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files, lines
from medspan.corpora.formats.targets import write_file
from medspan.errors import AnnotationError, FormatError, MissingExtraError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
# What the bioc package insists on, and files leave out.
_LISTS = ("passages", "sentences", "annotations", "relations", "locations", "nodes")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a JSON file, gzipped or not, or of those in a folder or archive.

    Accepts a collection, a list of collections or documents, an object that holds such a list (as PubTator's service
    gives), and one document a line. A document that cannot be read is skipped with its number.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    try:
        from bioc import biocjson
    except ImportError:
        raise MissingExtraError("bioc", "formats") from None

    for n, (line, record, collection) in enumerate(_records(name, decode(content, name))):
        problems.document = name
        try:
            source = biocjson.fromJSON(_completed(record), "BioCDocument")
            source.id = f"{document_id(name, *SUFFIXES)}#{n}" if source.id in (None, "") else str(source.id)
            problems.document = source.id
            yield document_of(source, collection, line, problems, "bioc-json")
        except AnnotationError as error:
            problems.skipped(line, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
            # The cause could quote the file.
            problems.skipped(line, f"document {n} is not one of BioC ({type(error).__name__})")


def _records(name: str, text: str) -> Iterator[tuple[int | None, Any, dict[str, Any]]]:
    """Yield (line if known, document, its collection without documents)."""
    text = text.removeprefix("\ufeff")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        listed = [(n, line) for n, line in enumerate(lines(text), start=1) if line.strip()]
        if len(listed) < 2 or '"passages"' not in listed[0][1]:
            place = f"{name} line {error.lineno}"
            raise FormatError(f"{place}: not JSON: {error.msg} at column {error.colno}") from None
        for n, line in listed:
            try:
                yield n, json.loads(line), {}
            except (ValueError, RecursionError):
                yield n, None, {}
        return
    except (RecursionError, ValueError):
        raise FormatError(f"{name} line 1: not readable JSON: nested too deeply, or a number too long") from None
    documents = list(_unpacked(found, {}))
    if not documents and not (isinstance(found, dict) and found.get("documents") == []):
        raise FormatError(f"{name} line 1: no documents with passages are in it; is this BioC JSON?")
    for record, collection in documents:
        yield None, record, collection


def _unpacked(value: Any, collection: dict[str, Any], depth: int = 0) -> Iterator[tuple[Any, dict[str, Any]]]:
    if isinstance(value, dict) and "passages" in value:
        yield value, collection
    elif isinstance(value, dict) and isinstance(value.get("documents"), list):
        about = {key: value[key] for key in ("source", "date", "key", "infons") if value.get(key)}
        for record in value["documents"]:
            yield record, about
    elif isinstance(value, dict) and depth < 2:
        for part in value.values():
            yield from _unpacked(part, collection, depth + 1) if isinstance(part, list) else ()
    elif isinstance(value, list) and depth < 3:
        for part in value:
            yield from _unpacked(part, collection, depth + 1)


def _completed(record: Any) -> Any:
    """Add the empty lists and infons that a document or part of it lacks."""
    if not isinstance(record, Mapping):
        raise TypeError
    made: dict[str, Any] = {"id": "", "offset": 0, "text": "", "role": ""}
    for key in _LISTS:
        made[key] = [_completed(part) for part in record.get(key) or ()]
    made.update((key, value) for key, value in record.items() if key not in _LISTS and key != "infons")
    made["infons"] = dict(record.get("infons") or {})
    return made


def losses(document: Document) -> Iterator[Loss]:
    """Name next to nothing: all of a document has a place, if only in infons."""
    yield from named(document)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file, gzipped when the name ends in .gz, as one collection, described as that of the first document."""
    try:
        from bioc import biocjson
    except ImportError:
        raise MissingExtraError("bioc", "formats") from None

    out = bytearray()
    for n, document in enumerate(documents):
        if n == 0:
            out += _encoded(biocjson.toJSON(collection_of(document))).rpartition(b"]")[0]
        out += (b",\n" if n else b"\n") + _encoded(biocjson.toJSON(made_of(document)))
    write_file(path, bytes(out) + b"\n]}\n" if out else b'{"documents": []}\n')


def _encoded(value: Any) -> bytes:
    # What UTF-8 cannot hold, a lone surrogate in a name, is written as JSON writes it with an escape.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
