"""Parquet in and out: notes from a user's table, results as tables and as whole documents."""

from medspan.interchange.parquet.documents import read_parquet_documents
from medspan.interchange.parquet.notes import read_notes_parquet
from medspan.interchange.parquet.sink import ParquetSink, write_parquet

__all__ = ["ParquetSink", "read_notes_parquet", "read_parquet_documents", "write_parquet"]
