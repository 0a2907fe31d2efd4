"""DDI corpus 2013: one XML file a document, sentences with drugs and all pairs of them, interacting or not.

Offsets count within a sentence and their ends are inclusive. A pair that interacts becomes a relation labelled by its
type; one that does not is left to be understood, and written again by `write`.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats.ddi.sentences import Sentence, joined, sentences_of
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import document_id, files, squeeze
from medspan.corpora.formats.targets import file_for
from medspan.corpora.formats.xml_safety import ParsedXml, parse
from medspan.corpora.formats.xml_text import legal, unwritable
from medspan.errors import AnnotationError, FormatError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["UNTYPED", "losses", "stream", "write"]

SUFFIXES = (".xml", ".xml.gz")
# The label of an interaction whose type the file does not give.
UNTYPED = "none"
_OFFSETS = re.compile(r"\d{1,9}-\d{1,9}(;\d{1,9}-\d{1,9})*")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every XML file of a folder or archive, or of one file.

    The text is the sentences, with a space between two where neither gives one; `metadata["ddi"]` keeps the id of
    the document and the ids and places of its sentences. Ids of entities and pairs are kept.
    """
    named = ((document_id(name, *SUFFIXES), (name, content)) for name, content in files(path, SUFFIXES))
    yield from read_singly(named, _document, problems)


def _document(file: tuple[str, bytes], problems: Problems) -> Document:
    name, content = file
    return _Reading(problems.document, parse(content, name), problems).document()


class _Reading:
    """One file on its way to a document."""

    def __init__(self, document_id: str, parsed: ParsedXml, problems: Problems) -> None:
        self.id = document_id
        self.root = parsed.root
        self.lines = parsed.lines
        self.problems = problems
        self.entities: dict[str, Entity] = {}
        self.relations: dict[str, Relation] = {}
        self.n_seen: Counter[str] = Counter()

    def document(self) -> Document:
        if self.root.tag != "document":
            raise FormatError(f"{self.id} line 1: the root is no <document> element; is this a file of the DDI corpus?")
        elements = [element for element in self.root if element.tag == "sentence"]
        text, places = joined([element.get("text") or "" for element in elements])
        sentences: list[Sentence] = []
        for element, (start, end) in zip(elements, places, strict=True):
            if element.get("text") is None:
                self.problems.kept(self.lines[element], f"sentence {len(sentences)} has no text")
            self._sentence(element, text[start:end], start)
            sentences.append({"id": element.get("id") or "", "start": start, "end": end})
        return Document(
            self.id,
            text,
            tuple(self.entities.values()),
            tuple(self.relations.values()),
            metadata={"ddi": {"id": self.root.get("id") or "", "sentences": sentences}},
        )

    def _sentence(self, sentence: "Element", text: str, origin: int) -> None:
        names: dict[str, str] = {}
        for element in sentence:
            if element.tag == "entity":
                self._entity(element, text, origin, names)
        for element in sentence:
            if element.tag == "pair":
                self._pair(element, names)

    def _entity(self, element: "Element", text: str, origin: int, names: dict[str, str]) -> None:
        line, given = self.lines[element], element.get("id") or ""
        shown = self._shown(element)
        offsets = element.get("charOffset") or ""
        if not _OFFSETS.fullmatch(offsets):
            self.problems.skipped(line, f"{shown}: charOffset is not like 3-8 or 3-8;12-15")
            return
        pairs = sorted((int(s), int(e) + 1) for s, e in (part.split("-") for part in offsets.split(";")))
        try:
            if pairs[-1][1] > len(text):
                raise AnnotationError(f"ends at {pairs[-1][1]}, past the end of its sentence, {len(text)}")
            spans = tuple(Span(start, end).shift(origin) for start, end in pairs)
            key = self._fresh(given or f"T{len(self.entities)}", line, is_new=not given)
            entity = Entity(key, element.get("type") or "", spans)
        except AnnotationError as error:
            self.problems.skipped(line, f"{shown}: {error}")
            return
        if not entity.label:
            self.problems.kept(line, f"{shown} has no type")
        found = " ".join(text[start:end] for start, end in pairs)
        if squeeze(found) != squeeze(element.get("text") or ""):
            self.problems.kept(line, f"{shown}: the stated mention differs from the text at {pairs[0][0]}")
        self.entities[key] = entity
        names.setdefault(given, key)

    def _pair(self, element: "Element", names: dict[str, str]) -> None:
        line = self.lines[element]
        shown = self._shown(element)
        if element.get("ddi") == "false":
            return
        if element.get("ddi") != "true":
            self.problems.skipped(line, f"{shown}: ddi is neither true nor false")
            return
        head, tail = names.get(element.get("e1") or ""), names.get(element.get("e2") or "")
        if head is None or tail is None:
            self.problems.skipped(line, f"{shown} refers to an entity that its sentence does not declare")
            return
        label = element.get("type")
        if not label:
            self.problems.kept(line, f"{shown} interacts, but no type says how: labelled {UNTYPED!r}")
        given = element.get("id") or ""
        key = self._fresh(given or f"R{len(self.relations)}", line, is_new=not given)
        self.relations[key] = Relation(key, label or UNTYPED, head, tail)

    def _shown(self, element: "Element") -> str:
        """Name an entity or pair by its place among all of its kind in the file, whether they are read or not."""
        self.n_seen[element.tag] += 1
        return f"{element.tag} {self.n_seen[element.tag] - 1}"

    def _fresh(self, given: str, line: int, *, is_new: bool) -> str:
        """Return the id, or a new one where the file has used it before."""
        key, n = given, 1
        while key in self.entities or key in self.relations:
            n += 1
            key = f"{given}_{n}"
        if n > 1 or is_new:
            self.problems.repaired(line, "an id is missing or used twice; a new one is given")
        return key


