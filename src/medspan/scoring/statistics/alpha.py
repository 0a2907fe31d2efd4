"""Krippendorff's alpha over characters, for any number of annotators.

The unit is the character; gold texts of a hundred thousand characters are common, so characters are never visited
one by one: between two neighbouring ends of fragments nothing changes, and the whole run is counted at once.

With m annotators of a character, every ordered pair of their values adds 1 / (m - 1) to the coincidences. Alpha is
1 - D_o / D_e, where D_o is the share of coincidences whose values differ and D_e the same share if the n values were
paired at random:

    alpha = 1 - (n - 1) * O / (n ** 2 - sum of n_c ** 2)

with O the differing coincidences and n_c the number of times value c was given (Krippendorff, Content Analysis,
nominal data). It is 1 for perfect agreement and 0 for what chance gives. It is undefined (None) where only one value
was ever given: then nothing varied, and agreement cannot be told from carelessness.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, TypeAlias, TypeVar

from medspan.scoring.facts import Mention

__all__ = ["Coincidences", "Labels", "Pattern", "label_alphas", "marked_alpha", "runs", "set_alpha"]

V = TypeVar("V")
Labels: TypeAlias = frozenset[str]
Pattern: TypeAlias = tuple[Labels, ...]  # the labels that each annotator of a character gave it


def runs(n_characters: int, versions: Sequence[Sequence[Mention]]) -> Iterator[tuple[Pattern, int]]:
    """Cut a text at every end of a fragment; yield what each annotator gave a stretch, and its length.

    The lengths add up to `n_characters`. Gaps of discontinuous mentions carry no label. A character inside several
    mentions carries the set of their labels.
    """
    changes: dict[int, list[tuple[int, str, int]]] = {}
    for who, mentions in enumerate(versions):
        for mention in mentions:
            for start, end in mention.extent:
                changes.setdefault(start, []).append((who, mention.label, 1))
                changes.setdefault(end, []).append((who, mention.label, -1))
    depth: list[dict[str, int]] = [{} for _ in versions]
    values: list[Labels] = [frozenset() for _ in versions]
    before = 0
    for at in sorted(changes):
        if at > before:
            yield tuple(values), at - before
        before = at
        for who, label, step in changes[at]:
            depth[who][label] = depth[who].get(label, 0) + step
        for who in {who for who, _, _ in changes[at]}:
            values[who] = frozenset(label for label, n in depth[who].items() if n)
    if n_characters > before:
        yield tuple(values), n_characters - before


@dataclass
class Coincidences(Generic[V]):
    """What alpha is computed from: how often each value was given, and the coincidences of differing values.

    Exact: lengths and pair counts are whole numbers, kept by the number of annotators.
    """

    given: Counter[V] = field(default_factory=Counter)
    differing: Counter[int] = field(default_factory=Counter)  # annotators of a character -> differing ordered pairs

    def add(self, values: Mapping[V, int], n_characters: int) -> None:
        """Count characters to which each value was given by so many annotators; a lone annotator pairs with nobody."""
        m = sum(values.values())
        if m < 2:
            return
        for value, n in values.items():
            if n:
                self.given[value] += n * n_characters
        self.differing[m] += (m * m - sum(n * n for n in values.values())) * n_characters

    def alpha(self) -> float | None:
        """Return Krippendorff's alpha, or None where fewer than two values were given."""
        n = self.given.total()
        expected = n * n - sum(count * count for count in self.given.values())
        if not expected:
            return None
        observed = sum((Fraction(pairs, m - 1) for m, pairs in self.differing.items()), Fraction())
        return float(1 - (n - 1) * observed / expected)


def label_alphas(patterns: Mapping[Pattern, int]) -> dict[str, float | None]:
    """Return the alpha of each label: whether a character lies in a mention of it."""
    found: dict[str, Coincidences[bool]] = {}
    without: dict[str, Counter[int]] = {}  # label -> annotators of a character -> characters that nobody gave it to
    lengths: Counter[int] = Counter()
    for pattern, length in patterns.items():
        lengths[len(pattern)] += length
    for pattern, length in patterns.items():
        m = len(pattern)
        for label, n in Counter(label for value in pattern for label in value).items():
            found.setdefault(label, Coincidences()).add({True: n, False: m - n}, length)
            without.setdefault(label, lengths.copy())[m] -= length
    for label, one in found.items():
        for m, length in without[label].items():
            one.add({False: m}, length)
    return {label: found[label].alpha() for label in sorted(found)}


def marked_alpha(patterns: Mapping[Pattern, int]) -> float | None:
    """Return the alpha of lying in any mention."""
    found: Coincidences[bool] = Coincidences()
    for pattern, length in patterns.items():
        n = sum(map(bool, pattern))
        found.add({True: n, False: len(pattern) - n}, length)
    return found.alpha()


def set_alpha(patterns: Mapping[Pattern, int]) -> float | None:
    """Return the alpha of the sets of labels."""
    found: Coincidences[Labels] = Coincidences()
    for pattern, length in patterns.items():
        found.add(Counter(pattern), length)
    return found.alpha()
