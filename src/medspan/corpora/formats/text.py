"""Plain notes: a .txt file, a folder of them or an archive. The text is the decoded file, byte order mark included."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.corpora.formats.targets import file_for

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".txt", ".txt.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield notes; a document's id is its path under `path` without the suffix. Undecodable files are skipped."""
    named = ((document_id(name, *SUFFIXES), (name, content)) for name, content in files(path, SUFFIXES))
    yield from read_singly(named, _document, problems)


def _document(file: tuple[str, bytes], problems: Problems) -> Document:
    name, content = file
    return Document(problems.document, decode(content, name))


def losses(document: Document) -> Iterator[Loss]:
    """Name every annotation: the text alone is written."""
    for entity in document.entities:
        yield Loss(document.id, "entities", entity.id, "no place for annotations")
    yield from unheld(document, {"attributes", "codes", "gaps", "nesting"})


def write(documents: Iterable[Document], path: Path) -> None:
    """Write ID.txt under the folder `path`."""
    for document in documents:
        file_for(path, document.id, ".txt").write_bytes(document.text.encode("utf-8"))
