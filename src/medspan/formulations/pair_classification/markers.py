"""Marker tokens: where a pair's mentions begin and end, written in pieces that the vocabulary has already.

No row is added to the word embedding: markers carry meaning from the start, a frozen backbone reads them as well as a
trained one, and exports stay as they are. Punctuation as markers, with the label in words between, is due to Zhou and
Chen (arXiv 2102.01373), who found it better than new tokens.
"""

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations.mentions import Layout
from medspan.formulations.tokens import TextTokenizer

__all__ = ["Markers"]

IntArray = npt.NDArray[np.int32]

_SYMBOLS = (*"@#$^*~|&%=+<>{}[]_\\`;:!?/\"'()-,.", *"qxzjkvwybgpfhudlcmitrsnoae")
"""Rare ones first; letters are for small vocabularies without punctuation."""

_FOREIGN = ("\ua66e", "\ue000", "\U0001f9ff")
"""Characters that vocabularies do not have: whatever they become is the unknown piece."""

_LONGEST_LABEL = 6
"""Pieces of a label's words that are kept."""


class Markers:
    """The markers of one head set, each a sequence of pieces whose first stands for it.

    start[side][label] and end[side]: int32 ids; side 0 is the head of a pair, 1 its tail. Start markers hold the
    label in words where `typed`. Raises CheckpointError for a tokenizer without five different symbols.
    """

    def __init__(self, tokenizer: TextTokenizer, layout: Layout, *, typed: bool) -> None:
        *edges, bar = _symbols(tokenizer, 5)
        head_start, head_end, tail_start, tail_end = edges
        words: list[list[int]] = [[] for _ in layout.labels]
        if typed:
            # The space before makes byte-level tokenizers take the words as they stand inside a text.
            named = tokenizer([f" {entity.verbalization}" for entity in layout.schema.entities])
            words = [[*pieces.ids[:_LONGEST_LABEL].tolist(), bar] for pieces in named]
        self.start = [[_ids(symbol, *label) for label in words] for symbol in (head_start, tail_start)]
        self.end = [_ids(head_end), _ids(tail_end)]


def _ids(*pieces: int) -> IntArray:
    return np.array(pieces, dtype=np.int32)


def _symbols(tokenizer: TextTokenizer, n: int) -> list[int]:
    unusable = {int(piece) for tokens in tokenizer(_FOREIGN) for piece in tokens.ids}
    found: list[int] = []
    for tokens in tokenizer(_SYMBOLS):
        piece = int(tokens.ids[-1]) if len(tokens) else -1
        if piece >= 0 and piece not in unusable:
            found.append(piece)
            unusable.add(piece)
        if len(found) == n:
            return found
    raise CheckpointError(f"the tokenizer knows {len(found)} symbols that can mark entities; {n} are needed")
