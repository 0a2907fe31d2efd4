"""RadGraph: JSON files keyed by report path, entities in words with inclusive ends, relations on their source.

The text is kept exactly. It is pre-tokenised, and the file counts words as `text.split()` gives them. Files exist in
which only `text.split(" ")` gives the words that `tokens` states, because a word holds a non-breaking space: the
count that agrees with more entities is taken, report by report, and noted in `metadata["radgraph"]["words"]`.

A report that several labelers annotated becomes one document each, with the ids KEY#labeler_1, KEY#labeler_2, and
`group` (the key) and `labeler` in its metadata; they join again on writing.

Not held: mentions that begin or end inside a word, discontinuity, attributes, codes, events, groups, facts between
codes, metadata of others, and relations in another order than that of their heads. Ids of entities are kept, those of
relations are given anew.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats.json_parts import parts, shown
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files, squeeze
from medspan.corpora.formats.targets import write_file
from medspan.errors import AnnotationError, FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".json", ".json.gz")
_NAME = "radgraph"
_SPLITS = ("train", "dev", "test")
_LABELER = re.compile(r"labeler_\w+")
_ENTITY_KEYS = ("tokens", "label", "start_ix", "end_ix", "relations")
_SPACES = "spaces"


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file, or of all files in a folder, one report and labeler at a time.

    What the file says beside text and entities (`data_source`, `data_split`) is kept in `metadata["radgraph"]`; the
    split is taken from the file's name (train, dev, test) where the record does not say it.
    """
    yield from read_files(files(path, SUFFIXES), _reports, problems)


