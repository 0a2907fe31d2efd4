"""PubTator: title and abstract joined by one space, mentions with codes, document-level relations between codes."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medspan.annotation import ConceptRelation, Document, Entity, Span
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files, lines, squeeze
from medspan.corpora.formats.targets import write_file
from medspan.errors import AnnotationError, FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".pubtator", ".pubtator.gz", ".pubtator.txt", ".pubtator.txt.gz", ".txt", ".txt.gz")
# An id holds no white space: what does is a passage out of place, and would stand in messages as an id.
_PASSAGE = re.compile(r"([^|\s]+)\|([ta])\|(.*)", re.DOTALL)


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file, gzipped or not, or a folder of them. Documents are separated by blank lines.

    A mention's sixth column is its code (composite mentions keep all, as written), the seventh, its parts, is kept in
    `metadata["pubtator"]`. Lines of a label and two codes become concept relations with what follows in `extra`.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    for number, block in _blocks(lines(decode(content, name))):
        match = _PASSAGE.match(block[0])
        problems.document = match[1] if match else name
        if match is None:
            problems.skipped(number, "a document must begin with ID|t|title")
            continue
        try:
            yield _document(match[1], number, block, problems)
        except AnnotationError as error:
            problems.skipped(number, str(error))


def _blocks(all_lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the first line, lines) of each document; a title line begins one even without blank line."""
    block: list[str] = []
    first = 1
    for number, line in enumerate(all_lines, start=1):
        match = _PASSAGE.match(line)
        if block and (not line.strip() or (match and match[2] == "t")):
            yield first, block
            block = []
        if line.strip():
            if not block:
                first = number
            block.append(line)
    if block:
        yield first, block


def _document(document_id: str, first: int, block: list[str], problems: Problems) -> Document:
    title = abstract = None
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(block, start=first):
        match = _PASSAGE.match(line)
        if match and match[2] == "t" and title is None:
            title = match[3]
        elif match and match[2] == "a" and abstract is None:
            abstract = match[3]
        elif "\t" in line:
            rows.append((number, line.split("\t")))
        else:
            problems.skipped(number, "neither a passage nor columns separated by tabs")
    title = title or ""
    text = title if abstract is None else f"{title} {abstract}"
    entities: list[Entity] = []
    relations: list[ConceptRelation] = []
    parts: dict[str, str] = {}
    for number, row in rows:
        if row[0] != document_id:
            problems.skipped(number, "the line belongs to another document")
        elif len(row) >= 5 and row[1].isdigit() and row[2].isdigit():
            _mention(number, row, text, entities, parts, problems)
        elif len(row) >= 4:
            relations.append(ConceptRelation(row[1], row[2], row[3], tuple(row[4:])))
        else:
            problems.skipped(number, f"{len(row)} columns are neither a mention nor a relation")
    metadata: dict[str, Any] = {"pubtator": {"title_end": len(title), **({"parts": parts} if parts else {})}}
    return Document(document_id, text, entities=tuple(entities), concept_relations=tuple(relations), metadata=metadata)


def _mention(
    number: int, row: list[str], text: str, entities: list[Entity], parts: dict[str, str], problems: Problems
) -> None:
    start, end = int(row[1]), int(row[2])
    if not start < end <= len(text):
        problems.skipped(number, f"mention {start} {end} is empty or outside the text of {len(text)}")
        return
    name = f"T{len(entities) + 1}"
    if squeeze(text[start:end]) != squeeze(row[3]):
        problems.kept(number, f"{name}: the stated mention differs from the text at {start}")
    entities.append(Entity(name, row[4], (Span(start, end),), code=row[5] if len(row) > 5 and row[5] else None))
    if len(row) > 6:
        parts[name] = "\t".join(row[6:])


def losses(document: Document) -> Iterator[Loss]:
    """Name relations between mentions, events, groups, attributes, gaps, and characters that cannot stand in a line."""
    if n := len(re.findall(r"[\t\r\n]", document.text)):
        yield Loss(document.id, "characters", None, f"{n} line ends and tabs become spaces")
    yield from unheld(document, {"codes", "nesting", "concept_relations"}, "pubtator")


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file.

    Line ends and tabs in a text are written as spaces, so that offsets stay. A discontinuous mention is written as
    its covering range.
    """
    out: list[str] = []
    for document in documents:
        if not document.id or re.search(r"[|\s]", document.id):
            raise FormatError(f"document id {document.id!r} cannot stand in a PubTator line; rename the document")
        out.extend(_block(document))
    write_file(path, "".join(f"{line}\n" for line in out).encode("utf-8"))


def _block(document: Document) -> Iterator[str]:
    text = re.sub(r"[\t\r\n]", " ", document.text)
    kept = document.metadata.get("pubtator", {})
    title_end = kept.get("title_end")
    if title_end is None:
        # The separator must be one white-space character of the text, or offsets would move.
        match = re.search(r"[\r\n]", document.text)
        title_end = match.start() if match else len(text)
    yield f"{document.id}|t|{text[:title_end]}"
    if len(text) > title_end:
        yield f"{document.id}|a|{text[title_end + 1 :]}"
    for entity in document.entities:
        part = kept.get("parts", {}).get(entity.id)
        columns = [document.id, str(entity.start), str(entity.end), text[entity.start : entity.end], entity.label]
        columns.extend([entity.code or ""] if entity.code or part is not None else [])
        columns.extend([part] if part is not None else [])
        yield "\t".join(columns)
    for relation in document.concept_relations:
        yield "\t".join([document.id, relation.label, relation.head_code, relation.tail_code, *relation.extra])
    yield ""
