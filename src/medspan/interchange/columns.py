"""Columns that a user keeps: from their Parquet file into document metadata, and out again with their type.

Metadata must go through JSON, so dates are kept there as ISO 8601 text; `KeepType` remembers what they were.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

from medspan.errors import ConfigError, FormatError

__all__ = ["KeepType", "as_metadata", "as_value", "keep_column_types", "keep_types"]

KeepType = Literal["string", "int64", "uint64", "double", "bool", "date32", "timestamp", "timestamp_utc"]


_INTEGERS = {"int64": range(-(2**63), 2**63), "uint64": range(2**64)}


def keep_types(keep_columns: Sequence[str] | Mapping[str, KeepType]) -> dict[str, KeepType]:
    """Return the type of every column to keep; columns given without a type are text."""
    if not isinstance(keep_columns, Mapping):
        return dict.fromkeys(keep_columns, "string")
    unknown = sorted({t for t in keep_columns.values() if t not in get_args(KeepType)})
    if unknown:
        raise ConfigError(f"columns to keep: type {', '.join(unknown)} is none of {', '.join(get_args(KeepType))}")
    return dict(keep_columns)


def keep_column_types(path: Path | str, columns: Iterable[str]) -> dict[str, KeepType]:
    """Read from a user's Parquet file which type each column has, so that outputs can have the same.

    Whole numbers, fractions, booleans, dates and timestamps keep their type (timestamps in microseconds); the rest
    becomes text. Raises ConfigError for a column that the file has not.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path.name}: not a readable Parquet file: {type(error).__name__}") from error
    missing = [name for name in columns if schema.get_field_index(name) < 0]
    if missing:
        raise ConfigError(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(schema.names)}")
    return {name: _keep_type(pa.types, schema.field(name).type) for name in columns}


def _keep_type(types: Any, kind: Any) -> KeepType:
    if types.is_timestamp(kind):
        return "timestamp_utc" if kind.tz else "timestamp"
    tests: tuple[tuple[Any, KeepType], ...] = (
        (types.is_boolean, "bool"),
        (types.is_uint64, "uint64"),
        (types.is_integer, "int64"),
        (types.is_floating, "double"),
        (types.is_date, "date32"),
    )
    return next((name for test, name in tests if test(kind)), "string")


def as_metadata(value: Any) -> Any:
    """Return a value read from a table as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_metadata(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_metadata(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def as_value(value: Any, kind: KeepType, name: str, document_id: str) -> Any:
    """Return a metadata value as a column of type `kind` takes it. Raises FormatError where it does not fit."""
    if value is None:
        return None
    try:
        if kind == "string":
            text = value if isinstance(value, str) else _text(value)
            text.encode()  # refuses lone surrogates
            return text
        if kind == "date32":
            return value if isinstance(value, date) else datetime.fromisoformat(value).date()
        if kind in ("timestamp", "timestamp_utc"):
            return value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind in _INTEGERS and int(value) == Decimal(value) and int(value) in _INTEGERS[kind]:
            return int(value)
        if kind == "double":
            return float(value)
    except (TypeError, ValueError, ArithmeticError):
        pass
    raise FormatError(f"document {document_id!r}: column {name!r} holds a value that is no {kind}")


def _text(value: Any) -> str:
    return (
        json.dumps(as_metadata(value), ensure_ascii=False) if isinstance(value, Mapping | list | bool) else str(value)
    )
