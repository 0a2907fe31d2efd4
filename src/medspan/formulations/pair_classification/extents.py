"""Which tokens of a text a pair's row holds: those around both mentions that there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medspan.annotation import Document, Span
from medspan.formulations.mentions import Layout
from medspan.formulations.pair_classification.candidates import sentence_ranges
from medspan.formulations.tokens import Tokens

__all__ = ["Mention", "Pair", "Range", "locate", "passage", "two_sentences"]

Range = tuple[int, int]
"""Tokens from the first to before the second."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens of a mention, and of the sentences it stands in, all inclusive; no token: last < first."""

    first: int
    last: int
    begin: int
    end: int
    label: int


Pair = tuple[Mention, Mention]


def locate(document: Document, tokens: Tokens, breaks: Sequence[Span], layout: Layout) -> list[Mention]:
    """Find the tokens of every entity, gaps of discontinuous ones included; `breaks` are the sentences of the text."""
    found = []
    sentences = sentence_ranges(document, breaks).tolist()
    for entity, (first_break, last_break) in zip(document.entities, sentences, strict=True):
        first, last = _covering(tokens, entity.start, entity.end)
        begin, end = first, last
        if breaks:
            begin, end = _covering(tokens, breaks[first_break].start, breaks[last_break].end)
        label = layout.label_index.get(entity.label, -1)
        found.append(Mention(first, last, min(begin, first), max(end, last), label))
    return found


def passage(pair: Pair, room: int) -> list[Range]:
    """The text from the one's sentence to the other's, cut to `room` tokens; none where the mentions do not fit."""
    core = (min(m.first for m in pair), max(m.last for m in pair) + 1)
    whole = (min(m.begin for m in pair), max(m.end for m in pair) + 1)
    return [_trimmed(core, whole, room)] if core[1] - core[0] <= room else []


def two_sentences(pair: Pair, room: int) -> list[Range]:
    """The sentences of the head and of the tail, together cut to `room` tokens; none where the mentions do not fit."""
    cores = [(m.first, m.last + 1) for m in pair]
    wholes = [(m.begin, m.end + 1) for m in pair]
    needed = [core[1] - core[0] for core in cores]
    spare = room - sum(needed)
    if spare < 0:
        return []
    wanted = [whole[1] - whole[0] for whole in wholes]
    # Each may use half of what is spare, and what the other leaves of its half.
    first = min(wanted[0] - needed[0], max(spare // 2, spare - (wanted[1] - needed[1])))
    rooms = (needed[0] + first, room - needed[0] - first)
    return [_trimmed(*parts) for parts in zip(cores, wholes, rooms, strict=True)]


def _covering(tokens: Tokens, start: int, end: int) -> Range:
    """The first and last token that share a character with a range; the last comes before the first where none does."""
    first = int(np.searchsorted(tokens.ends, start, side="right"))
    return first, int(np.searchsorted(tokens.starts, end, side="left")) - 1


def _trimmed(core: Range, whole: Range, room: int) -> Range:
    """The longest part of `whole` around `core` with at most `room` tokens, as even on both sides as can be."""
    spare = room - (core[1] - core[0])
    left, right = core[0] - whole[0], whole[1] - core[1]
    after = min(right, max(spare - left, spare // 2))
    before = min(left, spare - after)
    return core[0] - before, core[1] + after
