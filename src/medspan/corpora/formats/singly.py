"""Files of which each holds one document: the bad ones set aside, the good ones read."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from medspan.annotation import Document
from medspan.corpora.formats.result import Problem, Problems
from medspan.errors import AnnotationError, FormatError

__all__ = ["read_singly"]

T = TypeVar("T")


def read_singly(
    items: Iterable[tuple[str, T]], build: Callable[[T, Problems], Document | None], problems: list[Problem]
) -> Iterator[Document]:
    """Yield what `build` makes of each (document id, content), adding to `problems` as it goes.

    A document that is not in its format is skipped with the reason, and raised as FormatError when no other was read.
    `build` gives None for what it has listed as skipped itself.
    """
    n_read = 0
    first: FormatError | None = None
    for key, content in items:
        found = Problems(key)
        try:
            document = build(content, found)
        except (FormatError, AnnotationError) as error:
            first = first or FormatError(str(error))
            found.skipped(None, str(error))
        else:
            if document is not None:
                n_read += 1
                yield document
        problems.extend(found)
    if first is not None and not n_read:
        raise first
