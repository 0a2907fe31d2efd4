"""Annotated documents from anything a user may name: file formats, Parquet, results of `medspan extract`, corpora."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from medspan.annotation import Document, LabelSchema
from medspan.apps.extract.outputs import FORMATS, JSONL_NAME, MANIFEST_NAME
from medspan.corpora import (
    Loss,
    Problem,
    catalog_entry,
    guess_format,
    load_corpus,
    map_documents,
    schema,
    stream,
    write,
)
from medspan.corpora.formats import FORMATS as FILE_FORMATS
from medspan.corpora.mapping import mapping
from medspan.errors import ConfigError, FormatError
from medspan.registry import unknown_name

__all__ = [
    "CORPUS_PREFIX",
    "Reading",
    "located",
    "read_any",
    "read_gold",
    "readable_formats",
    "stream_any",
    "writable_formats",
    "write_any",
]

CORPUS_PREFIX = "corpus:"


@dataclass(frozen=True)
class Reading:
    """Documents, what was repaired or skipped in reading, and the schema they are known to follow."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()
    schema: LabelSchema | None = None
    notes: tuple[str, ...] = ()


def readable_formats() -> list[str]:
    """Names that `read_any` takes as a format."""
    return sorted([*FILE_FORMATS, "parquet"])


def writable_formats() -> list[str]:
    """Names that `write_any` takes as a format."""
    return sorted([*FILE_FORMATS, "parquet", "html"])


def read_any(path: Path, file_format: str | None = None) -> Reading:
    """Read documents from a file or folder; an output folder of `medspan extract` is recognised.

    Raises FormatError where nothing can be read, UnknownNameError for a format that does not exist.
    """
    problems: list[Problem] = []
    documents = tuple(stream_any(path, file_format, problems))
    return Reading(documents, tuple(problems))


def stream_any(path: Path, file_format: str | None, problems: list[Problem]) -> Iterator[Document]:
    """Yield what `read_any` reads one by one, adding to `problems` on the way."""
    place, chosen = located(path, file_format)
    if chosen == "parquet":
        from medspan.interchange import read_parquet_documents

        return read_parquet_documents(place)
    return stream(place, chosen, problems)


def located(path: Path, file_format: str | None) -> tuple[Path, str]:
    """Say where under `path` documents are and in which format: the one asked for, or else a guess."""
    if file_format is not None and file_format not in readable_formats():
        raise unknown_name("format", file_format, readable_formats())
    if not path.exists():
        raise FormatError(f"{path}: there is no such file or folder")
    if path.is_dir() and (path / MANIFEST_NAME).is_file():
        return _results(path, file_format)
    return path, file_format or guess_format(path)


def _results(folder: Path, wanted: str | None) -> tuple[Path, str]:
    """Find whole documents in the results of `medspan extract`, in the format wanted where they have it."""
    places = {
        "jsonl": folder / JSONL_NAME,
        "parquet": folder / "documents.parquet",
        "brat": folder / FORMATS["brat"][0],
    }
    for name in sorted(places, key=lambda name: name != wanted):
        if places[name].exists():
            return places[name], name
    raise FormatError(f"{folder}: these results hold no documents as jsonl, parquet or brat")


def read_gold(
    name: str,
    file_format: str | None = None,
    mapping_name: str | None = None,
) -> Reading:
    """Read gold documents from a path or from `corpus:NAME:SPLIT`, mapped to another schema where asked.

    A corpus brings its schema, a mapping brings the one it maps to.
    """
    is_corpus = name.startswith(CORPUS_PREFIX)
    gold = _corpus(name.removeprefix(CORPUS_PREFIX)) if is_corpus else read_any(Path(name), file_format)
    if mapping_name is None:
        return gold
    target = mapping(mapping_name).target
    said = f"gold mapped to schema {target.name!r} by mapping {mapping_name!r}"
    return Reading(tuple(map_documents(gold.documents, mapping_name)), gold.problems, target, (said,))


def _corpus(address: str) -> Reading:
    name, _, split = address.partition(":")
    entry = catalog_entry(name)
    if not split:
        raise ConfigError(
            f"--gold {CORPUS_PREFIX}{name}: name a split, as in {CORPUS_PREFIX}{name}:{next(iter(entry.splits))}"
        )
    documents = tuple(load_corpus(name, split))
    if entry.schema is None:
        raise ConfigError(f"corpus {name} holds text without annotations: nothing to compare with")
    return Reading(documents, (), schema(entry.schema), (f"both sides restricted to the schema of {name}",))


def write_any(documents: Iterable[Document], path: Path, file_format: str, lossy: bool = False) -> list[Loss]:
    """Write documents, a folder for those formats that are one; returns what was lost, nothing unless `lossy`.

    Raises FormatError where the format would lose something and `lossy` is not given; then nothing is written.
    """
    if file_format not in writable_formats():
        raise unknown_name("format", file_format, writable_formats())
    if file_format == "parquet":
        from medspan.interchange import write_parquet

        write_parquet(documents, path)
        return []
    if file_format == "html":
        from medspan.interchange import write_html

        write_html(documents, path)
        return []
    return write(documents, path, file_format, lossy=lossy)
