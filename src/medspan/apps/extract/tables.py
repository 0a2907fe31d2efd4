"""Notes from JSON Lines and Parquet files, with the columns that a user wants to keep."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from medspan.annotation import Document, Quarantine
from medspan.errors import AnnotationError, ConfigError
from medspan.interchange import KeepType, keep_column_types, read_notes_parquet

__all__ = ["Columns", "JsonLinesSource", "ParquetSource", "column_types"]

# Our own names first, then those of an OMOP NOTE table.
ID_NAMES = ("id", "note_id", "document_id")
TEXT_NAMES = ("text", "note_text")


@dataclass(frozen=True)
class Columns:
    """Which columns hold a note's id and text (None: the usual names), and which go through to the output."""

    id: str | None = None
    text: str | None = None
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class JsonLinesSource:
    """One JSON object a line. Columns are keys of the object; those to keep may also be keys of its `metadata`."""

    path: Path
    columns: Columns

    def __iter__(self) -> Iterator[Document | Quarantine]:
        number = 0
        try:
            with self._open() as stream:
                for number, line in enumerate(stream, start=1):
                    if line.strip():
                        yield self._note(line, f"{self.path.name} line {number}")
        except (OSError, EOFError, zlib.error) as error:
            where = f"{self.path.name} after line {number}"
            yield Quarantine(where, f"{where}: cannot be read further ({type(error).__name__})")

    def count(self) -> None:
        """Unknown without reading."""
        return

    def _open(self) -> BinaryIO:
        if self.path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(self.path))
        return self.path.open("rb")

    def _note(self, line: bytes, where: str) -> Document | Quarantine:
        try:
            record = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            return Quarantine(where, f"{where}: byte {error.start} of the line is not UTF-8")
        except (ValueError, RecursionError):
            return Quarantine(where, f"{where}: not JSON")
        if not isinstance(record, dict):
            return Quarantine(where, f"{where}: not a JSON object")
        id_name = self.columns.id or next((name for name in ID_NAMES if name in record), ID_NAMES[0])
        text_name = self.columns.text or next((name for name in TEXT_NAMES if name in record), TEXT_NAMES[0])
        note_id = _id(record.get(id_name))
        if note_id is None:
            return Quarantine(where, f"{where}: {id_name!r} is missing, or neither text nor a whole number")
        text = record.get(text_name)
        if not isinstance(text, str):
            return Quarantine(note_id, f"{where}: {text_name!r} is missing or not text")
        try:
            return Document(note_id, text, metadata=self._kept(record))
        except AnnotationError as error:
            return Quarantine(note_id, f"{where}: {error}")
        except UnicodeEncodeError:
            return Quarantine(note_id, f"{where}: a column to keep holds a lone surrogate")

    def _kept(self, record: dict[str, Any]) -> dict[str, Any]:
        inner = record.get("metadata")
        known = {**inner, **record} if isinstance(inner, dict) else record
        kept = {name: known.get(name) for name in self.columns.keep}
        if kept:
            json.dumps(kept, ensure_ascii=False).encode("utf-8")
        return kept


class ParquetSource:
    """The rows of a Parquet file, to be read once. Raises ConfigError, when made, for columns that the file has not."""

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path = path
        names = _parquet_names(path)
        id_column = columns.id or _usual(path, names, ID_NAMES, "--id-column")
        text_column = columns.text or _usual(path, names, TEXT_NAMES, "--text-column")
        self.types = keep_column_types(path, columns.keep)
        self._notes = read_notes_parquet(path, id_column, text_column, columns.keep)

    def __iter__(self) -> Iterator[Document | Quarantine]:
        import pyarrow as pa

        row = 0
        try:
            for note in self._notes:
                row += 1
                yield note
        except (pa.ArrowException, OSError) as error:
            where = f"{self.path.name} after row {row}"
            yield Quarantine(where, f"{where}: cannot be read further ({type(error).__name__})")

    def count(self) -> int:
        """Return the number of rows, from the file's footer."""
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self.path).num_rows)


def column_types(sources: Sequence[object], keep: Sequence[str]) -> dict[str, KeepType]:
    """Return the type of each kept column: that of the Parquet inputs where all inputs agree, else text."""
    given = [source.types if isinstance(source, ParquetSource) else None for source in sources]
    found: dict[str, KeepType] = {}
    for name in keep:
        kinds = {types[name] if types else "string" for types in given}
        found[name] = kinds.pop() if len(kinds) == 1 else "string"
    return found


def _parquet_names(path: Path) -> list[str]:
    from medspan.interchange.parquet.file import open_parquet

    with open_parquet(path) as file:
        return list(file.schema_arrow.names)


def _usual(path: Path, names: Sequence[str], usual: Sequence[str], flag: str) -> str:
    for name in usual:
        if name in names:
            return name
    raise ConfigError(f"{path.name} has no column {' or '.join(usual)}; give {flag}: it has {', '.join(names)}")


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
