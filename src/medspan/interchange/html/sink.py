"""Documents written into one HTML page, note by note."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medspan.annotation import Document, LabelSchema
from medspan.interchange.atomic import partial_path, publish
from medspan.interchange.html.page import data_block, page
from medspan.interchange.html.view import document_view

__all__ = ["HtmlSink", "write_html"]


class HtmlSink:
    """Writes a page that shows each note with its entities, relations and events.

    The page works offline from one file; its notes are shown one at a time. After `max_notes` notes further ones are
    counted in `n_left_out`, and the page says so: browsers are slow with files of hundreds of megabytes. A schema
    gives the order of the labels and their definitions. `keep_columns` picks the metadata shown; None shows all.
    """

    def __init__(
        self,
        path: Path | str,
        schema: LabelSchema | None = None,
        title: str = "medspan",
        keep_columns: Sequence[str] | None = None,
        max_notes: int = 5_000,
    ) -> None:
        self.path = Path(path)
        self.n_left_out = 0
        self._title = title
        self._keep_columns = keep_columns
        self._max_notes = max_notes
        self._labels = _Labels(schema)
        self._index: list[dict[str, Any]] = []
        before, self._after = page(title)
        # A lone surrogate in an id becomes its escape, which is what JSON calls it too.
        self._file = partial_path(self.path).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
        self._file.write(before)

    def write(self, documents: Iterable[Document]) -> None:
        """Add notes to the page."""
        for document in documents:
            if len(self._index) == self._max_notes:
                self.n_left_out += 1
                continue
            view = document_view(document, self._keep_columns)
            self._file.write(data_block(f"note-{len(self._index)}", view))
            self._labels.count(document)
            self._index.append(
                {"id": document.id, "metadata": view["metadata"], "entities": len(document.entities)},
            )

    def close(self) -> None:
        """Write the list of notes and publish the page."""
        if not self._file.closed:
            contents = {
                "title": self._title,
                "notes": self._index,
                "leftOut": self.n_left_out,
                "labels": self._labels.to_list(),
            }
            self._file.write(data_block("contents", contents))
            self._file.write(self._after)
            self._file.close()
            publish(self.path)

    def discard(self) -> None:
        """Remove what was written so far."""
        if not self._file.closed:
            self._file.close()
            partial_path(self.path).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class _Labels:
    """Labels of entities, relations and events with their number of occurrences, in the schema's order."""

    def __init__(self, schema: LabelSchema | None) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._definitions: dict[tuple[str, str], str] = {}
        if schema is not None:
            for kind, types in (
                ("entity", schema.entities),
                ("relation", schema.relations),
                ("event", schema.events),
            ):
                for declared in types:
                    self._counts[kind, declared.name] = 0
                    self._definitions[kind, declared.name] = declared.definition

    def count(self, document: Document) -> None:
        for kind, annotations in (
            ("entity", document.entities),
            ("relation", document.relations),
            ("event", document.events),
        ):
            for annotation in annotations:
                key = (kind, annotation.label)
                self._counts[key] = self._counts.get(key, 0) + 1

    def to_list(self) -> list[dict[str, Any]]:
        return [
            {"kind": kind, "name": name, "count": count, "definition": self._definitions.get((kind, name), "")}
            for (kind, name), count in self._counts.items()
        ]


def write_html(
    documents: Iterable[Document],
    path: Path | str,
    schema: LabelSchema | None = None,
    title: str = "medspan",
    keep_columns: Sequence[str] | None = None,
) -> None:
    """Write documents as one self-contained page, as `HtmlSink` does; nothing is left if it fails half-way."""
    with HtmlSink(path, schema, title, keep_columns) as sink:
        sink.write(documents)
