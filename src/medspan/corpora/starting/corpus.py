"""Make a folder of annotated documents a corpus with a name: infer what a corpus.yaml says and write it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medspan.annotation import Document, LabelSchema
from medspan.corpora.catalog import packaged_names
from medspan.corpora.entry import CorpusEntry
from medspan.corpora.formats import FORMATS, guess_format, read
from medspan.corpora.local import ENTRY_NAME
from medspan.corpora.location import corpora_root
from medspan.corpora.schemas import schema_names
from medspan.corpora.starting.entry_text import entry_text
from medspan.corpora.starting.inferring import infer_schema
from medspan.corpora.starting.patients import InferredSplit, infer_split
from medspan.errors import ConfigError, CorpusError
from medspan.registry import unknown_name

__all__ = ["StartedCorpus", "start_corpus"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Folders that make splits already, by the names people give them.
_GIVEN = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "development", "valid", "validation", "val"), "dev"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}


@dataclass(frozen=True)
class StartedCorpus:
    """What was found in a folder, and where the entry was written."""

    name: str
    path: Path
    format: str
    schema: LabelSchema
    n_documents: Mapping[str, int]
    problems: Mapping[str, int]
    told_by: str
    warnings: tuple[str, ...]


def start_corpus(
    source: str | Path,
    name: str | None = None,
    format: str | None = None,  # noqa: A002
    output: str | Path | None = None,
    root: str | Path | None = None,
) -> StartedCorpus:
    """Infer schema and splits of the documents under `source` and write them as a corpus.yaml to be edited.

    The name is the folder's unless given. The entry is written to $MEDSPAN_DATA/NAME/corpus.yaml, where the catalog
    finds it, or to `output`. Folders called train, dev and test make the splits; elsewhere a rule by patient does.
    Raises ConfigError for a name that is taken or a file that is there already, CorpusError where nothing is annotated.
    """
    source = Path(source)
    if not source.exists():
        raise CorpusError(f"{source}: there is no such file or folder")
    source = source.resolve()
    name = _named(name, source)
    place = corpora_root(root) / name
    target = Path(output) if output is not None else place / ENTRY_NAME
    if target.exists():
        raise ConfigError(f"{target} is there already; edit it, move it away, or name another with -o")
    chosen = format or guess_format(source)
    if chosen not in FORMATS:
        if chosen != "parquet":
            raise unknown_name("format", chosen, list(FORMATS))
        raise ConfigError(
            f"a corpus in format {chosen!r} cannot be loaded by name; first `medspan convert` it to jsonl"
        )
    given = _given_splits(source)
    documents, problems = _read(source, chosen, given)
    every = [document for found in documents.values() for document in found]
    schema, tally = infer_schema(every, name)
    inferred = infer_split(every, name)
    warnings = _given_warnings(documents, inferred) if given else _rule_warnings(inferred)
    if problems["skipped"]:
        warnings.append(f"{problems['skipped']} things could not be read: `medspan corpora show {name} --problems`")
    folder = source if source.is_dir() else source.parent
    text = entry_text(
        {
            "name": name,
            "title": f"(describe {name} here)",
            "licence": "(say who may use it)",
            "citation": "(say what to cite)",
            "origin": "(say where it comes from)",
            "access": "agreement",
            "format": chosen,
            **({} if folder == place.resolve() else {"folder": str(folder)}),
        },
        given or {split: ["." if source.is_dir() else source.name] for split in inferred.n_documents},
        None if given else inferred,
        schema,
        tally,
        [f"Warning: {warning}." for warning in warnings],
    )
    _check(text, schema, name)
    _publish(text, target)
    counts = {split: len(found) for split, found in documents.items()} if given else dict(inferred.n_documents)
    told_by = f"folders called {', '.join(given)}" if given else f"patients, told by {inferred.told_by}"
    return StartedCorpus(name, target, chosen, schema, counts, problems, told_by, tuple(warnings))


def _named(name: str | None, source: Path) -> str:
    chosen = name or re.sub(r"[^a-z0-9._-]+", "-", source.name.partition(".")[0].lower()).strip("-._")
    if not _NAME.fullmatch(chosen):
        raise ConfigError(
            f"{chosen!r} is no name for a corpus: small letters, digits and -._ only; give one with --name"
        )
    if chosen in packaged_names() or chosen in schema_names():
        raise ConfigError(f"the name {chosen!r} is taken by a corpus or schema of medspan; give another with --name")
    return chosen


def _given_splits(source: Path) -> dict[str, list[str]]:
    """Find folders that make the splits; none unless all folders and files of annotations are in such ones."""
    if not source.is_dir():
        return {}
    found: dict[str, list[str]] = {}
    for item in sorted(source.iterdir()):
        if item.is_dir() and item.name.lower() in _GIVEN:
            found.setdefault(_GIVEN[item.name.lower()], []).append(item.name)
        elif item.is_dir() and not item.name.startswith("."):
            return {}
    return {split: found[split] for split in ("train", "dev", "test") if split in found} if "train" in found else {}


def _read(
    source: Path, chosen: str, given: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[Document]], Counter[str]]:
    """Read the documents of every split, or all of them under the key "", and count problems by what was done."""
    documents: dict[str, list[Document]] = {}
    problems: Counter[str] = Counter()
    for split, parts in (given or {"": [""]}).items():
        for part in parts:
            result = read(source / part if part else source, chosen)
            documents.setdefault(split, []).extend(result.documents)
            problems.update({action: n for action, n in result.counts.items() if action != "read"})
    return documents, problems


def _given_warnings(documents: Mapping[str, Sequence[Document]], inferred: InferredSplit) -> list[str]:
    """Warn of given splits that lack a part, or seem to divide a patient."""
    warnings = [] if "dev" in documents else ["there is no folder dev; training cuts a part off train for tuning"]
    of = {split: {inferred.rule.patient_of(document) for document in found} for split, found in documents.items()}
    seen = Counter(patient for patients in of.values() for patient in patients)
    n_shared = sum(n > 1 for n in seen.values())
    if n_shared and inferred.is_told:
        warnings.append(f"{n_shared} patients, told by {inferred.told_by}, have notes in more than one split")
    return warnings


def _rule_warnings(inferred: InferredSplit) -> list[str]:
    warnings = [
        f"split {split} has no documents: too few patients" for split, n in inferred.n_documents.items() if not n
    ]
    if not inferred.is_told:
        warnings.append("no metadata and no part of file names tells the patient; notes of one may come apart")
    return warnings


def _publish(text: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".partial-{target.name}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written ({error.strerror}); name another file with -o") from error


def _check(text: str, schema: LabelSchema, name: str) -> None:
    """Make sure that what was written reads back as what was meant."""
    import yaml

    content: dict[str, Any] = yaml.safe_load(text)
    again = LabelSchema.from_dict({"name": name, **content["schema"]})
    assert again == schema, "the schema reads back otherwise than it was inferred"
    CorpusEntry.from_dict({**content, "schema": name, "commit": None})
