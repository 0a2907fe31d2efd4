"""Bring a corpus to this machine: copied from a mirror folder or fetched from its public address, and verified."""

import gzip
import io
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from uuid import uuid4

from medspan.corpora.catalog import catalog_entry, how_to_get, load_corpus, split_ids
from medspan.corpora.entry import CorpusEntry, CorpusFile
from medspan.corpora.formats import read, write
from medspan.corpora.getting.archives import ARCHIVES, MEMBER_LIMIT, archive_members, unpack
from medspan.corpora.getting.fetching import fetch
from medspan.corpora.getting.standoff import join_standoff, packaged_standoff
from medspan.corpora.location import corpora_root
from medspan.errors import CorpusError

__all__ = ["content_digest", "get_corpus"]

_ROW_ID = re.compile(rb"(\d+)\D")


def get_corpus(name: str, root: str | Path | None = None, mirror: str | Path | None = None) -> list[Path]:
    """Put the files of a corpus into its folder under `root` and return their paths; files there and whole stay.

    With `mirror`, a folder that holds the files under the corpus's folder name, nothing is fetched from the network.
    Annotations over public text come with the package: their text corpus is brought first and the two are joined. Of a
    corpus under a data use agreement, everything the mirror holds is copied and its archives are unpacked. Raises
    CorpusError when a file cannot be had or is not the one the catalog describes; nothing half-written stays but
    downloads, which the next call takes up.
    """
    entry = catalog_entry(name, root)
    folder = corpora_root(root) / entry.place
    source = None if mirror is None else Path(mirror) / entry.place
    if entry.is_local:
        raise CorpusError(f"corpus {name} is one of your own: there is nothing to get; {how_to_get(entry)}")
    if entry.access == "agreement":
        return _agreed(entry, folder, source)
    if entry.annotates is not None:
        get_corpus(entry.annotates, root, mirror)
        return _joined(entry, entry.annotates, folder, root)
    return [_file(entry, file, folder, source) for file in entry.files]


