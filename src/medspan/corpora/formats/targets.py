"""Where documents are written: ids as safe paths, files gzipped by their name, nothing under its name half-written."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from medspan.errors import FormatError

__all__ = ["file_for", "published", "write_file"]


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Give a hidden neighbour of `path` to write to, a file or a folder, and move it to `path` at the end.

    A folder that exists already gets the new files beside its own. After an exception nothing of the new is left.
    Raises FormatError when one file was written and a folder stands there.
    """
    path = path.absolute()
    partial = path.with_name(f".partial-{path.name}")
    _remove(partial)
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            for file in sorted(p for p in partial.rglob("*") if p.is_file()):
                target = path / file.relative_to(partial)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        elif partial.exists():
            if path.is_dir():
                raise FormatError(f"{path.name} is a folder, and the format writes one file: name that file")
            partial.replace(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file_for(folder: Path, document_id: str, suffix: str) -> Path:
    """Return folder/ID+suffix with its parents made; raises FormatError for an id that is no safe relative path."""
    path = PurePosixPath(document_id)
    unsafe = path.is_absolute() or ".." in path.parts or path.as_posix() != document_id or document_id in ("", ".")
    if unsafe or "\0" in document_id or "\\" in document_id:
        raise FormatError(f"document id {document_id!r} cannot be a file name under {folder.name}; rename the document")
    target = folder / f"{document_id}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def write_file(path: Path, content: bytes) -> None:
    """Write `content`, gzipped when the name ends in .gz, with the parent folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed time stamp in the gzip header keeps equal output equal.
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
