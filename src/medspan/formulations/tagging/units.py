"""Units: what gets a tag, words or word pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from medspan.formulations.tokens import Tokens

__all__ = ["Units", "units_of"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """The tagged units of a row, or of rows laid end to end: first and last token of each, (units,), inclusive.

    Units follow each other without gaps, and each is tagged by the state of its first token.
    """

    first: IntArray
    last: IntArray

    def __len__(self) -> int:
        return len(self.first)

    def of_tokens(self, tokens: IntArray) -> IntArray:
        """Return the unit that holds each token."""
        return np.searchsorted(self.first, tokens, side="right") - 1

    @classmethod
    def end_to_end(cls, parts: Sequence["Units"], n_tokens: Sequence[int]) -> "Units":
        """Lay the units of rows with so many tokens end to end."""
        offsets = np.cumsum([0, *n_tokens])
        empty = np.zeros(0, np.int64)
        return cls(
            np.concatenate([empty, *(part.first + at for part, at in zip(parts, offsets, strict=False))]),
            np.concatenate([empty, *(part.last + at for part, at in zip(parts, offsets, strict=False))]),
        )


def units_of(text: str, tokens: Tokens, pieces: Literal["first", "all"]) -> Units:
    """Return the units of a text: each piece, or the pieces of each word.

    A word is a run of letters or of digits; any other character is a word of its own. So "10mg" is two words, and
    no mention edge that a guide asks for falls inside one. Pieces that share a character stay together.
    """
    n = len(tokens)
    if pieces == "all" or n == 0:
        each = np.arange(n, dtype=np.int64)
        return Units(each, each)
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    begins = [0, *(at for at in range(1, n) if _is_edge(text, ends[at - 1], starts[at]))]
    bounds = [*begins, n]
    return Units(np.array(begins, dtype=np.int64), np.array([past - 1 for _, past in pairwise(bounds)], dtype=np.int64))


def _is_edge(text: str, end: int, start: int) -> bool:
    """Say whether a word begins at `start`, the piece before it ending at `end`."""
    if start != end:
        return start > end
    before, after = text[end - 1], text[start]
    return not ((before.isalpha() and after.isalpha()) or (before.isdigit() and after.isdigit()))