def _agreed(entry: CorpusEntry, folder: Path, source: Path | None) -> list[Path]:
    """Bring what an agreement gave into place, from a folder of the user's."""
    if source is None:
        places = [folder / part.file for parts in entry.splits.values() for part in parts]
        if all(place.exists() for place in places):
            return places
        layout = "".join(f"\n  {line}" for line in entry.layout)
        raise CorpusError(f"corpus {entry.name} cannot be fetched: {how_to_get(entry)}:{layout}")
    if not source.is_dir() or not any(source.iterdir()):
        raise CorpusError(f"corpus {entry.name}: the mirror holds no folder {entry.place}/ with files in it")
    partial = folder.parent / f".partial-{folder.name}-{uuid4().hex[:8]}"
    try:
        partial.mkdir(parents=True)
        for item in sorted(source.iterdir()):
            if item.name.lower().endswith(ARCHIVES):
                unpacked = partial.with_name(partial.name + "-unpacked")
                unpack(item, unpacked)
                _merge(unpacked, partial)
                shutil.rmtree(unpacked)
            elif item.is_dir():
                shutil.copytree(item, partial / item.name, dirs_exist_ok=True)
            else:
                shutil.copy2(item, partial / item.name)
        return _merge(partial, folder)
    except OSError as error:
        raise CorpusError(f"corpus {entry.name}: copying from the mirror failed: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(partial.with_name(partial.name + "-unpacked"), ignore_errors=True)


def _merge(source: Path, target: Path) -> list[Path]:
    """Move files below `target`, those that are there with other content excepted: raises CorpusError for these."""
    pairs = [(file, target / file.relative_to(source)) for file in sorted(source.rglob("*")) if file.is_file()]
    for file, place in pairs:
        if place.exists() and (not place.is_file() or place.read_bytes() != file.read_bytes()):
            raise CorpusError(f"{place} is there already with other content; move it away first")
    for file, place in pairs:
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
    return [place for _, place in pairs]


def _joined(entry: CorpusEntry, source: str, folder: Path, root: str | Path | None) -> list[Path]:
    texts = {d.id: d.text for split in catalog_entry(source).splits for d in load_corpus(source, split, root)}
    paths = []
    for split, parts in entry.splits.items():
        path = folder / parts[0].file
        documents = join_standoff(packaged_standoff(entry.name, split), texts)
        if not (path.exists() and list(read(path, "jsonl").documents) == documents):
            write(documents, path, "jsonl")
        paths.append(path)
    return paths


def _file(entry: CorpusEntry, file: CorpusFile, folder: Path, mirror: Path | None) -> Path:
    path = folder / file.name
    if path.exists() and _is_whole(entry, file, path.read_bytes()):
        return path
    fetched = folder / f".partial-{file.name}"
    if mirror is not None:
        source = mirror / file.name
        if not source.exists():
            raise CorpusError(f"corpus {entry.name}: the mirror holds no {entry.place}/{file.name}")
        content = source.read_bytes()
    elif file.url is None:
        raise CorpusError(f"corpus {entry.name}: {file.name} has no public address; use --mirror, see {entry.origin}")
    else:
        # The archive's own suffix tells how to open it.
        fetched = folder / f".partial-{PurePosixPath(file.url).name}"
        fetch(file.url, fetched)
        content = _packed(entry, file, fetched)
    if not _is_whole(entry, file, content):
        fetched.unlink(missing_ok=True)
        raise CorpusError(
            f"corpus {entry.name}: {file.name} is not the file the catalog describes (its sha256 differs); "
            f"it may have changed at {entry.origin}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".writing-{file.name}"
    partial.write_bytes(content)
    partial.replace(path)
    fetched.unlink(missing_ok=True)
    return path


def _is_whole(entry: CorpusEntry, file: CorpusFile, content: bytes) -> bool:
    if file.sha256 is not None and sha256(content).hexdigest() == file.sha256:
        return True
    if file.content_sha256 is None:
        return file.sha256 is None
    try:
        return content_digest(entry, file, content) == file.content_sha256
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return False


def content_digest(entry: CorpusEntry, file: CorpusFile, content: bytes) -> str:
    """Hash what a file holds, whatever packed it: the unzipped bytes, or names and hashes of the members that count."""
    if not file.name.endswith(".tar.gz"):
        return sha256(gzip.decompress(content) if file.name.endswith(".gz") else content).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        lines = sorted(
            f"{sha256(_bytes(archive, member)).hexdigest()}  {member.name}\n"
            for member in archive
            if member.isfile() and _counting(entry, file, member.name) is not None
        )
    return sha256("".join(lines).encode("utf-8")).hexdigest()


def _packed(entry: CorpusEntry, file: CorpusFile, fetched: Path) -> bytes:
    """Turn what the public address serves into the file as the loader wants it."""
    if not file.name.endswith(".tar.gz"):
        content = fetched.read_bytes()
        return gzip.compress(content, mtime=0) if file.name.endswith(".gz") else content
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for name, content in _members_that_count(entry, file, fetched):
            found = tarfile.TarInfo(name)
            found.size = len(content)
            target.addfile(found, io.BytesIO(content))
    return buffer.getvalue()


def _members_that_count(entry: CorpusEntry, file: CorpusFile, fetched: Path) -> Iterator[tuple[str, bytes]]:
    wanted = {name for names in split_ids(entry).values() for name in names} if entry.split_ids else None
    for name, content in archive_members(fetched, links=True):
        inner = _counting(entry, file, name)
        if inner is None:
            continue
        if file.rows_of_splits and wanted is not None:
            yield inner, _rows(content, wanted)
        elif wanted is None or _stem(entry, inner) in wanted:
            yield inner, content


def _counting(entry: CorpusEntry, file: CorpusFile, name: str) -> str | None:
    """Return the name of a member below the folders that count, without what stands before; None for any other.

    A public archive holds a whole repository below one folder named after it, and in that perhaps a folder for data.
    """
    if file.suffixes and not name.endswith(file.suffixes):
        return None
    inside = {part.inside for parts in entry.splits.values() for part in parts if part.file == file.name}
    parts = PurePosixPath(name).parts
    for folder in file.folders or inside:
        wanted = PurePosixPath(folder).parts
        for at in range(min(3, len(parts) - len(wanted))):
            if parts[at : at + len(wanted)] == wanted:
                return "/".join(parts[at:])
    return None


def _stem(entry: CorpusEntry, name: str) -> str:
    stem = PurePosixPath(name).name.partition(".")[0]
    return stem.partition(entry.group_separator)[0] if entry.group_separator else stem


def _rows(content: bytes, wanted: set[str]) -> bytes:
    """Leave out the lines that begin with a number which is no wanted id."""
    return b"".join(
        line
        for line in content.splitlines(keepends=True)
        if not (found := _ROW_ID.match(line)) or found[1].decode() in wanted
    )


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None or member.size > MEMBER_LIMIT:
        raise CorpusError(f"an archive member of {member.size} bytes is over the limit")
    return stream.read()
