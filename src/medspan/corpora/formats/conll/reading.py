"""Documents out of columns."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Document, Entity, Span
from medspan.corpora.formats.conll.tags import is_tag, mentions
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import lines
from medspan.errors import FormatError

__all__ = ["DOCUMENT_START", "GAP_LIMIT", "documents_of"]

DOCUMENT_START = "-DOCSTART-"
_START = re.compile(rf"{DOCUMENT_START}(?: \((.*)\))?")
# No word is that long; what is longer is another kind of file, and is not worth splitting.
_LINE_LIMIT = 1 << 16
# More than this between two tokens is no white space of a note but a wrong offset.
GAP_LIMIT = 1 << 16


@dataclass
class _Token:
    number: int
    word: str
    columns: Sequence[str]
    tag: str


@dataclass
class _Part:
    """The lines of one document: sentences, and how many blank lines follow each (the first place: come before)."""

    name: str | None = None
    whole: tuple[int, int] | None = None
    is_marked: bool = False
    sentences: list[list[_Token]] = field(default_factory=list)
    blanks: list[int] = field(default_factory=lambda: [0])


def documents_of(content: str, name: str, problems: Problems) -> Iterator[Document]:
    """Yield the documents of one file. Raises FormatError for a file in which no line ends in a tag."""
    owner = problems.document
    rows = lines(content)
    _check(rows, owner)
    parts = [part for part in _parts(rows, problems) if part.sentences or part.is_marked]
    for number, part in enumerate(parts, start=1):
        problems.document = part.name or (name if len(parts) == 1 else f"{name}-{number}")
        yield _document(part, problems)
    problems.document = owner


def _check(rows: Sequence[str], owner: str) -> None:
    if any(
        len(row) <= _LINE_LIMIT and (_START.match(row) or is_tag(_columns(row)[-1].strip()))
        for row in rows
        if row.strip()
    ):
        return
    if any(row.strip() for row in rows):
        raise FormatError(
            f"{owner} line 1: no line ends in a tag (O, B-LABEL, I-LABEL), after a token and a tab or space"
        )


def _columns(row: str) -> list[str]:
    return row.split("\t") if "\t" in row else row.split(" ")


def _parts(rows: Sequence[str], problems: Problems) -> Iterator[_Part]:
    part = _Part()
    is_open = False
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            part.blanks[-1] += 1
            is_open = False
            continue
        if len(row) > _LINE_LIMIT:
            problems.skipped(number, f"a line of {len(row)} characters")
            continue
        columns = _columns(row.rstrip(" ") if "\t" not in row else row)
        start = _START.fullmatch(columns[0] if "\t" in row else row) or _START.fullmatch(columns[0])
        if start:
            yield part
            part = _Part(start[1], _range(columns[1:3]), is_marked=True)
            is_open = False
            continue
        if not is_open:
            part.sentences.append([])
            part.blanks.append(0)
            is_open = True
        part.sentences[-1].append(_token(number, columns, problems))
    yield part


def _token(number: int, columns: list[str], problems: Problems) -> _Token:
    tag = columns[-1].strip() if len(columns) > 1 else ""
    if not tag:
        problems.repaired(number, "a token without tag is read as O")
    elif not is_tag(tag):
        problems.skipped(number, "the last column is no tag (O, B-LABEL, I-LABEL); the token is read as O")
    return _Token(number, columns[0], columns[1:-1], tag)


def _range(columns: Sequence[str]) -> tuple[int, int] | None:
    if len(columns) < 2 or not all(column.isdecimal() and len(column) < 12 for column in columns):
        return None
    start, end = int(columns[0]), int(columns[1])
    return (start, end) if start <= end else None


def _document(part: _Part, problems: Problems) -> Document:
    tokens = [token for sentence in part.sentences for token in sentence]
    placed = _offsets(tokens, part, problems)
    text, spans = _joined(part) if placed is None else _rebuilt(part, placed)
    entities: list[Entity] = []
    first = 0
    for sentence in part.sentences:

        def repaired(at: int, reason: str, sentence: Sequence[_Token] = sentence) -> None:
            problems.repaired(sentence[at].number, reason)

        for found in mentions([token.tag for token in sentence], repaired):
            start, end = spans[first + found.first][0], spans[first + found.last][1]
            if start < end:
                entities.append(Entity(f"T{len(entities) + 1}", found.label, (Span(start, end),)))
            else:
                problems.skipped(sentence[found.first].number, "a mention of no characters")
        first += len(sentence)
    return Document(problems.document, text, tuple(entities))


def _offsets(tokens: Sequence[_Token], part: _Part, problems: Problems) -> list[tuple[int, int]] | None:
    """Return the ranges of the tokens where the columns hold them; the first pair that fits all tokens counts."""
    if not tokens:
        return [] if part.whole and part.whole[1] <= GAP_LIMIT else None
    width = min(len(token.columns) for token in tokens)
    is_numeric = False
    for column in range(width - 1):
        found = [_range(token.columns[column : column + 2]) for token in tokens]
        ranges = [pair for pair in found if pair is not None]
        if len(ranges) < len(tokens):
            continue
        is_numeric = True
        fits = all(end - start == len(token.word) for token, (start, end) in zip(tokens, ranges, strict=True))
        edges = [0, *(edge for pair in ranges for edge in pair), *([part.whole[1]] if part.whole else [])]
        gaps = [after - before for before, after in zip(edges[::2], edges[1::2], strict=False)]
        if fits and all(0 <= gap <= GAP_LIMIT for gap in gaps[1:]) and gaps[0] >= 0:
            # A file may be a part of a note; what comes before its first token is not known.
            return ranges if gaps[0] <= GAP_LIMIT else None
    if is_numeric:
        problems.repaired(tokens[0].number, "columns of offsets that do not fit the tokens; the text is joined without")
    return None


def _joined(part: _Part) -> tuple[str, list[tuple[int, int]]]:
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for sentence in part.sentences:
        for number, token in enumerate(sentence):
            separator = "" if not pieces else " " if number else "\n"
            at += len(separator)
            pieces.extend((separator, token.word))
            spans.append((at, at + len(token.word)))
            at += len(token.word)
    return "".join(pieces), spans


def _rebuilt(part: _Part, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Put every token at its offsets; a blank line is a line end, what else lies between tokens is spaces."""
    pieces: list[str] = []
    at = 0
    placed = iter(spans)
    # The first blank line after a document's own line belongs to that line.
    n_ends = max(0, part.blanks[0] - part.is_marked)
    for sentence, blanks in zip(part.sentences, part.blanks[1:], strict=True):
        for token in sentence:
            start, end = next(placed)
            pieces.extend((_space(start - at, n_ends), token.word))
            at, n_ends = end, 0
        n_ends = blanks
    if part.whole:
        pieces.append(_space(part.whole[1] - at, n_ends))
    return "".join(pieces), spans


def _space(length: int, n_ends: int) -> str:
    n_ends = min(n_ends, length)
    return "\n" * n_ends + " " * (length - n_ends)
