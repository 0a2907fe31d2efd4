"""The corpora medspan knows: one YAML file each under corpora/catalog/, own ones beside their data, loaded one way."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.entry import CorpusEntry, CorpusFile, Part
from medspan.corpora.formats import Problem, ReadResult, read
from medspan.corpora.local import local_content, local_names
from medspan.corpora.location import corpora_root
from medspan.corpora.note_table import read_note_table
from medspan.corpora.views import unwrap_events
from medspan.errors import ConfigError, CorpusError
from medspan.registry import unknown_name

__all__ = [
    "CorpusEntry",
    "CorpusFile",
    "Part",
    "catalog_entry",
    "corpus_names",
    "how_to_get",
    "load_corpus",
    "packaged_names",
    "read_parts",
    "split_ids",
]


def corpus_names(root: str | Path | None = None) -> list[str]:
    """Names of the corpora in the catalog and of own ones under `root` ($MEDSPAN_DATA when not given), sorted."""
    return sorted({*packaged_names(), *local_names(root)})


def packaged_names() -> list[str]:
    """Names of the corpora whose entries come with the package, sorted."""
    return list(_packaged_names())


def catalog_entry(name: str, root: str | Path | None = None) -> CorpusEntry:
    """Return the entry of a corpus; raises UnknownNameError with a suggestion, ConfigError for a faulty corpus.yaml."""
    if name in _packaged_names():
        return _packaged(name)
    if name not in local_names(root):
        raise unknown_name("corpus", name, corpus_names(root))
    content = dict(local_content(name, root))
    if isinstance(content.get("schema"), Mapping):
        content["schema"] = name
    defaults = {"title": name, "licence": "", "citation": "", "origin": "", "commit": None, "schema": None}
    return CorpusEntry.from_dict({**defaults, **content, "is_local": True})


def load_corpus(name: str, split: str, root: str | Path | None = None) -> list[Document]:
    """Return the documents of one split (train, dev or test) in file order.

    `root` holds a folder for each corpus; it defaults to $MEDSPAN_DATA or the user's cache folder. Where the entry
    groups documents (Chia's trials), `metadata["group"]` says which belong together, and where it has a rule for
    patients, `metadata["patient"]`. Raises CorpusError when the corpus is not there or not whole, UnknownNameError for
    a corpus or split that does not exist.
    """
    entry = catalog_entry(name, root)
    if split not in entry.splits:
        raise unknown_name(f"split of {name}", split, list(entry.splits))
    folder = corpora_root(root)
    documents = [document for part in entry.splits[split] for document in _part(entry, part, folder).documents]
    if entry.split_ids is not None:
        documents = _chosen(entry, split, documents)
    if entry.split_rule is not None:
        rule = entry.split_rule
        documents = [
            replace(d, metadata={"patient": rule.patient_of(d), **d.metadata})
            for d in documents
            if rule.split_of(d) == split
        ]
    if entry.unwraps_events:
        documents = [unwrap_events(document) for document in documents]
    if entry.group_separator:
        documents = [replace(d, metadata={**d.metadata, "group": _group(entry, d)}) for d in documents]
    _refuse_repeated_ids(name, split, documents)
    return documents


def read_parts(name: str, root: str | Path | None = None) -> dict[str, ReadResult]:
    """Read every file of a corpus once, whole and as it stands; the account of the reads by file and folder inside."""
    entry = catalog_entry(name, root)
    parts = dict.fromkeys(part for parts in entry.splits.values() for part in parts)
    results: dict[str, ReadResult] = {}
    for part in parts:
        shown = f"{part.file}:{part.inside}" if part.inside else part.file
        results[shown] = _part(entry, part, corpora_root(root))
    return results


def how_to_get(entry: CorpusEntry) -> str:
    """Say what to do about a corpus that is not on this machine."""
    if entry.is_local:
        return f"its corpus.yaml states the folder {entry.place}; correct the entry, or put the files there"
    if entry.access != "agreement":
        return f"run `medspan corpora get {entry.name}`, or set MEDSPAN_DATA to the folder that holds {entry.place}/"
    return (
        f"it takes a data use agreement: apply at {entry.apply_at} ({entry.origin}), then put the files under "
        f"$MEDSPAN_DATA/{entry.place}/ as `medspan corpora show {entry.name}` says"
    )


def split_ids(entry: CorpusEntry) -> Mapping[str, list[str]]:
    """Return the packaged lists of ids that make the splits of `entry`."""
    source = files("medspan.corpora") / "catalog" / "splits" / f"{entry.split_ids}.json"
    if not source.is_file():
        raise ConfigError(f"corpus {entry.name}: no list of splits {entry.split_ids!r} comes with the package")
    lists: Mapping[str, list[str]] = json.loads(source.read_text(encoding="utf-8"))
    return lists


@cache
def _packaged_names() -> tuple[str, ...]:
    folder = files("medspan.corpora") / "catalog"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


@cache
def _packaged(name: str) -> CorpusEntry:
    import yaml

    source = files("medspan.corpora") / "catalog" / f"{name}.yaml"
    return CorpusEntry.from_dict(yaml.safe_load(source.read_text(encoding="utf-8")))


def _part(entry: CorpusEntry, part: Part, root: Path) -> ReadResult:
    """Read a part: its documents, named as the corpus names them, and the problems of these alone."""
    path = root / entry.place / part.file
    if not path.exists():
        raise CorpusError(f"corpus {entry.name}: {path} is missing; {how_to_get(entry)}")
    if entry.columns is not None:
        return ReadResult(tuple(read_note_table(path, entry.columns, part.prefix)))
    result = read(path, entry.format)
    if not part.inside and not part.prefix:
        return result
    inside = part.inside.rstrip("/") + "/" if part.inside else ""

    def renamed(key: str) -> str:
        return part.prefix + key.removeprefix(inside)

    return ReadResult(
        tuple(replace(d, id=renamed(d.id)) for d in result.documents if d.id.startswith(inside)),
        tuple(
            Problem(renamed(p.document), p.line, p.action, p.reason)
            for p in result.problems
            if p.document.startswith(inside)
        ),
    )


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


def _refuse_repeated_ids(name: str, split: str, documents: list[Document]) -> None:
    repeated = [key for key, n in Counter(document.id for document in documents).items() if n > 1]
    if repeated:
        raise CorpusError(
            f"corpus {name}: {len(repeated)} document ids of split {split!r} occur twice (first: {repeated[0]!r}); "
            "give the parts of the split a prefix each"
        )
