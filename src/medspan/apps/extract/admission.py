"""Which notes may enter a job: each id once, and only ids that the outputs can hold."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document, Quarantine

__all__ = ["SeenIds", "admit"]

LONGEST_NAME = 240
"""Bytes of one part of a file name, with room for a suffix; file systems allow 255."""


class SeenIds:
    """A set of ids that takes 8 bytes each: millions of notes cost megabytes."""

    def __init__(self, block: int = 65_536) -> None:
        self._block = block
        self._recent: set[int] = set()
        self._sorted: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)

    def add(self, note_id: str) -> bool:
        """Remember an id; returns whether it is new."""
        key = int.from_bytes(blake2b(note_id.encode("utf-8"), digest_size=8).digest(), "big")
        if key in self._recent or self._holds(key):
            return False
        self._recent.add(key)
        if len(self._recent) >= self._block:
            recent = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
            self._sorted = np.concatenate([self._sorted, recent])
            self._sorted.sort()
            self._recent.clear()
        return True

    def _holds(self, key: int) -> bool:
        at = int(np.searchsorted(self._sorted, np.uint64(key))) if len(self._sorted) else 0
        return at < len(self._sorted) and int(self._sorted[at]) == key


def admit(items: Iterable[Document | Quarantine], *, as_files: bool) -> Iterator[Document | Quarantine]:
    """Pass notes on, with those set aside whose id is used twice or fits no output.

    `as_files`: whether ids become file names, as brat's do.
    """
    seen = SeenIds()
    for item in items:
        if isinstance(item, Quarantine):
            yield item
            continue
        reason = _refusal(item.id, as_files)
        if reason is None and not seen.add(item.id):
            reason = "an earlier note has this id; rename one, or give both inputs as one folder"
        yield item if reason is None else Quarantine(item.id, reason)


def _refusal(note_id: str, as_files: bool) -> str | None:
    try:
        note_id.encode("utf-8")
    except UnicodeEncodeError:
        return "the id is not valid Unicode; give the file another name"
    if not as_files:
        return None
    path = PurePosixPath(note_id)
    is_safe = not path.is_absolute() and ".." not in path.parts and path.as_posix() == note_id and note_id != "."
    if not is_safe or "\\" in note_id or "\0" in note_id:
        return "the id cannot be a file name, which --to brat needs; rename the note"
    if max(len(part.encode("utf-8")) for part in path.parts) > LONGEST_NAME:
        return f"the id is longer than {LONGEST_NAME} bytes, too long for a file name, which --to brat needs"
    return None
