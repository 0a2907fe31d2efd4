"""Answers about links put together: both directions of symmetric links, and tails that no label's question found."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions import Layout, Outputs, SpanArray

__all__ = ["NewTails", "merge_directions", "with_new_tails"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NewTails:
    """Spans that answer questions about links and were no mentions before; all arrays are (answers, ...).

    heads: number of the mention asked about; columns: the link; first, last: in the windows laid end to end; labels;
    scores: probabilities of the link; values: attribute logits.
    """

    heads: IntArray
    columns: IntArray
    first: IntArray
    last: IntArray
    labels: IntArray
    scores: FloatArray
    values: FloatArray

    def __len__(self) -> int:
        return len(self.heads)

    @classmethod
    def joined(cls, parts: Sequence["NewTails"]) -> "NewTails":
        """Lay parts, at least one, end to end."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def only(self, chosen: npt.NDArray[np.bool_]) -> "NewTails":
        """Leave the answers chosen, (answers,)."""
        return NewTails(*(getattr(self, f.name)[chosen] for f in fields(self)))


def merge_directions(pairs: IntArray, scores: FloatArray, layout: Layout) -> FloatArray:
    """Give both directions of a symmetric link the mean of what either was answered.

    pairs: (pairs, 2), sorted; scores: (pairs, links), 0 where nothing was asked.
    """
    both = np.flatnonzero(layout.symmetric_links)
    if len(both) == 0 or len(pairs) == 0:
        return scores
    n = int(pairs.max()) + 1
    keys, turned = pairs[:, 0] * n + pairs[:, 1], pairs[:, 1] * n + pairs[:, 0]
    at = np.minimum(np.searchsorted(keys, turned), len(keys) - 1)
    other = np.where((keys[at] == turned)[:, None], scores[at][:, both], 0)
    found = scores.copy()
    found[:, both] = np.where(other > 0, (scores[:, both] + other) / 2, scores[:, both])
    return found


def with_new_tails(outputs: Outputs, new: NewTails, layout: Layout) -> Outputs:
    """Add new tails as mentions, scored as their best link, and the links that found them.

    One that overlaps a mention of its label that was found before, or a better new one, is another wording of that and
    left out.
    """
    chosen = _apart(outputs, new)
    if not chosen:
        return outputs
    first = np.concatenate([outputs.spans.first, new.first[chosen]])
    last = np.concatenate([outputs.spans.last, new.last[chosen]])
    labels = np.concatenate([outputs.labels, new.labels[chosen]])
    order = np.lexsort((labels, last, first))
    place = np.argsort(order)
    number = {_key(new, at): int(place[len(outputs.labels) + n]) for n, at in enumerate(chosen)}
    links: dict[tuple[int, int], FloatArray] = {
        (int(place[head]), int(place[tail])): scores.copy()
        for (head, tail), scores in zip(outputs.pairs, outputs.link_scores, strict=True)
    }
    for at in range(len(new)):
        tail = number.get(_key(new, at))
        if tail is None:
            continue
        head, column = int(place[new.heads[at]]), int(new.columns[at])
        for pair in [(head, tail), (tail, head)][: 2 if layout.symmetric_links[column] else 1]:
            scores = links.setdefault(pair, np.zeros(len(layout.links), np.float32))
            scores[column] = max(scores[column], new.scores[at])
    pairs = sorted(links)
    return Outputs(
        SpanArray(first[order], last[order]),
        labels[order],
        np.concatenate([outputs.scores, new.scores[chosen]])[order],
        np.concatenate([outputs.values, new.values[chosen]])[order],
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.stack([links[pair] for pair in pairs]),
    )


def _key(new: NewTails, at: int) -> tuple[int, int, int]:
    return int(new.first[at]), int(new.last[at]), int(new.labels[at])


def _apart(outputs: Outputs, new: NewTails) -> list[int]:
    """Numbers of the answers that become mentions, best first."""
    taken: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for first, last, label in zip(outputs.spans.first, outputs.spans.last, outputs.labels, strict=True):
        taken[int(label)].append((int(first), int(last)))
    chosen = []
    for at in np.lexsort((new.last, new.first, -new.scores)).tolist():
        first, last, label = _key(new, at)
        if all(last < other_first or other_last < first for other_first, other_last in taken[label]):
            taken[label].append((first, last))
            chosen.append(at)
    return chosen
