"""Notes from what a user names on the command line, read lazily: each one a Document or a Quarantine entry.

A source never raises for one bad note: what cannot be read becomes a Quarantine with the reason. It raises
FormatError or ConfigError for an input that is no input at all, when it is opened.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from medspan.annotation import Document, Quarantine
from medspan.apps.extract.tables import Columns, JsonLinesSource, ParquetSource
from medspan.corpora import guess_format, read
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.errors import AnnotationError, ConfigError, FormatError

__all__ = ["Columns", "Source", "ignored_files", "open_sources"]

Item = Document | Quarantine

TEXT = (".txt", ".txt.gz", ".text")
LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
TABLE = (".parquet",)


class Source(Protocol):
    """Notes of one input."""

    def __iter__(self) -> Iterator[Item]:
        """Yield every note, in an order that depends on the input alone."""

    def count(self) -> int | None:
        """Return the number of notes where it can be told without reading them."""


@dataclass(frozen=True)
class FileSource:
    """One text file; its id is its name without the suffix."""

    path: Path

    def __iter__(self) -> Iterator[Item]:
        yield read_note(self.path, document_id(self.path.name, *TEXT))

    def count(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True)
class FolderSource:
    """The text files under a folder, sorted; ids are paths under it without suffix. Hidden files are left out."""

    folder: Path
    ignored: Counter[str] = field(default_factory=Counter, compare=False)

    def __iter__(self) -> Iterator[Item]:
        self.ignored.clear()
        for path in walk(self.folder):
            if path.name.startswith(".") or not path.name.lower().endswith(TEXT):
                if path.suffix != ".ann":
                    self.ignored[path.suffix or path.name] += 1
                continue
            yield read_note(path, document_id(path.relative_to(self.folder).as_posix(), *TEXT))

    def count(self) -> int:
        """Count the names without opening the files."""
        return sum(1 for p in walk(self.folder) if p.name.lower().endswith(TEXT) and not p.name.startswith("."))


@dataclass(frozen=True)
class StreamSource:
    """A stream as one note."""

    stream: BinaryIO
    id: str = "stdin"

    def __iter__(self) -> Iterator[Item]:
        try:
            yield Document(self.id, decode(self.stream.read(), self.id))
        except FormatError as error:
            yield Quarantine(self.id, str(error))

    def count(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True)
class CorpusSource:
    """A file or archive in another corpus format, read at once; its own annotations are left out."""

    path: Path
    format: str

    def __iter__(self) -> Iterator[Item]:
        result = read(self.path, self.format)
        for problem in result.problems:
            if problem.action == "skipped" and problem.line is None:
                yield Quarantine(problem.document, problem.reason)
        for document in result.documents:
            yield Document(document.id, document.text)

    def count(self) -> None:
        """Unknown."""
        return


def read_note(path: Path, note_id: str) -> Item:
    """Read one text file; line ends and a byte order mark stay."""
    try:
        ((_, content),) = files(path, TEXT)
        return Document(note_id, decode(content, path.name))
    except (FormatError, AnnotationError) as error:
        return Quarantine(note_id, str(error))
    except OSError as error:
        return Quarantine(note_id, f"{path.name}: cannot be read: {error.strerror or type(error).__name__}")


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, sorted by path; linked folders are not entered."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise FormatError(f"{folder}: cannot be listed: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def open_sources(inputs: Sequence[str], columns: Columns, stdin: BinaryIO | None = None) -> list[Source]:
    """Return a source for each input: text file, folder, JSON Lines, Parquet, other corpus file, or "-".

    Raises ConfigError for an input that does not exist, that holds no notes or whose columns are missing.
    """
    if not inputs:
        raise ConfigError("no input: name text files, folders, .jsonl or .parquet files, or - for standard input")
    if inputs.count("-") > 1:
        raise ConfigError("standard input (-) can be read only once")
    found: list[Source] = []
    for name in inputs:
        if name == "-":
            found.append(StreamSource(stdin or sys.stdin.buffer))
            continue
        path = Path(name)
        if not path.exists():
            raise ConfigError(f"{name}: there is no such file or folder")
        found.extend(_folder(path, columns) if path.is_dir() else [_file(path, columns)])
    if (columns.keep or columns.id or columns.text) and not any(
        isinstance(source, JsonLinesSource | ParquetSource) for source in found
    ):
        raise ConfigError(
            "--id-column, --text-column and --keep-columns need a .jsonl or .parquet file among the inputs"
        )
    return found


def _file(path: Path, columns: Columns) -> Source:
    name = path.name.lower()
    if name.endswith(LINES):
        return JsonLinesSource(path, columns) if guess_format(path) == "jsonl" else CorpusSource(path, "phee")
    if name.endswith(TABLE):
        return ParquetSource(path, columns)
    if name.endswith(TEXT) and guess_format(path) != "pubtator":
        return FileSource(path)
    return CorpusSource(path, guess_format(path))


def _folder(folder: Path, columns: Columns) -> Iterable[Source]:
    """Read the first kind of file that a folder holds: text, else JSON Lines, else Parquet."""
    names: dict[tuple[str, ...], list[Path]] = {}
    for path in walk(folder):
        for kind in (TEXT, LINES, TABLE):
            if path.name.lower().endswith(kind) and not path.name.startswith("."):
                names.setdefault(kind, []).append(path)
        if TEXT in names:
            return [FolderSource(folder)]
    for kind in (LINES, TABLE):
        if kind in names:
            return [_file(path, columns) for path in names[kind]]
    raise ConfigError(f"{folder}: no notes in it: expected files ending in .txt, .jsonl or .parquet")


def ignored_files(sources: Iterable[Source]) -> dict[str, int]:
    """Count the files in folders that are no notes, by suffix, once the sources have been read."""
    total: Counter[str] = Counter()
    for source in sources:
        if isinstance(source, FolderSource):
            total.update(source.ignored)
    return dict(sorted(total.items()))
