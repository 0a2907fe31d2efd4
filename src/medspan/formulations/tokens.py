"""Characters to word pieces and back: the only place where a tokenizer is called.

Tokenizer files may carry truncation and padding settings; both are switched off here, or notes would be cut silently.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.alignment import align

__all__ = ["TextTokenizer", "Tokens"]

IntArray = npt.NDArray[np.int32]

_ODD_SPACE = re.compile(r"[^\S ]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The word pieces of one text, without special tokens: three arrays of shape (tokens,).

    Starts and ends never decrease, and `text[start:end]` is neither empty nor has white space at its edges. Pieces that
    are parts of one character share its range; no others overlap.
    """

    ids: IntArray
    starts: IntArray
    ends: IntArray

    def __len__(self) -> int:
        return len(self.ids)

    def between(self, start: int, end: int) -> "Tokens":
        """Return the pieces wholly inside the character range, with offsets relative to `start`."""
        first = int(np.searchsorted(self.starts, start, side="left"))
        last = int(np.searchsorted(self.ends, end, side="right"))
        part = slice(first, max(first, last))
        return Tokens(self.ids[part], self.starts[part] - np.int32(start), self.ends[part] - np.int32(start))


class TextTokenizer:
    """A fast tokenizer that returns code-point offsets and never truncates."""

    def __init__(self, backend: Any) -> None:
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        bare = backend.encode("a", add_special_tokens=False).ids
        full = backend.encode("a", add_special_tokens=True).ids
        if len(bare) == 0 or len(full) < len(bare):
            raise CheckpointError("the tokenizer gives no token for 'a'; is tokenizer.json complete?")
        at = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
        self.prefix: list[int] = full[:at]
        self.suffix: list[int] = full[at + len(bare) :]
        # Post-processors that trim offsets do it by settings that need not fit the rest of the file, and then lose
        # letters; `align` does it by the text.
        self._bare = type(backend).from_str(backend.to_str())
        self._bare.post_processor = None
        # A note that spells "[SEP]" or "</s>" has these letters, and must not end a row.
        self._bare.encode_special_tokens = True

    @classmethod
    def load(cls, path: Path) -> "TextTokenizer":
        """Read `tokenizer.json`, given as the file or its folder; raises CheckpointError where that fails."""
        from tokenizers import Tokenizer

        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise CheckpointError(f"{file.name} is missing in {path}: a fast tokenizer is needed")
        try:
            return cls(Tokenizer.from_file(str(file)))
        except CheckpointError:
            raise
        except Exception as error:  # the tokenizers package raises bare Exception
            raise CheckpointError(f"{file}: not a tokenizer file ({type(error).__name__})") from error

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` into `folder`."""
        self._backend.save(str(folder / "tokenizer.json"))

    @property
    def n_special(self) -> int:
        """Special tokens put around each row."""
        return len(self.prefix) + len(self.suffix)

    @property
    def vocabulary_size(self) -> int:
        """Rows of the word embedding, added tokens included."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenize texts, in order; pieces of nothing but white space are left out.

        Line breaks, tabs and all other white space are read as spaces, so that whatever the tokenizer makes of them,
        words beside them stay apart.
        """
        plain = [_ODD_SPACE.sub(" ", text) for text in texts]
        found = []
        for text, encoding in zip(plain, self._bare.encode_batch(plain, add_special_tokens=False), strict=True):
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
            kept, starts, ends = align(characters == 32, offsets[:, 0], offsets[:, 1])
            ids = np.array(encoding.ids, dtype=np.int32)[kept]
            found.append(Tokens(ids, np.ascontiguousarray(starts), np.ascontiguousarray(ends)))
        return found

    def pair(self, first: IntArray, second: IntArray) -> tuple[IntArray, IntArray | None, int]:
        """Return a row of two texts, given as ids: its ids, its segment ids, and where the second text begins.

        Special tokens are those that the tokenizer puts around and between two texts, or else those around one text
        with the last ones between. Segment ids are None where there is but one kind.
        """
        (before, between, after), (one, two) = self._around_pair
        ids = np.concatenate([before, first, between, second, after], dtype=np.int32)
        start = len(before) + len(first) + len(between)
        if one == two:
            return ids, None, start
        types = np.full(len(ids), one, np.int32)
        types[start:] = two
        return ids, types, start

    @cached_property
    def _around_pair(self) -> tuple[tuple[list[int], list[int], list[int]], tuple[int, int]]:
        """Special tokens before, between and after two texts, and the segment id of each text."""
        bare = self._backend.encode("a", add_special_tokens=False).ids
        both = self._backend.encode("a", "a", add_special_tokens=True)
        starts = [at for at in range(len(both.ids)) if both.ids[at : at + len(bare)] == bare]
        first, second = starts[0], starts[-1]
        parts = both.ids[:first], both.ids[first + len(bare) : second], both.ids[second + len(bare) :]
        if [*parts[0]] != self.prefix or not parts[1]:
            return (self.prefix, self.suffix, self.suffix), (0, 1)
        return parts, (both.type_ids[first], both.type_ids[second])

    def row(self, tokens: Tokens) -> IntArray:
        """Return the ids given to the encoder: special tokens around the pieces."""
        return np.concatenate(
            [np.array(self.prefix, np.int32), tokens.ids, np.array(self.suffix, np.int32)], dtype=np.int32
        )