def _reports(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    split = Path(document_id(name, *SUFFIXES)).name
    for line, key, record in _records(decode(content, name), problems):
        problems.line = line
        yield from _documents(key, record, split if split in _SPLITS else None, line, problems)


def _records(content: str, problems: Problems) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for line, key, record in parts(content, problems):
        if key is None:
            problems.skipped(line, "an object keyed by report is expected, not a list")
            return
        if not isinstance(record, Mapping) or not isinstance(record.get("text"), str):
            problems.skipped(line, "a report must be an object with a text")
        else:
            yield line, key, record


def _documents(
    key: str, record: Mapping[str, Any], split: str | None, line: int, problems: Problems
) -> Iterator[Document]:
    owner = problems.document
    labelers = [name for name in record if _LABELER.fullmatch(name) and isinstance(record[name], Mapping)]
    rest = {k: v for k, v in record.items() if k not in ("text", "entities", *labelers)}
    if split is not None:
        rest.setdefault("data_split", split)
    views: list[tuple[str, Any, dict[str, Any]]] = []
    if "entities" in record or not labelers:
        views.append((key, record.get("entities", {}), {}))
    for name in labelers:
        views.append((f"{key}#{name}", record[name].get("entities", {}), {"labeler": name, "group": key}))
    for name, entities, metadata in views:
        problems.document = name
        try:
            yield _Reading(record["text"], line, problems).document(name, entities, rest, metadata)
        except AnnotationError as error:
            problems.skipped(line, str(error))
    problems.document = owner


class _Reading:
    """One labeler's view of one report on its way to a document."""

    def __init__(self, text: str, line: int, problems: Problems) -> None:
        self.text = text
        self.line = line
        self.problems = problems

    def document(self, name: str, entities: Any, rest: Mapping[str, Any], metadata: dict[str, Any]) -> Document:
        if not isinstance(entities, Mapping):
            self.problems.skipped(self.line, "entities are not an object keyed by id")
            entities = {}
        kept: dict[str, Any] = dict(rest)
        words = self._words(entities, kept)
        found = {key: entity for key, value in entities.items() if (entity := self._entity(key, value, words))}
        further = {
            key: more for key in found if (more := {k: v for k, v in entities[key].items() if k not in _ENTITY_KEYS})
        }
        if further:
            kept["entities"] = further
        relations = tuple(self._relations(entities, found))
        return Document(
            name,
            self.text,
            tuple(found.values()),
            relations,
            metadata={**metadata, **({_NAME: kept} if kept else {})},
        )

    def _words(self, entities: Mapping[str, Any], kept: dict[str, Any]) -> list[tuple[int, int]]:
        """Return the ranges of the words, in the way of counting that gives more entities the words they state."""
        kept.pop("words", None)
        plain, spaced = words_of(self.text, None), words_of(self.text, _SPACES)
        if plain == spaced:
            return plain
        agree = [sum(self._agrees(value, words) for value in entities.values()) for words in (plain, spaced)]
        if agree[1] <= agree[0]:
            return plain
        self.problems.kept(self.line, f"words counted between single spaces, as {agree[1]} entities state them")
        kept["words"] = _SPACES
        return spaced

    def _agrees(self, value: Any, words: list[tuple[int, int]]) -> bool:
        if not isinstance(value, Mapping) or not _is_range(value, len(words)):
            return False
        return self._stated(value["start_ix"], value["end_ix"], words) == value.get("tokens")

    def _stated(self, first: int, last: int, words: list[tuple[int, int]]) -> str:
        return " ".join(self.text[start:end] for start, end in words[first : last + 1])

    def _entity(self, key: str, value: Any, words: list[tuple[int, int]]) -> Entity | None:
        if not isinstance(value, Mapping) or not isinstance(value.get("label"), str):
            self.problems.skipped(self.line, f"entity {shown(key)} is not an object with a label")
            return None
        if not _is_range(value, len(words)):
            self.problems.skipped(
                self.line, f"entity {shown(key)}: start_ix and end_ix are no range of the {len(words)} words"
            )
            return None
        first, last = value["start_ix"], value["end_ix"]
        start, end = words[first][0], words[last][1]
        if start >= end:
            self.problems.skipped(self.line, f"entity {shown(key)}: words {first} to {last} are empty")
            return None
        if squeeze(self._stated(first, last, words)) != squeeze(str(value.get("tokens"))):
            self.problems.kept(self.line, f"entity {shown(key)}: the stated tokens differ from words {first} to {last}")
        return Entity(key, value["label"], (Span(start, end),))

    def _relations(self, entities: Mapping[str, Any], found: Mapping[str, Entity]) -> Iterator[Relation]:
        number = 0
        for head in found:
            listed = entities[head].get("relations", [])
            for pair in listed if isinstance(listed, list) else [listed]:
                if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
                    self.problems.skipped(self.line, f"a relation of entity {shown(head)} is not [label, id]")
                    continue
                label, tail = pair
                if tail not in found:
                    self.problems.skipped(
                        self.line, f"a relation of entity {shown(head)} refers to {shown(tail)}, not declared"
                    )
                    continue
                number += 1
                while f"R{number}" in found:
                    number += 1
                yield Relation(f"R{number}", label, head, tail)


def words_of(text: str, counting: object) -> list[tuple[int, int]]:
    """Return the range of each word: between single spaces (words may be empty), or between any white space."""
    if counting != _SPACES:
        return [match.span() for match in re.finditer(r"\S+", text)]
    ranges, at = [], 0
    for word in text.split(" "):
        ranges.append((at, at + len(word)))
        at += len(word) + 1
    return ranges


def _is_range(value: Mapping[str, Any], n_words: int) -> bool:
    first, last = value.get("start_ix"), value.get("end_ix")
    return type(first) is int and type(last) is int and 0 <= first <= last < n_words


def losses(document: Document) -> Iterator[Loss]:
    """Name what RadGraph has no place for; see the module's description."""
    own = _kept(document)
    words = [(start, end) for start, end in words_of(document.text, own.get("words")) if start < end]
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    there: set[str] = set()
    for entity in document.entities:
        if any(start < entity.end and end > entity.start for start, end in words):
            there.add(entity.id)
            if entity.start not in starts or entity.end not in ends:
                yield Loss(document.id, "entities", entity.id, "begins or ends inside a word: widened to whole words")
        else:
            yield Loss(document.id, "entities", entity.id, "left out: white space alone")
    for relation in document.relations:
        if not {relation.head, relation.tail} <= there:
            yield Loss(document.id, "relations", relation.id, "an end that is an event or is left out")
    places = {entity.id: n for n, entity in enumerate(document.entities)}
    heads = [places[relation.head] for relation in document.relations if relation.head in places]
    if heads != sorted(heads):
        yield Loss(document.id, "order", None, "relations are read back in the order of their heads")
    joining = () if _labeler(document) is None else ("labeler", "group")
    metadata = {key: value for key, value in document.metadata.items() if key not in joining}
    yield from unheld(replace(document, metadata=metadata), frozenset({"nesting", "relations"}), _NAME)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file, or under a folder one a split (`data_split`; `graphs.json` for documents without).

    Documents of one report must agree in text and split. A mention inside a word is written as that word.
    """
    outputs: dict[Path, dict[str, dict[str, Any]]] = {}
    for document in documents:
        own = _kept(document)
        file = path
        if not path.name.lower().endswith(SUFFIXES):
            split = own.get("data_split")
            file = path / (f"{split}.json" if split in _SPLITS else "graphs.json")
        _add(outputs.setdefault(file, {}), document, own)
    for file, records in outputs.items():
        body = ",\n".join(
            f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(record, ensure_ascii=False)}"
            for key, record in records.items()
        )
        write_file(file, f"{{\n{body}\n}}\n".encode())


def _add(records: dict[str, dict[str, Any]], document: Document, own: Mapping[str, Any]) -> None:
    labeler = _labeler(document)
    key = document.id if labeler is None else str(document.metadata["group"])
    rest = {k: v for k, v in own.items() if k not in ("words", "entities", "text") and not _LABELER.fullmatch(k)}
    record = records.setdefault(key, {"text": document.text})
    if record["text"] != document.text or any(record.get(k, v) != v for k, v in rest.items()):
        raise FormatError(f"documents of report {key!r} disagree in text or split; give them different groups")
    place = record if labeler is None else record.setdefault(labeler, {})
    if "entities" in place:
        raise FormatError(f"document id {document.id!r} is used twice; ids must be unique to be keys of the file")
    place["entities"] = _entities(document, own)
    record.update(rest)


def _entities(document: Document, own: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    words = words_of(document.text, own.get("words"))
    further = own.get("entities", {})
    found: dict[str, dict[str, Any]] = {}
    for entity in document.entities:
        inside = [n for n, (start, end) in enumerate(words) if start < entity.end and end > entity.start]
        if inside:
            found[entity.id] = {
                "tokens": " ".join(document.text[s:e] for s, e in words[inside[0] : inside[-1] + 1]),
                "label": entity.label,
                "start_ix": inside[0],
                "end_ix": inside[-1],
                "relations": [],
                **further.get(entity.id, {}),
            }
    for relation in document.relations:
        if relation.head in found and relation.tail in found:
            found[relation.head]["relations"].append([relation.label, relation.tail])
    return found


def _labeler(document: Document) -> str | None:
    """Return the labeler whose view of a report the document is, by the id and metadata that `stream` gives."""
    labeler, group = document.metadata.get("labeler"), document.metadata.get("group")
    fits = isinstance(labeler, str) and _LABELER.fullmatch(labeler) and document.id == f"{group}#{labeler}"
    return labeler if isinstance(labeler, str) and fits else None


def _kept(document: Document) -> Mapping[str, Any]:
    own = document.metadata.get(_NAME)
    return own if isinstance(own, Mapping) else {}
