"""brat stand-off: .txt and .ann side by side, in a folder, an archive or as one pair."""

from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.brat.meaning import document_of
from medspan.corpora.formats.brat.writing import write
from medspan.corpora.formats.result import Problems, ReadResult
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.errors import AnnotationError, FormatError

__all__ = ["read", "write"]


def read(path: Path) -> ReadResult:
    """Read a folder or archive of pairs (recursively), or one pair named by either of its files.

    A document's id is its path under `path` without the suffix. Line ends, tabs and a byte order mark in the text
    stay. A note without .ann file has no annotations; an .ann file without note is skipped with a reason.
    """
    many = path.is_dir() or not path.name.lower().endswith((".txt", ".ann"))
    pairs = dict(files(path, (".txt", ".ann"))) if many else _pair(path)
    documents: list[Document] = []
    problems = Problems(path.name)
    for name in sorted({document_id(name, ".txt", ".ann") for name in pairs}):
        found = Problems(name)
        try:
            document = _document(name, pairs, found)
        except (FormatError, AnnotationError) as error:
            if not many:
                raise
            found.skipped(None, str(error))
        else:
            documents.extend([document] if document else [])
        problems.extend(found)
    return ReadResult.of(documents, problems, path.name)


def _document(name: str, pairs: dict[str, bytes], problems: Problems) -> Document | None:
    text, annotations = pairs.get(f"{name}.txt"), pairs.get(f"{name}.ann")
    if text is None:
        problems.skipped(None, "there is no .txt file beside the .ann file")
        return None
    if annotations is None:
        problems.kept(None, "there is no .ann file beside the .txt file: read as a note without annotations")
    return document_of(name, decode(text, f"{name}.txt"), decode(annotations or b"", f"{name}.ann"), problems)


def _pair(path: Path) -> dict[str, bytes]:
    both = (path.with_suffix(".txt"), path.with_suffix(".ann"))
    if not both[0].exists():
        raise FormatError(f"{path.name}: there is no {both[0].name} beside it, which its offsets point into")
    return {file.name: file.read_bytes() for file in both if file.exists()}