def losses(document: Document) -> Iterator[Loss]:
    """Name everything but mentions, with gaps and nested or not, and relations between them."""
    yield from unwritable(document)
    for relation in document.relations:
        if relation.head not in document.by_id or relation.tail not in document.by_id:
            yield Loss(document.id, "relations", relation.id, "no place for a relation whose end is an event")
        if not relation.label:
            yield Loss(document.id, "labels", relation.id, f"an empty label becomes {UNTYPED!r}")
    yield from unheld(document, {"gaps", "nesting", "relations"}, "ddi")


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder of one XML file a document, with all pairs of each sentence.

    A document that was not read from this format is cut into sentences at its line ends, but for those within a
    mention or between the ends of a relation. Ids are given anew, as the corpus forms them.
    """
    from xml.etree.ElementTree import ElementTree, indent

    for document in documents:
        root = _element(document)
        indent(root, "    ")
        with file_for(path, document.id, ".xml").open("wb") as file:
            ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)
            file.write(b"\n")


def _element(document: Document) -> "Element":
    from xml.etree.ElementTree import Element, SubElement

    sentences = sentences_of(document)
    kept = document.metadata.get("ddi")
    root_id = legal(str((kept.get("id") if isinstance(kept, dict) else "") or document.id))
    root = Element("document", {"id": root_id})
    starts = [sentence["start"] for sentence in sentences]
    inside: list[list[Entity]] = [[] for _ in sentences]
    homes: dict[str, int] = {}
    for entity in document.entities:
        homes[entity.id] = bisect_right(starts, entity.start) - 1
        inside[homes[entity.id]].append(entity)
    stated: list[list[Relation]] = [[] for _ in sentences]
    for relation in document.relations:
        if relation.head in homes and relation.tail in homes:
            stated[homes[relation.head]].append(relation)
    for n, sentence in enumerate(sentences):
        start, end = sentence["start"], sentence["end"]
        key = legal(sentence["id"]) or f"{root_id}.s{n}"
        element = SubElement(root, "sentence", {"id": key, "text": legal(document.text[start:end])})
        names = {entity.id: f"{key}.e{m}" for m, entity in enumerate(inside[n])}
        for entity in inside[n]:
            offsets = ";".join(f"{f.start - start}-{f.end - start - 1}" for f in entity.fragments)
            values = {"id": names[entity.id], "charOffset": offsets, "type": legal(entity.label)}
            SubElement(element, "entity", {**values, "text": legal(document.mention(entity))})
        for m, (head, tail, label) in enumerate(_pairs(list(names), stated[n])):
            values = {"id": f"{key}.p{m}", "e1": names[head], "e2": names[tail]}
            values["ddi"] = "false" if label is None else "true"
            if label is not None and label != UNTYPED:
                values["type"] = legal(label)
            SubElement(element, "pair", values)
    return root


def _pairs(names: Sequence[str], relations: Sequence[Relation]) -> Iterator[tuple[str, str, str | None]]:
    """Yield (head, tail, label or None) of all pairs, the stated ones in their given order.

    The corpus lists pairs by first, then second entity. Where the relations stand in another order, or two hold
    between the same entities, the stated ones still follow each other as they are given.
    """
    stated = iter(relations)
    left: dict[frozenset[str], int] = {}
    for relation in relations:
        key = frozenset((relation.head, relation.tail))
        left[key] = left.get(key, 0) + 1
    for n, first in enumerate(names):
        for second in names[n:]:
            key = frozenset((first, second))
            for _ in range(left.get(key, 0)):
                relation = next(stated)
                yield relation.head, relation.tail, relation.label
            if first != second and key not in left:
                yield first, second, None
