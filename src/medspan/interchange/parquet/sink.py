"""Results as a folder of Parquet files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medspan.annotation import Document, document_to_dict
from medspan.errors import AnnotationError
from medspan.interchange.columns import KeepType, as_value, keep_types
from medspan.interchange.parquet.schemas import documents_schema, entities_schema, events_schema, relations_schema
from medspan.interchange.parquet.table import TableWriter
from medspan.interchange.rows import check_keep_columns, entity_rows, event_rows, relation_rows

__all__ = ["ParquetSink", "write_parquet"]

_TABLES = {
    "entities": (entities_schema, entity_rows),
    "relations": (relations_schema, relation_rows),
    "events": (events_schema, event_rows),
}


class ParquetSink:
    """Writes `entities.parquet`, `relations.parquet`, `events.parquet` and `documents.parquet` into a folder.

    The first three are tables for a database, without note text beyond the mentions; `documents.parquet` holds whole
    documents, which `read_parquet_documents` gives back as they were. Columns to keep are copied from the metadata into
    every file, as text unless a type is given (see `keep_column_types`). All files are written even when empty.
    """

    def __init__(self, folder: Path | str, keep_columns: Sequence[str] | Mapping[str, KeepType] = ()) -> None:
        if not isinstance(keep_columns, Mapping):
            check_keep_columns(keep_columns, ())
        self._keep = keep_types(keep_columns)
        schemas = {name: make({}) for name, (make, _) in _TABLES.items()} | {"documents": documents_schema({})}
        for schema in schemas.values():
            check_keep_columns(self._keep, schema.names)
        folder = Path(folder)
        self._tables = {
            name: TableWriter(folder / f"{name}.parquet", make(self._keep), group_rows=65_536)
            for name, (make, _) in _TABLES.items()
        }
        self._documents = TableWriter(
            folder / "documents.parquet", documents_schema(self._keep), group_rows=2_048, group_size=4_000_000
        )
        self._is_open = True

    def write(self, documents: Iterable[Document]) -> None:
        """Add documents. Raises FormatError for a kept value that does not fit its column's type."""
        for document in documents:
            kept = {
                name: as_value(document.metadata.get(name), kind, name, document.id)
                for name, kind in self._keep.items()
            }
            whole = _document_row(document)
            self._documents.add(whole | kept, size=len(document.text))
            for name, (_, make_rows) in _TABLES.items():
                add = self._tables[name].add
                for i, row in enumerate(make_rows([document])):
                    if name == "entities":
                        row["fragments"] = whole["entities"][i]["fragments"]
                    row.update(kept)
                    add(row)

    def close(self) -> None:
        """Publish the four files; documents last, so that it stands only beside complete tables."""
        if self._is_open:
            self._is_open = False
            for table in (*self._tables.values(), self._documents):
                table.close()

    def discard(self) -> None:
        """Remove what was written so far."""
        if self._is_open:
            self._is_open = False
            for table in (*self._tables.values(), self._documents):
                table.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write_parquet(
    documents: Iterable[Document], folder: Path | str, keep_columns: Sequence[str] | Mapping[str, KeepType] = ()
) -> None:
    """Write documents into a folder as `ParquetSink` does; nothing is left if it fails half-way."""
    with ParquetSink(folder, keep_columns) as sink:
        sink.write(documents)


# Made once: json.dumps would make a new encoder for every document.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _is_unicode(text: str) -> bool:
    """Say whether there is no lone surrogate, as file names that are not UTF-8 give."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _document_row(document: Document) -> dict[str, Any]:
    if not _is_unicode(document.id):
        raise AnnotationError(f"document {document.id!r}: the id is not valid Unicode; give the file another name")
    row = document_to_dict(document)
    for item, entity in zip(row["entities"], document.entities, strict=True):
        item["fragments"] = [{"start": f.start, "end": f.end} for f in entity.fragments]
    row.setdefault("groups", [])
    row.setdefault("concept_relations", [])
    try:
        row["metadata"] = _encode(dict(document.metadata))
        row["metadata"].encode()  # refuses lone surrogates
    except (TypeError, ValueError) as error:
        # The cause may quote a value of the metadata, so it is not chained into the message a user sees.
        raise AnnotationError(
            f"document {document.id!r}: metadata cannot be written as JSON ({type(error).__name__}); "
            "use text, numbers, booleans, lists and objects"
        ) from None
    return row
