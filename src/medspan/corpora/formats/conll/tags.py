"""Mentions out of a sequence of tags: BIO, IOBES or BILOU, with repairs where it is broken."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Mention", "is_tag", "mentions"]

_TAG = re.compile(r"([BIOESLU])-(.*\S)")
_BEGIN = {"B", "S", "U"}
_END = {"E", "L", "S", "U"}


@dataclass(slots=True)
class Mention:
    """Tokens `first` to `last`, both inclusive, of one label."""

    label: str
    first: int
    last: int


def is_tag(tag: str) -> bool:
    """Say whether a column holds a tag: O, or a letter, a hyphen and a label (which may hold hyphens)."""
    return tag == "O" or _TAG.fullmatch(tag) is not None


def mentions(tags: Sequence[str], repaired: Callable[[int, str], None]) -> list[Mention]:
    """Return the mentions of one sentence.

    A tag that continues nothing begins a mention, and so does one that continues a mention of another label; each
    such repair is told with the index of its token. Columns that hold no tag count as O.
    """
    found: list[Mention] = []
    is_open = False
    for at, tag in enumerate(tags):
        match = _TAG.fullmatch(tag)
        if match is None:
            is_open = False
            continue
        kind, label = match[1], match[2]
        if kind in _BEGIN:
            found.append(Mention(label, at, at))
        elif is_open and found[-1].label == label:
            found[-1].last = at
        else:
            reason = "continues a mention of another label" if is_open else "continues no mention"
            repaired(at, f"a tag {kind}- that {reason} begins one")
            found.append(Mention(label, at, at))
        is_open = kind not in _END
    return found
