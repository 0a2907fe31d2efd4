"""Where results go: one sink a format, under names that a later run and `medspan evaluate` know."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from medspan.annotation import Document, LabelSchema, document_to_dict
from medspan.corpora import write
from medspan.errors import ConfigError
from medspan.interchange import HtmlSink, KeepType, ParquetSink
from medspan.interchange.atomic import partial_path, publish

__all__ = [
    "FORMATS",
    "JSONL_NAME",
    "MANIFEST_NAME",
    "QUARANTINE_NAME",
    "BratSink",
    "JsonLinesSink",
    "ResultSink",
    "check_output",
    "open_sinks",
    "stale_outputs",
]

JSONL_NAME = "documents.jsonl"
QUARANTINE_NAME = "quarantine.jsonl"
MANIFEST_NAME = "manifest.json"

FORMATS: Mapping[str, tuple[str, ...]] = {
    "jsonl": (JSONL_NAME,),
    "parquet": ("entities.parquet", "relations.parquet", "events.parquet", "documents.parquet"),
    "brat": ("brat",),
    "html": ("index.html",),
}
"""The files or folders of each format, relative to the output folder."""


class ResultSink(Protocol):
    """A sink that can also be given up."""

    def write(self, documents: Iterable[Document]) -> None:
        """Add documents."""

    def close(self) -> None:
        """Publish the result."""

    def discard(self) -> None:
        """Remove what was written so far."""


class JsonLinesSink:
    """Writes one document a line into a file that appears when closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = partial_path(path).open("wb")
        # Made once: json.dumps would make a new encoder for every document.
        self._encode = json.JSONEncoder(ensure_ascii=False).encode

    def write(self, documents: Iterable[Document]) -> None:
        """Add documents."""
        for document in documents:
            self._file.write(self._encode(document_to_dict(document)).encode("utf-8") + b"\n")

    def close(self) -> None:
        """Publish the file; calling it again does nothing."""
        if not self._file.closed:
            self._file.close()
            publish(self._path)

    def discard(self) -> None:
        """Remove what was written so far."""
        if not self._file.closed:
            self._file.close()
            partial_path(self._path).unlink(missing_ok=True)


class BratSink:
    """Writes ID.txt and ID.ann into a folder that appears, replacing an older one, when closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = partial_path(folder)
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        self._is_open = True

    def write(self, documents: Iterable[Document]) -> None:
        """Add documents; ids must be relative paths and differ, which `admit` sees to."""
        write(documents, self._partial, "brat")

    def close(self) -> None:
        """Publish the folder; calling it again does nothing."""
        if self._is_open:
            self._is_open = False
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._partial.rename(self._folder)

    def discard(self) -> None:
        """Remove what was written so far."""
        if self._is_open:
            self._is_open = False
            shutil.rmtree(self._partial, ignore_errors=True)


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds results of an earlier run, unless they may be replaced; raises ConfigError."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; -o names a folder")
    known = [name for names in FORMATS.values() for name in names] + [QUARANTINE_NAME, MANIFEST_NAME]
    present = [name for name in known if (folder / name).exists()]
    if present and not overwrite:
        raise ConfigError(
            f"{folder} already holds {', '.join(present)}; give another folder, or --overwrite to replace what is there"
        )


def stale_outputs(folder: Path, formats: Sequence[str]) -> list[Path]:
    """Return results of an earlier run in formats that this run does not write."""
    kept = {name for chosen in formats for name in FORMATS[chosen]}
    known = [name for names in FORMATS.values() for name in names]
    return [folder / name for name in known if name not in kept and (folder / name).exists()]


def open_sinks(
    folder: Path, formats: Sequence[str], schema: LabelSchema | None, keep: Mapping[str, KeepType]
) -> list[ResultSink]:
    """Open a sink for every format; `schema` orders and explains the labels in the HTML page."""
    found: list[ResultSink] = []
    try:
        for name in formats:
            if name == "jsonl":
                found.append(JsonLinesSink(folder / JSONL_NAME))
            elif name == "parquet":
                found.append(ParquetSink(folder, keep))
            elif name == "brat":
                found.append(BratSink(folder / "brat"))
            else:
                found.append(HtmlSink(folder / "index.html", schema, keep_columns=list(keep)))
    except BaseException:
        for sink in found:
            sink.discard()
        raise
    return found
