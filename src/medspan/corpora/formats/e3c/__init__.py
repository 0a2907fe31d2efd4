"""E3C: UIMA XMI as WebAnno exports it, one file a document, with mentions in layers and links between them.

A layer is the label of its mentions, its features are their attributes, `entityID` their code. A link becomes a
relation labelled by its role, from the mention that lists it to its target.
"""

from collections.abc import Iterator
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.e3c.raw import checked
from medspan.corpora.formats.e3c.reading import document_of
from medspan.corpora.formats.e3c.writing import losses, write
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import document_id, files

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".xml", ".xml.gz", ".xmi", ".xmi.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every XMI file of a folder or archive, or of one file.

    `metadata["e3c"]` keeps sentences and tokens as [start, end] pairs, and the annotations that are no mentions, such
    as the source of the text.
    """
    named = ((document_id(name, *SUFFIXES), (name, content)) for name, content in files(path, SUFFIXES))
    yield from read_singly(named, _document, problems)


def _document(file: tuple[str, bytes], problems: Problems) -> Document:
    name, content = file
    return document_of(problems.document, checked(content, name, problems), name, problems)
