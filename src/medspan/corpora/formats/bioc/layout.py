"""Where the passages of a BioC document stand in one text, and what offsets into them mean.

Offsets count from the beginning of the document, in code points by our reading of the specification. Some tools count
bytes of UTF-8, units of UTF-16, or from the beginning of the passage; `Layout` can be made for each of these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from medspan.errors import AnnotationError

__all__ = ["UNITS", "Layout", "Segment", "Unit", "padding"]

# More characters than this between two passages are a mistake, or an attack on memory.
_GAP_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Unit:
    """A way to count: its name for messages, the length of a text in it, and the code points of a length."""

    name: str
    measure: Callable[[str], int]
    code_points: Callable[[str, int], int | None]
    is_relative: bool = False


def _from_code_points(text: str, length: int) -> int | None:
    return length if 0 <= length <= len(text) else None


def _from_bytes(text: str, length: int) -> int | None:
    return _prefix(text.encode("utf-8"), length, "utf-8")


def _from_utf16(text: str, length: int) -> int | None:
    return _prefix(text.encode("utf-16-le"), 2 * length, "utf-16-le")


def _prefix(encoded: bytes, length: int, encoding: str) -> int | None:
    if not 0 <= length <= len(encoded):
        return None
    try:
        return len(encoded[:length].decode(encoding))
    except UnicodeDecodeError:
        return None


UNITS = (
    Unit("code points", len, _from_code_points),
    Unit("UTF-8 bytes", lambda text: len(text.encode("utf-8")), _from_bytes),
    Unit("UTF-16 units", lambda text: len(text.encode("utf-16-le")) // 2, _from_utf16),
    Unit("code points within their passage or sentence", len, _from_code_points, is_relative=True),
)


@dataclass(slots=True)
class Segment:
    """A stretch of text at a stated offset; `start` is where it came to stand, in code points."""

    offset: int
    text: str
    start: int = 0

    @property
    def end(self) -> int:
        """One past the last code point."""
        return self.start + len(self.text)


def padding(length: int) -> str:
    """Return the white space that stands for what is not in the file: a line end, then spaces."""
    return "\n" + " " * (length - 1) if length > 0 else ""


@dataclass
class Layout:
    """Segments laid out in their order, with padding where offsets leave a gap.

    A segment that begins before the one ahead of it ends is put behind it on a new line; `n_moved` counts these. Raises
    AnnotationError for a gap of more than a million.
    """

    segments: Sequence[Segment]
    unit: Unit
    text: str = field(init=False)
    n_moved: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        parts: list[str] = []
        length = reached = 0
        for segment in self.segments:
            gap = segment.offset - reached
            if gap > _GAP_LIMIT:
                raise AnnotationError(f"a passage at {segment.offset} leaves a gap of {gap} characters")
            if gap < 0:
                self.n_moved += 1
                gap = 1
            parts.extend((padding(gap), segment.text))
            segment.start = length + gap
            length = segment.end
            reached = max(reached, segment.offset + self.unit.measure(segment.text))
        self.text = "".join(parts)

    def place(self, offset: int, length: int, home: Segment | None, base: int = 0) -> tuple[int, int] | None:
        """Return [start, end) in the text of a stated location; None where it is outside.

        `home` is the segment that the annotation belongs to, which decides where segments overlap; `base` is the stated
        offset that relative ones count from.
        """
        if self.unit.is_relative:
            offset += base
        start, end = self._position(offset, home), self._position(offset + length, home, is_end=True)
        return None if start is None or end is None else (start, end)

    def _position(self, offset: int, home: Segment | None, *, is_end: bool = False) -> int | None:
        for segment in ([home] if home is not None else []) + list(self.segments):
            within = offset - segment.offset
            size = self.unit.measure(segment.text)
            # An offset between two segments that touch is the end of the first and the start of the second.
            if (0 < within <= size) if is_end else (0 <= within < size):
                found = self.unit.code_points(segment.text, within)
                return None if found is None else segment.start + found
        before = [s for s in self.segments if s.offset + self.unit.measure(s.text) <= offset]
        last = max(before, key=lambda s: s.offset, default=None)
        behind = offset if last is None else last.end + offset - last.offset - self.unit.measure(last.text)
        return behind if 0 <= behind <= len(self.text) else None
