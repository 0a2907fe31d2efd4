"""Zip and tar archives from elsewhere: nothing outside the target folder, no links, and bounded sizes.

Sizes are counted while unpacking, because an archive may state any size.
"""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from medspan.errors import CorpusError

__all__ = ["ARCHIVES", "MEMBER_LIMIT", "TOTAL_LIMIT", "archive_members", "unpack"]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# No note or annotation file is as large, and no corpus has as many: what is beyond is a mistake or an attack.
MEMBER_LIMIT = 256 * 2**20
TOTAL_LIMIT = 8 * 2**30
COUNT_LIMIT = 2_000_000
_BLOCK = 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, zlib.error, lzma.LZMAError, NotImplementedError)


def archive_members(path: Path, links: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the files in an archive, in its order, one in memory at a time.

    Raises CorpusError for a name that leads outside, for a link, device or encrypted member, for what is larger than
    the limits, and for a damaged archive. With `links`, links are passed over instead: source trees hold some.
    """
    opened = _zip_members if path.name.lower().endswith(".zip") else _tar_members
    total = 0
    seen: set[str] = set()
    try:
        for count, (name, content) in enumerate(opened(path, links), start=1):
            total += len(content)
            if total > TOTAL_LIMIT or count > COUNT_LIMIT:
                raise CorpusError(f"{path.name}: unpacks to more than {TOTAL_LIMIT:,} bytes or {COUNT_LIMIT:,} files")
            if name in seen:
                raise CorpusError(f"{path.name}: holds {name!r} twice")
            seen.add(name)
            yield name, content
    except _DAMAGE as error:
        raise CorpusError(f"{path.name}: the archive is damaged ({type(error).__name__}); fetch it again") from error


def unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack an archive below `folder`, which must not exist yet; returns the files, in the archive's order.

    Raises as `archive_members` does; files written until then stay, so unpack to a folder of its own.
    """
    folder.mkdir(parents=True)
    written = []
    for name, content in archive_members(path):
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path.name}: {name!r} cannot be written ({type(error).__name__})") from error
        written.append(target)
    return written


def _checked(archive: Path, name: str) -> str:
    """Return a member's name in plain form; raises CorpusError where it leads out of the folder."""
    pure = PurePosixPath(name)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or not pure.parts
        or "\\" in name
        or "\0" in name
        or pure.parts[0].endswith(":")
    ):
        raise CorpusError(f"{archive.name}: member {name!r} leads outside of the folder; do not trust this archive")
    return str(pure)


def _passed_over(name: str) -> bool:
    """Say whether a member is what some systems add to archives: copies of file attributes, which look like notes."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1] == ".DS_Store"


def _too_large(archive: Path, name: str) -> CorpusError:
    return CorpusError(f"{archive.name}: member {name!r} unpacks to more than the limit of {MEMBER_LIMIT:,} bytes")


def _read(archive: Path, name: str, stream: IO[bytes]) -> bytes:
    blocks, n = [], 0
    while block := stream.read(_BLOCK):
        n += len(block)
        if n > MEMBER_LIMIT:
            raise _too_large(archive, name)
        blocks.append(block)
    return b"".join(blocks)


def _zip_members(path: Path, links: bool) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                continue
            name = _checked(path, member.filename)
            if _passed_over(name):
                continue
            if kind not in (0, stat.S_IFREG):
                if links and kind == stat.S_IFLNK:
                    continue
                raise CorpusError(f"{path.name}: member {name!r} is a link or device, not a file")
            if member.flag_bits & 1:
                raise CorpusError(f"{path.name}: member {name!r} is encrypted; unpack the archive by hand")
            if member.file_size > MEMBER_LIMIT:
                raise _too_large(path, name)
            with archive.open(member) as stream:
                yield name, _read(path, name, stream)


class _Bounded:
    """A decompressed stream that refuses to give or skip more than the limits, for tarfile to read from."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        # What tarfile reads at once is a block or the extended header of a member, which may state any size.
        if size > MEMBER_LIMIT:
            raise CorpusError(f"{self._path.name}: a header states {size:,} bytes; do not trust this archive")
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        if position > TOTAL_LIMIT:
            raise CorpusError(f"{self._path.name}: unpacks to more than {TOTAL_LIMIT:,} bytes")
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _tar_members(path: Path, links: bool) -> Iterator[tuple[str, bytes]]:
    with (
        closing(_decompressed(path)) as stream,
        tarfile.open(fileobj=cast(Any, _Bounded(path, stream)), mode="r:") as archive,
    ):
        for member in archive:
            if member.isdir():
                continue
            name = _checked(path, member.name)
            if _passed_over(name):
                continue
            if not member.isreg() or member.issparse():
                if links and (member.issym() or member.islnk()):
                    continue
                raise CorpusError(f"{path.name}: member {name!r} is a link, device or sparse file, not a plain one")
            if member.size > MEMBER_LIMIT:
                raise _too_large(path, name)
            content = archive.extractfile(member)
            if content is not None:
                yield name, _read(path, name, content)


def _decompressed(path: Path) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith((".gz", ".tgz")):
        return cast(IO[bytes], gzip.open(path))
    if name.endswith((".bz2", ".tbz2")):
        return cast(IO[bytes], bz2.open(path))
    if name.endswith((".xz", ".txz")):
        return cast(IO[bytes], lzma.open(path))
    return path.open("rb")
