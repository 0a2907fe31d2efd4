"""Which pairs of a document's entities are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document, Span
from medspan.formulations.mentions import FRAGMENT, Layout
from medspan.formulations.pair_classification.options import Options

__all__ = ["Candidates", "candidates", "legal_links", "sentence_ranges"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Pairs of one document's entities, by their numbers in it; sorted by head, then tail.

    heads, tails: (pairs,). legal: (pairs, 1 + links); column 0 is "no link" and always legal, the others are the
    layout's links, of which at least one is.
    """

    heads: IntArray
    tails: IntArray
    legal: BoolArray

    def __len__(self) -> int:
        return len(self.heads)

    @cached_property
    def number_of(self) -> dict[tuple[int, int], int]:
        """The number of each pair."""
        return {pair: n for n, pair in enumerate(zip(self.heads.tolist(), self.tails.tolist(), strict=True))}


def sentence_ranges(document: Document, breaks: Sequence[Span]) -> IntArray:
    """The first and last sentence of each entity: (entities, 2). Between sentences counts as the one before."""
    starts = np.array([span.start for span in breaks], dtype=np.int64)
    ends = np.array([[e.start, e.end - 1] for e in document.entities], dtype=np.int64).reshape(-1, 2)
    return np.maximum(np.searchsorted(starts, ends, side="right") - 1, 0)


def legal_links(layout: Layout) -> BoolArray:
    """What may be given between which labels: `link_legal` without fragments, (labels, labels, links)."""
    legal = layout.link_legal.copy()
    if FRAGMENT in layout.link_index:
        legal[:, :, layout.link_index[FRAGMENT]] = False
    return legal


def candidates(document: Document, layout: Layout, options: Options, breaks: Sequence[Span]) -> Candidates:
    """Find the pairs that some link may join, at most `cutoff` sentences apart.

    Of symmetric links only the earlier mention is a head. `breaks` are the sentences of the text. Entities with labels
    outside the schema are in no pair. Each head keeps its `partners` nearest tails, so pairs grow linearly with the
    entities.
    """
    labels = np.array([layout.label_index.get(e.label, -1) for e in document.entities], dtype=np.int64)
    sentences = sentence_ranges(document, breaks)
    places = np.array([[e.start, e.end] for e in document.entities], dtype=np.int64).reshape(-1, 2)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[np.lexsort((places[:, 1], places[:, 0]))] = np.arange(len(labels))
    table = legal_links(layout)
    heads, tails, legal = [], [], []
    for head in np.flatnonzero(labels >= 0):
        near = _gap(sentences[head], sentences) <= options.cutoff
        near &= labels >= 0
        near[head] = False
        found = np.flatnonzero(near)
        links = table[labels[head], labels[found]]  # (found, links)
        links &= ~layout.symmetric_links | (rank[found] > rank[head])[:, None]
        may = links.any(axis=1)
        found, links = found[may], links[may]
        if len(found) > options.partners:
            nearest = np.argsort(_gap(places[head], places[found]), kind="stable")[: options.partners]
            nearest.sort()
            found, links = found[nearest], links[nearest]
        heads.append(np.full(len(found), head))
        tails.append(found)
        legal.append(links)
    all_links = np.concatenate([np.zeros((0, len(layout.links)), dtype=bool), *legal])
    return Candidates(
        np.concatenate([np.zeros(0, np.int64), *heads]),
        np.concatenate([np.zeros(0, np.int64), *tails]),
        np.concatenate([np.ones((len(all_links), 1), dtype=bool), all_links], axis=1),
    )


def _gap(one: IntArray, others: IntArray) -> IntArray:
    """How far a range (2,) lies from others (n, 2); 0 where they meet."""
    apart: IntArray = np.maximum(0, np.maximum(others[:, 0] - one[1], one[0] - others[:, 1]))
    return apart
