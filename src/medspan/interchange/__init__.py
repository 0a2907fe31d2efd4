"""Tables and pages, in and out: rows for data frames, Parquet, an HTML viewer, and term lists for codes."""

from medspan.annotation import Quarantine, Sink
from medspan.interchange.codes import TermList
from medspan.interchange.columns import KeepType, keep_column_types
from medspan.interchange.html import HtmlSink, write_html
from medspan.interchange.parquet import ParquetSink, read_notes_parquet, read_parquet_documents, write_parquet
from medspan.interchange.rows import (
    ENTITY_COLUMNS,
    EVENT_COLUMNS,
    RELATION_COLUMNS,
    entity_rows,
    event_rows,
    relation_rows,
    rows,
)

__all__ = [
    "ENTITY_COLUMNS",
    "EVENT_COLUMNS",
    "RELATION_COLUMNS",
    "HtmlSink",
    "KeepType",
    "ParquetSink",
    "Quarantine",
    "Sink",
    "TermList",
    "entity_rows",
    "event_rows",
    "keep_column_types",
    "read_notes_parquet",
    "read_parquet_documents",
    "relation_rows",
    "rows",
    "write_html",
    "write_parquet",
]
