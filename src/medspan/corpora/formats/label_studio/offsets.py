"""Ways in which Label Studio has counted characters, and which of them a task uses.

Releases until late 2021 counted as JavaScript does, in UTF-16 code units, where an emoji takes two; later ones count
code points (HumanSignal/label-studio issues 1008 and 1559). Some count a line end of two characters as one. The
export does not say which, so the words that each region states decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from medspan.corpora.formats.sources import squeeze

__all__ = ["Counting", "Stated", "agrees", "counting_of"]

# Start, end and words of a region as the file states them; no words where it does not.
Stated = tuple[int, int, str | None]


@dataclass(frozen=True)
class Counting:
    """A way of counting: for each offset of the file the offset in code points, -1 inside a character."""

    name: str
    offsets: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the range in code points; None when it is empty, cuts a character or lies outside the text."""
        if not 0 <= start < end < len(self.offsets):
            return None
        found = self.offsets[start], self.offsets[end]
        return found if 0 <= found[0] < found[1] else None


def counting_of(text: str, stated: Sequence[Stated]) -> Counting:
    """Return the way of counting under which most regions hold the words they state; code points when in doubt."""
    ways = [Counting("code points", range(len(text) + 1))]
    wide, pairs = any(character > "\uffff" for character in text), "\r\n" in text
    if wide:
        ways.append(Counting("UTF-16 code units", _offsets(text, wide=True, pairs=False)))
    if pairs:
        ways.append(Counting("code points with line ends as one", _offsets(text, wide=False, pairs=True)))
    if wide and pairs:
        ways.append(Counting("UTF-16 code units with line ends as one", _offsets(text, wide=True, pairs=True)))
    if len(ways) == 1:
        return ways[0]
    return max(ways, key=lambda way: sum(agrees(text, way, region) for region in stated))


def agrees(text: str, way: Counting, region: Stated) -> bool:
    """Say whether a region lies in the text and holds the words it states, white space aside."""
    start, end, words = region
    span = way.span(start, end)
    if span is None:
        return False
    if words is None:
        return True
    found = squeeze(text[span[0] : span[1]])
    # Line ends inside a mention were written as a backslash and an n.
    return found in (squeeze(words), squeeze(words.replace("\\n", " ")))


def _offsets(text: str, *, wide: bool, pairs: bool) -> list[int]:
    found: list[int] = []
    for at, character in enumerate(text):
        if pairs and character == "\n" and at and text[at - 1] == "\r":
            continue
        found.append(at)
        if wide and character > "\uffff":
            found.append(-1)
    return [*found, len(text)]
