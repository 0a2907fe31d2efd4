"""The corpora medspan knows: one YAML file each under corpora/catalog/, and the one way to load them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from medspan.annotation import Document
from medspan.corpora.formats import read
from medspan.corpora.location import corpora_root
from medspan.corpora.note_table import read_note_table
from medspan.corpora.views import unwrap_events
from medspan.errors import ConfigError, CorpusError
from medspan.registry import unknown_name

__all__ = ["CorpusEntry", "CorpusFile", "Part", "catalog_entry", "corpus_names", "load_corpus"]


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus: its sha256 as computed, and where its content is public.

    `sha256` is that of the file as mirrors hold it; `content_sha256` that of the unzipped content, which is what
    the public address serves.
    """

    name: str
    sha256: str | None = None
    url: str | None = None
    content_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One file's share of a split: the folder `inside` an archive, or the `prefix` that makes ids of table rows."""

    file: str
    inside: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class CorpusEntry:
    """What the catalog says about a corpus.

    `split_ids` names the list of document ids (or their beginnings up to `group_separator`) that makes the splits
    of a corpus whose files do not. `annotates` names the text corpus that stand-off annotations are joined with.
    """

    name: str
    title: str
    licence: str
    citation: str
    origin: str
    commit: str | None
    format: str
    schema: str | None
    splits: Mapping[str, tuple[Part, ...]]
    files: tuple[CorpusFile, ...]
    flaws: tuple[str, ...] = ()
    split_ids: str | None = None
    group_separator: str | None = None
    unwraps_events: bool = False
    annotates: str | None = None
    columns: Mapping[str, str] | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "CorpusEntry":
        """Build from the YAML of an entry; raises ConfigError for keys that are unknown or missing."""
        unknown = set(content) - {f.name for f in fields(cls)}
        if unknown:
            raise ConfigError(f"corpus {content.get('name')!r}: unknown keys {sorted(unknown)}")
        try:
            return cls(
                **{
                    **content,
                    "splits": {
                        split: tuple(Part(**part) for part in parts) for split, parts in content["splits"].items()
                    },
                    "files": tuple(CorpusFile(name, **(about or {})) for name, about in content["files"].items()),
                    "flaws": tuple(content.get("flaws", ())),
                }
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(f"corpus {content.get('name')!r}: {error}") from error


def corpus_names() -> list[str]:
    """Names of the corpora in the catalog, sorted."""
    folder = files("medspan.corpora") / "catalog"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


@cache
def catalog_entry(name: str) -> CorpusEntry:
    """Return the entry of a corpus; raises UnknownNameError with a suggestion."""
    import yaml

    if name not in corpus_names():
        raise unknown_name("corpus", name, corpus_names())
    source = files("medspan.corpora") / "catalog" / f"{name}.yaml"
    return CorpusEntry.from_dict(yaml.safe_load(source.read_text(encoding="utf-8")))


def load_corpus(name: str, split: str, root: str | Path | None = None) -> list[Document]:
    """Return the documents of one split (train, dev or test) in file order.

    `root` holds a folder for each corpus; it defaults to $MEDSPAN_DATA or the user's cache folder. Where the entry
    groups documents (Chia's trials), `metadata["group"]` says which belong together. Raises CorpusError when the
    corpus is not there or not whole, UnknownNameError for a corpus or split that does not exist.
    """
    entry = catalog_entry(name)
    if split not in entry.splits:
        raise unknown_name(f"split of {name}", split, list(entry.splits))
    documents = [document for part in entry.splits[split] for document in _part(entry, part, corpora_root(root))]
    if entry.split_ids is not None:
        documents = _chosen(entry, split, documents)
    if entry.unwraps_events:
        documents = [unwrap_events(document) for document in documents]
    if entry.group_separator:
        documents = [replace(d, metadata={**d.metadata, "group": _group(entry, d)}) for d in documents]
    return documents


def split_ids(entry: CorpusEntry) -> Mapping[str, list[str]]:
    """Return the packaged lists of ids that make the splits of `entry`."""
    source = files("medspan.corpora") / "catalog" / "splits" / f"{entry.split_ids}.json"
    lists: Mapping[str, list[str]] = json.loads(source.read_text(encoding="utf-8"))
    return lists


def _part(entry: CorpusEntry, part: Part, root: Path) -> list[Document]:
    path = root / entry.name / part.file
    if not path.exists():
        raise CorpusError(
            f"corpus {entry.name}: {path} is missing; run `medspan corpora get {entry.name}`, or set MEDSPAN_DATA "
            f"to the folder that holds {entry.name}/"
        )
    if entry.columns is not None:
        return read_note_table(path, entry.columns, part.prefix)
    documents = read(path, entry.format).documents
    if not part.inside:
        return list(documents)
    inside = part.inside.rstrip("/") + "/"
    return [replace(d, id=d.id.removeprefix(inside)) for d in documents if d.id.startswith(inside)]


def _chosen(entry: CorpusEntry, split: str, documents: list[Document]) -> list[Document]:
    wanted = split_ids(entry)[split]
    chosen = set(wanted)
    found = [document for document in documents if _group(entry, document) in chosen]
    missing = len(chosen - {_group(entry, document) for document in found})
    if missing:
        raise CorpusError(
            f"corpus {entry.name}: {missing} of {len(chosen)} documents of split {split!r} are missing; "
            f"run `medspan corpora get {entry.name}` again"
        )
    return found


def _group(entry: CorpusEntry, document: Document) -> str:
    return document.id.partition(entry.group_separator)[0] if entry.group_separator else document.id
