"""Tokens that mentions touch, and entities measured token by token.

Documents have no tokens: they are found around each mention, so that the cost follows the mentions and not the text. A
token that a mention cuts belongs to it as a whole.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from medspan.scoring.counts import Rows
from medspan.scoring.facts import Mention
from medspan.scoring.matching import Extent

__all__ = ["WHITESPACE", "WORDS", "Tokenization", "count_tokens"]


@dataclass(frozen=True, slots=True)
class Tokenization:
    """What counts as a token: a pattern, and whether a character and the one before it belong to one token."""

    name: str
    pattern: re.Pattern[str]
    is_inside: Callable[[str], bool]

    def first(self, text: str, start: int) -> int:
        """Return the start of the token that covers `start`, or `start` where no token begins before it."""
        if self.is_inside(text[start]):
            while start and self.is_inside(text[start - 1]):
                start -= 1
        return start

    def starts(self, text: str, extent: Extent) -> tuple[int, ...]:
        """Return where the tokens begin that share a character with an extent, each once, in text order."""
        if len(extent) == 1:
            ((start, end),) = extent
            if start and text[start - 1] != " ":  # most mentions begin after a space, where no search is needed
                start = self.first(text, start)
            return tuple([found.start() for found in self.pattern.finditer(text, start, end)])
        found = {at for fragment in extent for at in self.starts(text, (fragment,))}
        return tuple(sorted(found))

    def covering(self, text: str, extent: Extent) -> tuple[int, int]:
        """Return the range from the first token to the end of the last, gaps included.

        A mention of nothing but white space has no token and stays as it is.
        """
        start, end = extent[0][0], extent[-1][1]
        starts = self.starts(text, ((start, end),))
        if not starts:
            return start, end
        last = self.pattern.match(text, starts[-1])
        assert last is not None
        return starts[0], last.end()


def _is_printed(character: str) -> bool:
    return not character.isspace()


def _is_in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


WHITESPACE = Tokenization("whitespace", re.compile(r"\S+"), _is_printed)  # as str.split() cuts
WORDS = Tokenization("words", re.compile(r"\w+|[^\w\s]"), _is_in_word)  # runs of letters and digits; single signs


def count_tokens(text: str, gold: Iterable[Mention], predicted: Iterable[Mention], tokenization: Tokenization) -> Rows:
    """Score the mentions of one document token by token; a row per label.

    An item is a label and a token that any mention of this label touches: duplicates and nested mentions of one label
    count a token once, and a token under two labels counts for each.
    """
    known: dict[Extent, tuple[int, ...]] = {}
    left, right = (_by_label(text, side, tokenization, known) for side in (gold, predicted))
    rows: Rows = {}
    for label in left.keys() | right.keys():
        a, b = left.get(label, set()), right.get(label, set())
        tp = len(a & b)
        rows[label] = [tp, len(b) - tp, len(a) - tp]
    return rows


def _by_label(
    text: str, mentions: Iterable[Mention], tokenization: Tokenization, known: dict[Extent, tuple[int, ...]]
) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for label, extent in mentions:
        starts = known.get(extent)
        if starts is None:
            starts = known[extent] = tokenization.starts(text, extent)
        found.setdefault(label, set()).update(starts)
    return found
