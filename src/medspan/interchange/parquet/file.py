"""Opening a Parquet file so that a batch, not a row group, is held in memory."""

from pathlib import Path
from typing import Any

from medspan.errors import FormatError

__all__ = ["open_parquet"]

_BUFFER_BYTES = 1 << 20


def open_parquet(path: Path) -> Any:
    """Return an open `pyarrow.parquet.ParquetFile`. Raises FormatError for a file that is absent or not Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except FileNotFoundError as error:
        raise FormatError(f"{path.name}: no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{path.name}: not a readable Parquet file ({type(error).__name__})") from error
