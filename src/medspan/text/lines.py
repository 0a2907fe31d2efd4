"""Lines of a note joined to running texts: which line breaks merely wrap a sentence, and which end it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from medspan.text.words import COUNTED, NEVER_LAST, UNFINISHED

__all__ = ["running_texts"]

# A wrapped line has at least this many characters, and at most that many; others are broken on purpose.
_MIN_WRAP, _MAX_WRAP = 60, 132
_MAX_HEADER = 60

_BULLET = re.compile(r"[-–+*•·▪◦‣●○■□➢✓#]+\s*+(?=[^\W\d]|[\[(<\"'~])|[-–+*•·▪◦‣●○■□➢✓]\s+\S|#\s?\d")
_NUMBER = re.compile(r"\(?\d{1,2}(?:[.)](?![\d.)])|\.\))")
_LETTER = re.compile(r"\(?[A-Za-z]\)\s|[a-h]\.\s|\(?[ivxIVX]{1,4}\)\s|[IVX]{1,4}\.\s")
_RULE = re.compile(r"[-=*_~#.+|\s]{4,}+$")
_LABEL = re.compile(r"([A-Za-z][^\W_]*+(?:[ /&,'()\-]+[^\W_]++){0,5}+[)\s]{0,2}):(?=\s|$)")
_CLOSERS = "\"'”’)]»"
_TERMINALS = ".!?。！？؟।"


@dataclass(slots=True)
class _Line:
    start: int  # of the stripped line, in the text
    text: str  # stripped
    width: int  # with indentation, as wrapping counts it


class _Wrap(NamedTuple):
    """How a paragraph is set: where its lines wrap, and whether most lines without a final stop are full."""

    width: int
    is_filled: bool


def running_texts(text: str) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of the pieces of text between line breaks that end a sentence; none is blank.

    The breaks inside a piece merely wrap: they are white space. Everything `str.splitlines` splits at is a break.
    """
    for paragraph in _paragraphs(text):
        wrap = _wrap_of(paragraph)
        first = previous = paragraph[0]
        for line in paragraph[1:]:
            if _goes_on(first, previous, line, wrap):
                previous = line
                continue
            yield first.start, previous.start + len(previous.text)
            first = previous = line
        yield first.start, previous.start + len(previous.text)


def _paragraphs(text: str) -> Iterator[list[_Line]]:
    paragraph: list[_Line] = []
    position = 0
    for raw in text.splitlines(keepends=True):
        stripped = raw.strip()
        if stripped:
            indent = len(raw) - len(raw.lstrip())
            paragraph.append(_Line(position + indent, stripped, indent + len(stripped)))
        elif paragraph:
            yield paragraph
            paragraph = []
        position += len(raw)
    if paragraph:
        yield paragraph


def _goes_on(first: _Line, previous: _Line, line: _Line, wrap: _Wrap) -> bool:
    """Say whether `line` continues the sentence of `previous`, in a running text that began with `first`."""
    before, after = previous.text, line.text
    if _has_open_placeholder(before):
        return True
    if before[-1] == ":" or _is_rule(before) or _is_rule(after):
        return False
    if previous is first and _is_capitals_header(before):
        return False
    is_wrapped = _is_full(previous, line, wrap.width) and (wrap.is_filled or not after[0].isupper())
    is_unfinished = is_wrapped and before[-1] not in _TERMINALS
    last_word = before.rsplit(None, 1)[-1].lstrip("([\"'")
    if _starts_item(after, last_word) or _starts_section(after, is_unfinished):
        return False
    if before.rstrip(_CLOSERS)[-1:] in _TERMINALS:
        # Wrapped text: whether the stop ends a sentence is decided as if on one line.
        return is_wrapped or after[0].islower() or last_word.casefold() in NEVER_LAST
    if is_wrapped or before[-1] == "," or last_word in UNFINISHED:
        return True
    # A short line before a small letter: running text in a narrow column, or a list written in small letters.
    return after[0].islower() and not first.text[0].islower()


def _has_open_placeholder(line: str) -> bool:
    return line.rfind("[**") > line.rfind("**]")


def _wrap_of(paragraph: list[_Line]) -> _Wrap:
    width = min(_MAX_WRAP, max(line.width for line in paragraph))
    breaks = [_is_full(a, b, width) for a, b in pairwise(paragraph) if a.text[-1] not in ".!?:"]
    return _Wrap(width, 2 * sum(breaks) > len(breaks))


def _is_full(previous: _Line, line: _Line, width: int) -> bool:
    """Say whether the first word of `line` would not have fitted on the previous line."""
    if not _MIN_WRAP <= previous.width <= _MAX_WRAP:
        return False
    return previous.width + 1 + len(line.text.split(None, 1)[0]) > width


def _is_rule(line: str) -> bool:
    return not line[0].isalnum() and _RULE.match(line) is not None


def _is_capitals_header(line: str) -> bool:
    return len(line) <= _MAX_HEADER and line.isupper() and line[-1] not in ".,;" and sum(map(str.isalpha, line)) > 2


def _starts_item(line: str, last_word: str) -> bool:
    if line[:5].isalpha():
        return False  # most lines: spare them the patterns
    if _NUMBER.match(line):
        return last_word not in COUNTED and last_word not in UNFINISHED  # "a hemoglobin of / 12. He"
    return bool(_BULLET.match(line) or _LETTER.match(line))


def _starts_section(line: str, is_unfinished: bool) -> bool:
    """Say whether a line opens with a label ("Allergies: none") or is a header in capitals."""
    label = _LABEL.match(line) if ":" in line else None
    if label:
        words = label[1].split()
        if label[1].isupper() or len(words) == 1:
            return not is_unfinished or label[1][0].isupper()
        return line[0].isupper() and (not is_unfinished or len(words) <= 4)
    return _is_capitals_header(line) and (not is_unfinished or (" " in line and len(line) > 8))
