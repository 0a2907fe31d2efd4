"""Bytes out of folders, single files, gzip files and tar archives, without unpacking anything to disk."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from medspan.errors import FormatError

__all__ = ["decode", "document_id", "files", "grouped", "is_archive", "lines", "member_names", "squeeze"]

# A note or annotation file is small; what is larger inside an archive is a mistake or an attack.
MEMBER_LIMIT = 256 * 2**20
_DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error)


def is_archive(path: Path) -> bool:
    """Say whether the name is that of a tar archive."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz"))


def member_names(path: Path) -> Iterator[str]:
    """Names of the files under a folder or in an archive, relative to it."""
    if is_archive(path):
        try:
            with _tar(path) as archive:
                yield from (member.name for member in archive if member.isfile())
        except _DAMAGE as error:
            raise FormatError(f"{path.name}: the archive is damaged ({type(error).__name__})") from error
    else:
        yield from (p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())


def files(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield (relative name, content) of the files whose lower-cased name ends in one of `suffixes`, sorted by name.

    `path` is a folder (searched recursively), a tar archive (read in place) or one file, whose relative name is its
    file name. Content is unzipped when the name ends in .gz. Raises FormatError for what cannot be opened.
    """
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(suffixes)):
            yield file.relative_to(path).as_posix(), _content(file)
    elif is_archive(path):
        yield from _archive_files(path, suffixes)
    else:
        yield path.name, _content(path)


def grouped(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield (name without suffix, content by suffix) of files that stand side by side, sorted by name.

    In a folder only one such set is in memory at a time; an archive is held whole. Raises as `files` does.
    """
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    contents = None if path.is_dir() else dict(files(path, suffixes))
    # One short tuple serves all sets of the same suffixes: a folder may hold millions of files.
    sets: dict[str, tuple[str, ...]] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in _names(path, suffixes) if contents is None else contents:
        stem = document_id(name, *suffixes)
        members = (*sets.get(stem, ()), name[len(stem) :])
        sets[stem] = shared.setdefault(members, members)
    for stem in sorted(sets):
        names = {suffix.lower(): stem + suffix for suffix in sets[stem]}
        yield stem, {s: _content(path / n) if contents is None else contents[n] for s, n in names.items()}


def _names(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        within = Path(root).relative_to(folder).as_posix()
        for name in names:
            if name.lower().endswith(suffixes):
                yield name if within == "." else f"{within}/{name}"


def decode(content: bytes, name: str) -> str:
    """Decode UTF-8 without touching line ends or a byte order mark; raises FormatError with the byte's position."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{name}: byte {error.start} is not UTF-8; convert the file, for example with iconv -t UTF-8"
        ) from None


def lines(content: str) -> list[str]:
    r"""Split at \n alone, dropping one \r before it: other Unicode line ends belong to the text."""
    parts = content.removeprefix("\ufeff").split("\n")
    if parts and not parts[-1]:
        parts.pop()
    return [part.removesuffix("\r") for part in parts]


def squeeze(words: str) -> str:
    """Write every run of white space as one space, none at the ends."""
    return " ".join(words.split())


def document_id(name: str, *suffixes: str) -> str:
    """Return a file's relative name without the first of `suffixes` it ends in."""
    for suffix in suffixes:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _content(path: Path) -> bytes:
    if path.suffix.lower() != ".gz":
        try:
            return path.read_bytes()
        except OSError as error:
            raise FormatError(f"{path.name}: cannot be read: {error.strerror or type(error).__name__}") from error
    try:
        with gzip.open(path) as stream:
            return stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{path.name}: not a readable gzip file ({type(error).__name__}); fetch it again") from error


def _tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path)
    except _DAMAGE as error:
        raise FormatError(f"{path.name}: not a readable tar archive ({type(error).__name__})") from error


def _archive_files(path: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    try:
        with _tar(path) as archive:
            for member in archive:
                if not member.isfile() or not member.name.lower().endswith(suffixes):
                    continue
                if member.size > MEMBER_LIMIT:
                    raise FormatError(f"{path.name}: member {member.name!r} has {member.size} bytes, over the limit")
                stream = archive.extractfile(member)
                if stream is not None:
                    found.append((PurePosixPath(member.name).as_posix(), stream.read()))
    except _DAMAGE as error:
        raise FormatError(f"{path.name}: the archive is damaged ({type(error).__name__}); fetch it again") from error
    yield from sorted(found)
