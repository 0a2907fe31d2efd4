"""Where documents are written: ids as safe paths, files gzipped by their name, nothing under its name half-written."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from medspan.errors import FormatError

__all__ = ["file_for", "published", "write_file"]


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Give a hidden place beside `path` to write a file or a folder to, and move that to `path` at the end.

    A folder that exists already gets the new files beside its own. After an exception nothing of the new is left.
    Raises FormatError when a file stands where a folder must be or the other way round, and when the disk refuses.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".partial-", dir=path.parent) as hidden:
            partial = Path(hidden, path.name)
            yield partial
            if partial.is_dir() and path.exists():
                _merge(partial, path)
            elif partial.exists():
                _refuse_clash(path.is_dir(), path.name)
                partial.replace(path)
    except OSError as error:
        raise FormatError(f"{path.name}: cannot be written: {error.strerror or type(error).__name__}") from error


def _merge(partial: Path, folder: Path) -> None:
    """Move the files of one folder into another, after a look that none of them stands in the way of one."""
    names = sorted(file.relative_to(partial) for file in partial.rglob("*") if file.is_file())
    _refuse_clash(not folder.is_dir(), folder.name)
    for name in names:
        target = folder / name
        _refuse_clash(target.is_dir() or any(p.is_file() for p in target.parents), name.as_posix())
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (partial / name).replace(target)


def _refuse_clash(clashes: bool, name: str) -> None:
    if clashes:
        raise FormatError(f"{name}: a file stands where a folder must be, or the other way round; give another name")


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
