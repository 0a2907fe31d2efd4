"""What BioC cannot hold in either syntax."""

from collections.abc import Iterator

from medspan.annotation import Document
from medspan.corpora.formats.losses import Loss

__all__ = ["named"]


def named(document: Document) -> Iterator[Loss]:
    """Name what has no value that infons could hold: empty document ids and empty codes."""
    if not document.id:
        yield Loss(document.id, "ids", None, "an empty document id is replaced")
    for entity in document.entities:
        if entity.code == "":
            yield Loss(document.id, "codes", entity.id, "an empty code is no code")
