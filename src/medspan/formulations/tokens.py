"""Characters to word pieces and back: the only place where a tokenizer is called.

The package's tokenizer files may carry truncation and padding settings; both are switched off here, or notes would be
cut silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError

__all__ = ["TextTokenizer", "Tokens"]

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The word pieces of one text, without special tokens: three arrays of shape (tokens,)."""

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
        """Tokenize texts, in order; pieces that cover no character are left out."""
        found = []
        for encoding in self._backend.encode_batch(list(texts), add_special_tokens=False):
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            ids = np.array(encoding.ids, dtype=np.int32)
            real = offsets[:, 1] > offsets[:, 0]
            if not real.all():
                ids, offsets = ids[real], offsets[real]
            found.append(Tokens(ids, np.ascontiguousarray(offsets[:, 0]), np.ascontiguousarray(offsets[:, 1])))
        return found

    def row(self, tokens: Tokens) -> IntArray:
        """Return the ids given to the encoder: special tokens around the pieces."""
        return np.concatenate(
            [np.array(self.prefix, np.int32), tokens.ids, np.array(self.suffix, np.int32)], dtype=np.int32
        )
