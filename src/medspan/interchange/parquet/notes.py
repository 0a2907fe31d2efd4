"""Notes from a user's own Parquet table."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Quarantine
from medspan.errors import AnnotationError, ConfigError
from medspan.interchange.columns import as_metadata
from medspan.interchange.parquet.file import open_parquet

__all__ = ["read_notes_parquet"]

_NOTES_PER_BATCH = 256


def read_notes_parquet(
    path: Path | str, id_column: str, text_column: str, keep_columns: Sequence[str] = ()
) -> Iterator[Document | Quarantine]:
    """Iterate over the notes of a Parquet file, a batch in memory at a time; every row gives exactly one item.

    The id may be text or a whole number. Columns to keep go into `metadata`, dates as ISO 8601 text. A row whose id or
    text is null, whose text is not UTF-8 or whose id stood on an earlier row gives a `Quarantine` that names the row,
    counted from 1; where the id is null the row stands for it. Duplicates are found from the id column alone, read
    once beforehand (8 bytes of memory a row).
    Raises ConfigError for a column that the file has not or that is of another type.
    """
    path = Path(path)
    file = open_parquet(path)
    try:
        for role, name in (("id", id_column), ("text", text_column), *(("kept", name) for name in keep_columns)):
            _check_column(path, file.schema_arrow, role, name)
        repeated = _repeated_ids(file, id_column)
    except BaseException:
        file.close()
        raise
    return _notes(path, file, id_column, text_column, tuple(keep_columns), repeated)


def _notes(
    path: Path, file: Any, id_column: str, text_column: str, keep_columns: tuple[str, ...], repeated: frozenset[int]
) -> Iterator[Document | Quarantine]:
    row = 0
    seen: set[str] = set()
    columns = list(dict.fromkeys((id_column, text_column, *keep_columns)))
    with file:
        for batch in file.iter_batches(batch_size=_NOTES_PER_BATCH, columns=columns):
            ids, texts = _values(batch.column(id_column)), _values(batch.column(text_column))
            kept = {name: _values(_microseconds(batch.column(name))) for name in keep_columns}
            for i, (raw_id, text) in enumerate(zip(ids, texts, strict=True)):
                row += 1
                note_id, where = _id(raw_id), f"{path.name} row {row}"
                if note_id is None:
                    yield Quarantine(where, f"{where}: {id_column} is null or not readable as an id")
                    continue
                if hash(note_id) in repeated:
                    if note_id in seen:
                        yield Quarantine(note_id, f"{where}: this {id_column} stood on an earlier row")
                        continue
                    seen.add(note_id)
                if not isinstance(text, str):
                    yield Quarantine(note_id, f"{where}: {text_column} is null or not valid UTF-8")
                    continue
                unreadable = [name for name, values in kept.items() if isinstance(values[i], _Unreadable)]
                if unreadable:
                    yield Quarantine(note_id, f"{where}: {', '.join(unreadable)} is not valid UTF-8")
                    continue
                metadata = {name: as_metadata(values[i]) for name, values in kept.items()}
                try:
                    yield Document(note_id, text, metadata=metadata)
                except AnnotationError as error:
                    yield Quarantine(note_id, f"{where}: {error}")


def _check_column(path: Path, schema: Any, role: str, name: str) -> None:
    from pyarrow import types

    if name not in schema.names:
        near = get_close_matches(name, schema.names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(f"{path.name} has no column {name!r}; {hint}It has {', '.join(schema.names)}")
    kind = schema.field(name).type
    value_kind = kind.value_type if types.is_dictionary(kind) else kind
    is_text = types.is_string(value_kind) or types.is_large_string(value_kind) or types.is_string_view(value_kind)
    is_number = types.is_integer(value_kind) or types.is_floating(value_kind)
    if (role == "text" and not is_text) or (role == "id" and not is_text and not is_number):
        wanted = "text" if role == "text" else "text or whole numbers"
        raise ConfigError(f"{path.name}: the {role} column {name!r} must hold {wanted}, not {kind}")


def _repeated_ids(file: Any, id_column: str) -> frozenset[int]:
    """Hashes of ids that occur more than once: few, so that the second reading need remember few ids."""
    import numpy as np

    hashes = np.empty(file.metadata.num_rows, dtype=np.int64)
    row = 0
    for batch in file.iter_batches(batch_size=65_536, columns=[id_column]):
        for raw_id in _values(batch.column(0)):
            # A null id is never a duplicate; its row number cannot collide with another null's.
            note_id = _id(raw_id)
            hashes[row] = row if note_id is None else hash(note_id)
            row += 1
    hashes.sort()
    return frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist())


def _id(value: Any) -> str | None:
    """Return an id as text. Tables with nulls often hold whole numbers as fractions, so 7.0 is 7."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value else None


class _Unreadable:
    """Stands for a value whose bytes are not what its column says."""


def _values(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
        return values
    except UnicodeDecodeError:
        return [_value(item) for item in column]


def _value(item: Any) -> Any:
    try:
        return item.as_py()
    except UnicodeDecodeError:
        return _Unreadable()


def _microseconds(column: Any) -> Any:
    """Return timestamps in microseconds: Python's own type holds no finer ones."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column
