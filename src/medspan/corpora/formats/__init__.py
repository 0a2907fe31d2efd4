"""File syntaxes, each one module (or package) with `read` and `write`, reached by name or guessed from the path."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from medspan.annotation import Document
from medspan.corpora.formats.guess import guess_format
from medspan.corpora.formats.result import Problem, ReadResult
from medspan.errors import FormatError
from medspan.registry import Registry

__all__ = ["READERS", "WRITERS", "Problem", "ReadResult", "guess_format", "read", "write"]


class Reader(Protocol):
    """Read a file, folder or archive."""

    def __call__(self, path: Path) -> ReadResult:
        """Return what was read; raise FormatError only when nothing can be."""


class Writer(Protocol):
    """Write documents to a file or folder."""

    def __call__(self, documents: Iterable[Document], path: Path) -> dict[str, int]:
        """Return how many annotations of each kind the format had no place for."""


_NAMES = ("brat", "jsonl", "phee", "pubtator", "text")
READERS: Registry[Reader] = Registry("format", {name: f"{__name__}.{name}:read" for name in _NAMES})
WRITERS: Registry[Writer] = Registry("format", {name: f"{__name__}.{name}:write" for name in _NAMES})


def read(path: str | Path, format: str | None = None) -> ReadResult:  # noqa: A002
    """Read annotated or plain documents; the format is guessed from the path when not given.

    Raises FormatError for a path that does not exist or a file that cannot be read at all, UnknownNameError for an
    unknown format. Everything smaller is repaired or skipped, and listed in the result.
    """
    path = Path(path)
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    return READERS.get(format or guess_format(path))(path)


def write(documents: Iterable[Document], path: str | Path, format: str) -> dict[str, int]:  # noqa: A002
    """Write documents; returns counts of what the format could not hold (empty when nothing was lost)."""
    return WRITERS.get(format)(documents, Path(path))
