"""PubTator: title and abstract joined by one space, mentions with codes, document-level relations between codes."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medspan.annotation import ConceptRelation, Document, Entity, Span
from medspan.corpora.formats.result import Problems, ReadResult
from medspan.corpora.formats.sources import decode, files, lines, squeeze
from medspan.corpora.formats.targets import write_file
from medspan.errors import AnnotationError, FormatError

__all__ = ["read", "write"]

SUFFIXES = (".pubtator", ".pubtator.gz", ".pubtator.txt", ".pubtator.txt.gz", ".txt", ".txt.gz")
_PASSAGE = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)


def read(path: Path) -> ReadResult:
    """Read a file, gzipped or not, or a folder of them. Documents are separated by blank lines.

    A mention's sixth column is its code (composite mentions keep all, as written), the seventh, its parts, is kept in
    `metadata["pubtator"]`. Lines of a label and two codes become concept relations with what follows in `extra`.
    """
    documents: list[Document] = []
    problems = Problems(path.name)
    for name, content in files(path, SUFFIXES):
        for first, block in _blocks(lines(decode(content, name))):
            match = _PASSAGE.match(block[0])
            found = Problems(match[1] if match else name)
            if match is None:
                found.skipped(first, "a document must begin with ID|t|title")
            else:
                try:
                    documents.append(_document(match[1], first, block, found))
                except AnnotationError as error:
                    found.skipped(first, str(error))
            problems.extend(found)
    if problems and not documents:
        raise FormatError(f"{path.name} line {problems[0].line}: no document was found: {problems[0].reason}")
    return ReadResult.of(documents, problems, path.name)


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


def write(documents: Iterable[Document], path: Path) -> dict[str, int]:
    """Write one file; returns counts of what PubTator has no place for.

    Line ends and tabs in a text are written as spaces, so that offsets stay. A discontinuous mention is written as
    its covering range. Relations between mentions, events, groups and attributes are left out.
    """
    left: dict[str, int] = {}

    def lose(kind: str, n: int) -> None:
        if n:
            left[kind] = left.get(kind, 0) + n

    out: list[str] = []
    for document in documents:
        if not document.id or re.search(r"[|\t\r\n]", document.id):
            raise FormatError(f"document id {document.id!r} cannot stand in a PubTator line; rename the document")
        out.extend(_block(document))
        lose("line ends and tabs", len(re.findall(r"[\t\r\n]", document.text)))
        lose("gaps in mentions", sum(len(e.fragments) > 1 for e in document.entities))
        lose("attributes", sum(len(e.attributes) for e in document.entities))
        for kind in ("relations", "events", "groups"):
            lose(kind, len(getattr(document, kind)))
    write_file(path, "".join(f"{line}\n" for line in out).encode("utf-8"))
    return left


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
