"""One Parquet file written row by row, in row groups of a fixed size."""

from pathlib import Path
from typing import Any

from medspan.interchange.atomic import partial_path, publish

__all__ = ["TableWriter"]

# Rows are packed into Arrow batches long before a row group is full: packed rows take a tenth of the memory.
_ROWS_PER_BATCH = 2_048


class TableWriter:
    """Adds rows to a partial file; `close` gives it its final name, `discard` removes it.

    A row group ends after `group_rows` rows or `group_size` units of size (say, characters), whichever comes first,
    so that memory is bounded and the bytes depend on the rows alone.
    """

    def __init__(self, path: Path, schema: Any, group_rows: int, group_size: int | None = None) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self._schema = schema
        self._group_rows = group_rows
        self._group_size = group_size
        self._rows: list[dict[str, Any]] = []
        self._batches: list[Any] = []
        self._n_rows = 0
        self._size = 0
        self._writer = pq.ParquetWriter(partial_path(path), schema, compression="zstd")

    def add(self, row: dict[str, Any], size: int = 0) -> None:
        """Add a row that weighs `size`."""
        self._rows.append(row)
        self._n_rows += 1
        self._size += size
        full = self._group_size is not None and self._size >= self._group_size
        if self._n_rows >= self._group_rows or full:
            self._end_group()
        elif len(self._rows) >= _ROWS_PER_BATCH:
            self._pack()

    def close(self) -> None:
        """Write what is left and publish the file."""
        if self._n_rows:
            self._end_group()
        self._writer.close()
        publish(self.path)

    def discard(self) -> None:
        """Drop the partial file."""
        self._writer.close()
        partial_path(self.path).unlink(missing_ok=True)

    def _pack(self) -> None:
        import pyarrow as pa

        self._batches.append(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def _end_group(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._pack()
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._n_rows, self._size = [], 0, 0
