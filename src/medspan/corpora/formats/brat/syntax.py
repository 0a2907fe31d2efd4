"""The lines of an .ann file, read as they stand and not yet checked against each other or the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import lines

__all__ = ["Line", "NormLine", "Other", "Pairs", "SetLine", "TextBound", "Value", "parse"]

_ID = re.compile(r"[TREAMN][\w.-]+|\*.*")
_OFFSETS = re.compile(r"\d+ +\d+(?:; *\d+ +\d+)*")


@dataclass(frozen=True, slots=True)
class Line:
    """What all lines have: number in the file, the id before the first tab, and the line itself."""

    number: int
    id: str
    raw: str


@dataclass(frozen=True, slots=True)
class TextBound(Line):
    """`T1<TAB>Label 0 5;8 9<TAB>mention`, and the lines without a tab that follow, with their numbers.

    Such a line may be the rest of a mention that holds a line break, or nothing that belongs there: the text tells.
    """

    label: str
    offsets: tuple[tuple[int, int], ...]
    mention: str
    further: tuple[tuple[int, str], ...] = ()

    @property
    def joined(self) -> str:
        """The mention with the lines that follow."""
        return " ".join((self.mention, *(more for _, more in self.further)))


@dataclass(frozen=True, slots=True)
class Pairs(Line):
    """`R1<TAB>Label Arg1:T1 Arg2:T2`, or `E1<TAB>Label:T1 Role:T2`: for an event the first pair is its trigger."""

    label: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Value(Line):
    """`A1<TAB>Name T1 value`; a binary attribute has the value "true"."""

    name: str
    target: str
    value: str


@dataclass(frozen=True, slots=True)
class NormLine(Line):
    """`N1<TAB>Reference T1 UMLS:C0027051<TAB>name of the concept`."""

    kind: str
    target: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class SetLine(Line):
    """`*<TAB>Label T1 T2 T3`."""

    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other(Line):
    """A note (`#`) or a line of a kind not known here, kept as it is."""


def parse(content: str, problems: Problems) -> Iterator[Line]:
    """Yield the lines of an .ann file. A line that should be of a known kind and is not is skipped with a reason."""
    pending: TextBound | None = None
    for number, raw in enumerate(lines(content), start=1):
        if "\t" not in raw and pending is not None and raw.strip():
            pending = replace(pending, further=(*pending.further, (number, raw)))
            continue
        if pending is not None:
            if not raw.strip():
                continue
            yield pending
            pending = None
        if not raw.strip():
            continue
        line = _line(number, raw)
        if line is None:
            problems.skipped(number, f"not a readable {raw[0]} line")
        elif isinstance(line, TextBound):
            pending = line
        else:
            yield line
    if pending is not None:
        yield pending


def _line(number: int, raw: str) -> Line | None:
    columns = raw.split("\t", 2)
    if len(columns) < 2 or not _ID.fullmatch(columns[0]):
        return Other(number, columns[0], raw)
    name, rest = columns[0], columns[2] if len(columns) > 2 else ""
    words = columns[1].split()
    if not words:
        return None
    if raw[0] == "T":
        return _text_bound(number, raw, name, columns[1], rest)
    if raw[0] == "R" or raw[0] == "E":
        pairs = tuple(_pair(word) for word in (words[1:] if raw[0] == "R" else words))
        if not all(role and target for role, target in pairs) or not pairs:
            return None
        return Pairs(number, name, raw, words[0] if raw[0] == "R" else pairs[0][0], pairs)
    if raw[0] == "*":
        return SetLine(number, name, raw, words[0], tuple(words[1:])) if len(words) > 1 else None
    if len(words) < 2:
        return None
    if raw[0] == "N":
        return NormLine(number, name, raw, words[0], words[1], words[2], rest) if len(words) == 3 else None
    value = columns[1].split(maxsplit=2)[2].strip() if len(words) > 2 else "true"
    return Value(number, name, raw, words[0], words[1], value)


def _text_bound(number: int, raw: str, name: str, middle: str, mention: str) -> TextBound | None:
    label, *rest = middle.split(maxsplit=1)
    offsets = rest[0].strip() if rest else ""
    if not _OFFSETS.fullmatch(offsets):
        return None
    pairs = (part.split() for part in offsets.split(";"))
    return TextBound(number, name, raw, label, tuple((int(start), int(end)) for start, end in pairs), mention)


def _pair(word: str) -> tuple[str, str]:
    # The id has no colon; a role may (some schemas write prefixed roles).
    role, _, target = word.rpartition(":")
    return role, target
