"""Bring a corpus to this machine: copied from a mirror folder or fetched from its public address, and verified."""

import gzip
import io
import tarfile
from hashlib import sha256
from pathlib import Path, PurePosixPath

from medspan.corpora.catalog import CorpusEntry, CorpusFile, catalog_entry, load_corpus, split_ids
from medspan.corpora.formats import read, write
from medspan.corpora.formats.sources import MEMBER_LIMIT
from medspan.corpora.location import corpora_root
from medspan.corpora.standoff import join_standoff, packaged_standoff
from medspan.errors import CorpusError

__all__ = ["get_corpus"]

TIMEOUT_SECONDS = 60


def get_corpus(name: str, root: str | Path | None = None, mirror: str | Path | None = None) -> list[Path]:
    """Put the files of a corpus under `root`/`name` and return their paths; files already there and whole stay.

    With `mirror`, a folder that holds the files under `name`/, nothing is fetched from the network. Annotations
    over public text come with the package: their text corpus is brought first and the two are joined. Raises
    CorpusError when a file cannot be had or is not the one the catalog describes; nothing half-written stays.
    """
    entry = catalog_entry(name)
    folder = corpora_root(root) / name
    if entry.annotates is not None:
        get_corpus(entry.annotates, root, mirror)
        return _joined(entry, entry.annotates, folder, root)
    return [_file(entry, file, folder, Path(mirror) if mirror is not None else None) for file in entry.files]


def _joined(entry: CorpusEntry, source: str, folder: Path, root: str | Path | None) -> list[Path]:
    texts = {d.id: d.text for split in catalog_entry(source).splits for d in load_corpus(source, split, root)}
    paths = []
    for split, parts in entry.splits.items():
        path = folder / parts[0].file
        documents = join_standoff(packaged_standoff(entry.name, split), texts)
        if not (path.exists() and list(read(path, "jsonl").documents) == documents):
            partial = path.with_name(f".partial-{path.name}")
            write(documents, partial, "jsonl")
            partial.replace(path)
        paths.append(path)
    return paths


def _file(entry: CorpusEntry, file: CorpusFile, folder: Path, mirror: Path | None) -> Path:
    path = folder / file.name
    if path.exists() and _is_whole(file, path.read_bytes()):
        return path
    if mirror is not None:
        source = mirror / entry.name / file.name
        if not source.exists():
            raise CorpusError(f"corpus {entry.name}: the mirror holds no {entry.name}/{file.name}")
        content = source.read_bytes()
    elif file.url is None:
        raise CorpusError(f"corpus {entry.name}: {file.name} has no public address; use --mirror, see {entry.origin}")
    else:
        content = _packed(entry, file, _fetch(file.url))
    if not _is_whole(file, content):
        raise CorpusError(
            f"corpus {entry.name}: {file.name} is not the file the catalog describes (its sha256 differs); "
            f"it may have changed at {entry.origin}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".partial-{file.name}"
    partial.write_bytes(content)
    return partial.replace(path)


def _is_whole(file: CorpusFile, content: bytes) -> bool:
    if file.sha256 is not None and sha256(content).hexdigest() == file.sha256:
        return True
    if file.content_sha256 is None:
        return file.sha256 is None
    try:
        return content_digest(file.name, content) == file.content_sha256
    except (OSError, EOFError, tarfile.TarError):
        return False


def content_digest(name: str, content: bytes) -> str:
    """Hash what a file holds, whatever packed it: the unzipped bytes, or the names and hashes of archive members."""
    if not name.endswith(".tar.gz"):
        return sha256(gzip.decompress(content) if name.endswith(".gz") else content).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        lines = sorted(
            f"{sha256(_bytes(archive, member)).hexdigest()}  {member.name}\n" for member in archive if member.isfile()
        )
    return sha256("".join(lines).encode("utf-8")).hexdigest()


def _packed(entry: CorpusEntry, file: CorpusFile, content: bytes) -> bytes:
    """Turn what the public address serves into the file as the loader wants it."""
    if not file.name.endswith(".tar.gz"):
        return gzip.compress(content, mtime=0) if file.name.endswith(".gz") else content
    inside = {part.inside for parts in entry.splits.values() for part in parts if part.file == file.name}
    wanted = {name for names in split_ids(entry).values() for name in names} if entry.split_ids else None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as source, tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for member in source:
            # The address serves the whole repository below one folder named after it.
            parts = PurePosixPath(member.name).parts[1:]
            if not member.isfile() or len(parts) < 2 or parts[0] not in inside:
                continue
            stem = parts[-1].partition(".")[0]
            if wanted is not None and (stem.partition(entry.group_separator or "\0")[0]) not in wanted:
                continue
            found = tarfile.TarInfo("/".join(parts))
            found.size = member.size
            target.addfile(found, io.BytesIO(_bytes(source, member)))
    return buffer.getvalue()


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None or member.size > MEMBER_LIMIT:
        raise CorpusError(f"an archive member of {member.size} bytes is over the limit")
    return stream.read()


def _fetch(url: str) -> bytes:
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    if not url.startswith("https://"):
        raise CorpusError(f"{url} is not an https address")
    try:
        with urlopen(Request(url, headers={"User-Agent": "medspan"}), timeout=TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
            return content
    except (URLError, OSError) as error:
        raise CorpusError(
            f"{url} cannot be fetched ({error}); on a machine without network use --mirror FOLDER"
        ) from error
