"""Reading file by file: the bad ones set aside, the good ones read, and an error only where nothing was good."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from medspan.annotation import Document
from medspan.corpora.formats.result import Problem, Problems
from medspan.errors import AnnotationError, FormatError

__all__ = ["read_files", "read_singly"]

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


def read_files(
    files: Iterable[tuple[str, bytes]],
    build: Callable[[str, bytes, Problems], Iterator[Document]],
    problems: list[Problem],
) -> Iterator[Document]:
    """Yield the documents that `build` finds in each (name, content) of files that may hold many.

    A file that is not in its format is skipped with the reason. Document ids used twice are listed. Raises
    FormatError with the first thing skipped when no document was found at all.
    """
    seen: set[str] = set()
    first: FormatError | None = None
    for name, content in files:
        found = Problems(name)
        try:
            for document in build(name, content, found):
                if document.id in seen:
                    found.kept(found.line, f"document id {document.id!r} is used twice")
                seen.add(document.id)
                first = first or _skipped(name, found)
                problems.extend(found)
                found.clear()
                yield document
        except (FormatError, AnnotationError) as error:
            found.document = name
            found.skipped(None, str(error))
            first = first or FormatError(str(error))
        first = first or _skipped(name, found)
        problems.extend(found)
    if first is not None and not seen:
        raise first


def _skipped(name: str, problems: Problems) -> FormatError | None:
    for problem in problems:
        if problem.action == "skipped":
            place = name if problem.line is None else f"{name} line {problem.line}"
            return FormatError(f"{place}: no document was found: {problem.reason}")
    return None
