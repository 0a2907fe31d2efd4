"""Whole documents read back from Parquet."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medspan.annotation import FORMAT_VERSION, Document, document_from_dict
from medspan.errors import FormatError
from medspan.interchange.parquet.file import open_parquet
from medspan.interchange.parquet.schemas import VERSION_KEY, documents_schema

__all__ = ["read_parquet_documents"]


def read_parquet_documents(path: Path | str) -> Iterator[Document]:
    """Iterate over the documents in `documents.parquet`, or in a folder that holds one, as they were written.

    Raises FormatError for a file that `ParquetSink` did not write or that another format version did.
    """
    path = Path(path)
    if path.is_dir():
        path /= "documents.parquet"
    file = open_parquet(path)
    columns = documents_schema({}).names
    version = (file.schema_arrow.metadata or {}).get(VERSION_KEY)
    if version is None or not set(columns) <= set(file.schema_arrow.names):
        raise FormatError(
            f"{path.name}: not a file of documents that medspan wrote; "
            "to read notes from a table of your own, name its id and text columns"
        )
    if version != str(FORMAT_VERSION).encode():
        raise FormatError(f"{path.name}: format version {version.decode()} is not {FORMAT_VERSION}")
    return _documents(file, columns)


def _documents(file: Any, columns: list[str]) -> Iterator[Document]:
    with file:
        for batch in file.iter_batches(batch_size=256, columns=columns):
            for row in batch.to_pylist():
                row["metadata"] = json.loads(row["metadata"])
                for entity in row["entities"]:
                    entity["fragments"] = [(f["start"], f["end"]) for f in entity["fragments"]]
                yield document_from_dict(row)
