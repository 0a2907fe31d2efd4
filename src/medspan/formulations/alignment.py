"""Word pieces to the characters they stand for: ranges that can be trusted, from what tokenizers say about offsets.

Families of tokenizers differ. Byte-level ones give a character's bytes to several pieces, and one piece may end in the
middle of a character; SentencePiece and some byte-level ones count the space before a word as part of it; normalizers
delete accents, zero-width and control characters, or merge them into a letter that then covers its first character
alone. After `align` every family gives the same: ranges in text order without white space at their edges, that leave
no other character out.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["align"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]


def align(is_space: BoolArray, starts: IntArray, ends: IntArray) -> tuple[BoolArray, IntArray, IntArray]:
    """Return which pieces to keep (pieces,), and the starts and ends of those kept.

    is_space: (characters,) of the text; starts, ends: (pieces,) as the tokenizer gives them, in order. White space at
    the edges of a piece is cut off; a piece of nothing else is not kept. Where pieces overlap, a character belongs to
    the first piece that ends with it, or is shared whole by pieces of the same range. Characters that no piece covers
    join the piece they follow without white space between, or else the one they lead to; those that stand alone
    between white space remain uncovered.
    """
    kept: BoolArray = ends > starts
    starts, ends = starts[kept], ends[kept]
    if len(starts) == 0:
        return kept, starts, ends
    if is_space[starts].any() or is_space[ends - 1].any():
        starts, ends = _without_space(is_space, starts, ends)
        solid = ends > starts
        kept[kept] = solid
        starts, ends = starts[solid], ends[solid]
    if (starts[1:] < ends[:-1]).any():
        starts, ends = _apart(starts, ends)
    n_solid = len(is_space) - np.count_nonzero(is_space)
    if int((ends - starts).sum()) != n_solid or (starts[1:] < ends[:-1]).any():
        starts, ends = _without_gaps(is_space, starts, ends)
    return kept, starts, ends


def _without_space(is_space: BoolArray, starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    places = np.arange(len(is_space), dtype=np.int32)
    next_solid = np.minimum.accumulate(np.where(is_space, np.int32(len(is_space)), places)[::-1])[::-1]
    last_solid = np.maximum.accumulate(np.where(is_space, np.int32(-1), places))
    return next_solid[starts], last_solid[ends - 1] + np.int32(1)


def _apart(starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    """Cut ranges so that any two are either the same or share no character."""
    starts, ends = np.maximum.accumulate(starts), np.maximum.accumulate(ends)
    # A piece ends where the next one that begins later begins.
    later = np.searchsorted(starts, starts, side="right")
    limits = np.append(starts, np.iinfo(np.int32).max)[later]
    ends = np.minimum(ends, limits)
    # Of pieces that begin together, a longer one begins where the shorter ones end.
    for number in np.flatnonzero((starts[1:] == starts[:-1]) & (ends[1:] > ends[:-1])) + 1:
        alike = min(
            int(np.searchsorted(starts, starts[number], side="right")),
            int(np.searchsorted(ends, ends[number], side="right")),
        )
        starts[number:alike] = ends[number - 1]
    return starts, ends


def _without_gaps(is_space: BoolArray, starts: IntArray, ends: IntArray) -> tuple[IntArray, IntArray]:
    edges = np.zeros(len(is_space) + 1, dtype=np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, ends, -1)
    is_left_out = (np.cumsum(edges[:-1]) == 0) & ~is_space
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], is_left_out, [False])).astype(np.int8)))
    starts, ends = starts.copy(), ends.copy()
    for start, end in bounds.reshape(-1, 2):
        first, past = np.searchsorted(ends, start, side="left"), np.searchsorted(ends, start, side="right")
        if first < past:
            ends[first:past] = end
        else:
            starts[np.searchsorted(starts, end, side="left") : np.searchsorted(starts, end, side="right")] = start
    return starts, ends
