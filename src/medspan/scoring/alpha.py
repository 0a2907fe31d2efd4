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

__all__ = ["Coincidences", "Labels", "Run", "count_labels", "count_sets", "runs"]

V = TypeVar("V")
Labels: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters that each annotator treats alike, and the labels that each gives them."""

    length: int
    values: tuple[Labels, ...]


def runs(n_characters: int, versions: Sequence[Sequence[Mention]]) -> Iterator[Run]:
    """Cut a text of `n_characters` at every end of a fragment; the lengths add up to the text's.

    Gaps of discontinuous mentions carry no label. A character inside several mentions carries the set of their labels.
    """
    changes: dict[int, list[tuple[int, str, int]]] = {}
    for who, mentions in enumerate(versions):
        for mention in mentions:
            for start, end in mention.extent:
                changes.setdefault(start, []).append((who, mention.label, 1))
                changes.setdefault(end, []).append((who, mention.label, -1))
    depth: list[Counter[str]] = [Counter() for _ in versions]
    values: list[Labels] = [frozenset() for _ in versions]
    before = 0
    for at in sorted(changes):
        if at > before:
            yield Run(at - before, tuple(values))
        before = at
        for who, label, step in changes[at]:
            depth[who][label] += step
        for who in {who for who, _, _ in changes[at]}:
            values[who] = frozenset(label for label, n in depth[who].items() if n)
    if n_characters > before:
        yield Run(n_characters - before, tuple(values))


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


def count_sets(found: Sequence[Run]) -> Iterator[tuple[Counter[Labels], int]]:
    """Yield the label sets that each run was given, and its length."""
    for run in found:
        yield Counter(run.values), run.length


def count_labels(found: Sequence[Run], labels: Sequence[str]) -> Iterator[tuple[str, Counter[bool], int]]:
    """Yield for each label whether the characters of a run were given it, by how many annotators, and its length.

    Runs where nobody gives a label come as one.
    """
    total = sum(run.length for run in found)
    used: Counter[str] = Counter()
    for run in found:
        m = len(run.values)
        for label, n in Counter(label for value in run.values for label in value).items():
            used[label] += run.length
            yield label, Counter({True: n, False: m - n}), run.length
    if found:
        for label in labels:
            yield label, Counter({False: len(found[0].values)}), total - used[label]
