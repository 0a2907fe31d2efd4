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
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import document_id, files
from medspan.errors import AnnotationError, FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".xml", ".xml.gz", ".xmi", ".xmi.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every XMI file of a folder or archive, or of one file.

    `metadata["e3c"]` keeps sentences and tokens as [start, end] pairs, and the annotations that are no mentions, such
    as the source of the text.
    """
    n_read = 0
    first: FormatError | AnnotationError | None = None
    for name, content in files(path, SUFFIXES):
        key = document_id(name, *SUFFIXES)
        found = Problems(key)
        try:
            document = document_of(key, checked(content, name, found), name, found)
        except (FormatError, AnnotationError) as error:
            first = first or error
            found.skipped(None, str(error))
        else:
            n_read += 1
            yield document
        problems.extend(found)
    if first is not None and not n_read:
        raise FormatError(str(first)) from first
