"""Where documents are written: ids as paths that cannot leave the folder, and files gzipped by their name."""

import gzip
from pathlib import Path, PurePosixPath

from medspan.errors import FormatError

__all__ = ["file_for", "write_file"]


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
