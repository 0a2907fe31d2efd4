"""Which label was predicted where gold has which: a table over matched mentions, with "none" on both sides."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medspan.scoring.facts import Mention
from medspan.scoring.mistakes.pairing import shared_characters
from medspan.scoring.mistakes.sorting import Sorted

__all__ = ["NONE", "Confusion", "confusions"]

NONE = None  # stands for no mention; not a string, so that no label can be taken for it


@dataclass(frozen=True)
class Confusion:
    """Counts by (gold label or None, predicted label or None).

    Mentions are matched one to one, those with equal fragments before those that share characters, as `mistakes`
    describes. Of a split or merged mention the pair with the most shared characters counts as matched. A row sums up
    to the gold mentions of its label, a column to the predicted ones.
    """

    counts: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that either side uses, most frequent in gold first."""
        n_gold: Counter[str] = Counter()
        for (gold, predicted), n in self.counts.items():
            n_gold.update({label: n if label == gold else 0 for label in (gold, predicted) if label is not None})
        return tuple(sorted(n_gold, key=lambda label: (-n_gold[label], label)))

    def rows(self) -> list[list[int]]:
        """Return the table: a row per gold label, a column per predicted label, "none" last on both sides."""
        names = (*self.labels, NONE)
        return [[self.counts.get((gold, predicted), 0) for predicted in names] for gold in names]

    def to_dict(self) -> dict[str, Any]:
        """Return labels and rows as plain data; the last row and column stand for none."""
        return {"labels": list(self.labels), "rows": self.rows()}


def confusions(sorted_mentions: Sorted[Mention]) -> Counter[tuple[str | None, str | None]]:
    """Count the pairs of labels of one document."""
    found: Counter[tuple[str | None, str | None]] = Counter((m.label, m.label) for m in sorted_mentions.correct)
    for mistake in sorted_mentions.mistakes:
        gold, predicted = list(mistake.gold), list(mistake.predicted)
        if gold and predicted:
            pairs = [(g, p) for g in gold for p in predicted]
            g, p = min(pairs, key=lambda pair: (-shared_characters(pair[0].extent, pair[1].extent), pair))
            gold.remove(g)
            predicted.remove(p)
            found[g.label, p.label] += 1
        found.update((m.label, NONE) for m in gold)
        found.update((NONE, m.label) for m in predicted)
    return found
