"""Plain notes: a .txt file, a folder of them or an archive. The text is the decoded file, byte order mark included."""

from collections.abc import Iterable
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.result import Problems, ReadResult
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.corpora.formats.targets import file_for
from medspan.errors import FormatError

__all__ = ["read", "write"]

SUFFIXES = (".txt", ".txt.gz")


def read(path: Path) -> ReadResult:
    """Read notes; a document's id is its path under `path` without the suffix. Undecodable files are skipped."""
    documents: list[Document] = []
    problems = Problems(path.name)
    for name, content in files(path, SUFFIXES):
        found = Problems(document_id(name, *SUFFIXES))
        try:
            documents.append(Document(found.document, decode(content, name)))
        except FormatError as error:
            if not path.is_dir():
                raise
            found.skipped(None, str(error))
        problems.extend(found)
    return ReadResult.of(documents, problems, path.name)


def write(documents: Iterable[Document], path: Path) -> dict[str, int]:
    """Write ID.txt under the folder `path`; annotations are counted as left out."""
    left = {"entities": 0, "relations": 0, "events": 0}
    for document in documents:
        file_for(path, document.id, ".txt").write_bytes(document.text.encode("utf-8"))
        left["entities"] += len(document.entities)
        left["relations"] += len(document.relations)
        left["events"] += len(document.events)
    return {kind: n for kind, n in left.items() if n}
