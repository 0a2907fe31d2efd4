r"""Between characters and (line, token): how i2b2 files of 2009, 2010 and 2012 point into a note.

Lines are split at \n alone and count from 1. Tokens are what `line.split()` gives, Unicode spaces included, count from
0, and the last one of a range belongs to it.
"""

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from medspan.annotation import Span
from medspan.errors import AnnotationError

__all__ = ["LineTokens", "Place"]

_TOKEN = re.compile(r"\S+")


class Place(NamedTuple):
    """The first and the last token of a range, each by line and number in it."""

    first_line: int
    first: int
    last_line: int
    last: int

    def __str__(self) -> str:
        return f"{self.first_line}:{self.first} {self.last_line}:{self.last}"


class LineTokens:
    """The token table of a text, made line by line when a line is asked for.

    `origin` is the character at which line 1 begins; what stands before it has no place, nor has a byte
    order mark that opens the text.
    """

    def __init__(self, text: str, origin: int = 0) -> None:
        self.text = text
        # str.split() would take the mark for part of the first word, which the organisers' files state without it.
        if text.startswith("\ufeff"):
            origin = max(origin, 1)
        self._starts = [origin]
        at = text.find("\n", origin)
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)
        self._tokens: dict[int, tuple[list[int], list[int]]] = {}

    def span(self, place: Place) -> Span:
        """Return the characters of a range; raises AnnotationError for a place that the text does not have."""
        start, _ = self._token(place.first_line, place.first)
        _, end = self._token(place.last_line, place.last)
        if end <= start:
            raise AnnotationError(f"the range {place} is reversed")
        return Span(start, end)

    def covering(self, span: Span) -> Place | None:
        """Return the smallest range with every token that shares a character with `span`; None without any."""
        first_line, last_line = self._line(span.start), self._line(span.end - 1)
        if last_line < 1:
            return None
        first_line = max(first_line, 1)
        first = bisect_right(self._table(first_line)[1], span.start)
        while first == len(self._table(first_line)[0]):
            first_line, first = first_line + 1, 0
            if first_line > last_line:
                return None
        last = bisect_left(self._table(last_line)[0], span.end) - 1
        while last < 0:
            last_line -= 1
            if last_line < first_line:
                return None
            last = len(self._table(last_line)[0]) - 1
        return Place(first_line, first, last_line, last) if (first_line, first) <= (last_line, last) else None

    def exact(self, span: Span) -> Place | None:
        """Return the range that is `span`; None when it begins or ends inside a token or white space."""
        place = self.covering(span)
        return place if place is not None and self.span(place) == span else None

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def _table(self, line: int) -> tuple[list[int], list[int]]:
        table = self._tokens.get(line)
        if table is None:
            start = self._starts[line - 1]
            end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
            matches = [match.span() for match in _TOKEN.finditer(self.text, start, end)]
            table = self._tokens[line] = ([s for s, _ in matches], [e for _, e in matches])
        return table

    def _token(self, line: int, token: int) -> tuple[int, int]:
        if not 1 <= line <= len(self._starts):
            raise AnnotationError(f"line {line} is not among the text's {len(self._starts)} lines")
        starts, ends = self._table(line)
        if not 0 <= token < len(starts):
            raise AnnotationError(f"token {token} is not among the {len(starts)} tokens of line {line}")
        return starts[token], ends[token]
