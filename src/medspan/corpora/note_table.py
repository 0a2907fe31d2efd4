"""Notes in a CSV file, one a row, without annotations."""

import csv
import gzip
import io
from collections.abc import Mapping
from pathlib import Path

from medspan.annotation import Document
from medspan.errors import FormatError

__all__ = ["read_note_table"]


def read_note_table(path: Path, columns: Mapping[str, str], prefix: str = "") -> list[Document]:
    """Read the notes of a CSV file, gzipped or not; a row's id is `prefix` and its id column.

    `columns` names the columns: "id", "text" and any others, which go to the document's metadata under their keys.
    Line ends inside a note stay as they are. Raises FormatError when a column is missing.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        # newline="" leaves the line ends to the csv module, which keeps those inside quotes.
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path.name}: not a readable CSV table ({type(error).__name__})") from None
    missing = sorted(set(columns.values()) - set(rows[0] if rows else columns.values()))
    if missing:
        raise FormatError(f"{path.name}: columns {missing} are missing")
    return [
        Document(
            f"{prefix}{row[columns['id']]}",
            row[columns["text"]] or "",
            metadata={key: row[column] for key, column in columns.items() if key not in ("id", "text")},
        )
        for row in rows
    ]
