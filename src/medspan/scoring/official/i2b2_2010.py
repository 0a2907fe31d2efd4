"""The rules of the 2010 i2b2/VA evaluation, from their description: the program itself was not at hand.

A concept is where it begins and ends in white-space tokens. A mention that cuts a token is widened to it, and a
discontinuous one to the range it covers, for the format holds nothing else. All matching is one to one: duplicates
beyond those of the other side are wrong, and inexact matches are as many as possible.

Relations are ordered pairs of spans under one of the challenge's labels. PIP, whose two problems mean the same in
either order, keeps the written order; `unordered` is the same measure without it. Pairs that no relation joins are not
counted. Assertions are looked at where gold has them: one on a span that gold does not hold is neither right nor wrong.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import Pair
from medspan.scoring.counts import Rows, Tally, add, count_equal, count_overlapping, tally
from medspan.scoring.facts import facts
from medspan.scoring.matching import Extent
from medspan.scoring.scorers import Counterpart, Measured, Path
from medspan.scoring.token_level import WHITESPACE

__all__ = ["I2B2_2010"]

ASSERTION = "assertion"
UNORDERED = "PIP"

TOKENS = (
    "spans are those of white-space tokens, a mention that cuts a token being widened to it and a discontinuous one to "
    "the range it covers; the clean measure compares characters and fragments"
)
ORDER = "; PIP keeps its written order, where the clean measure follows the schema's word on symmetry"


class Concept(NamedTuple):
    """A class and the tokens from first to last, as characters."""

    label: str
    extent: Extent


class Link(NamedTuple):
    """A relation label and its two ends, in order."""

    label: str
    head: Concept
    tail: Concept


@dataclass(frozen=True)
class Side:
    """What one document states in the terms of the challenge."""

    concepts: list[Concept]
    assertions: list[tuple[Concept, str]]
    links: list[Link]


def _side(document: Document) -> Side:
    stated = facts(document)
    known: dict[Extent, Extent] = {}

    def widened(extent: Extent) -> Extent:
        if extent not in known:
            known[extent] = (WHITESPACE.covering(document.text, extent),)
        return known[extent]

    return Side(
        [Concept(m.label, widened(m.extent)) for m in stated.entities],
        [
            (Concept(c.mention.label, widened(c.mention.extent)), value)
            for c in stated.carriers
            if not c.is_event
            for name, value in c.attributes
            if name == ASSERTION
        ],
        [
            Link(r.label, *(Concept(end.label, widened(end.extent)) for end in (r.head, r.tail)))
            for r in stated.relations
        ],
    )


def _unlabelled(concepts: Sequence[Concept]) -> list[Concept]:
    return [Concept("any", concept.extent) for concept in concepts]


def _in_order(link: Link) -> Link:
    if link.label == UNORDERED and link.tail < link.head:
        return Link(link.label, link.tail, link.head)
    return link


def _spans_only(link: Link) -> Link:
    return Link(link.label, Concept("", link.head.extent), Concept("", link.tail.extent))


def _links(gold: Sequence[Link], predicted: Sequence[Link]) -> Rows:
    return count_equal(gold, predicted, lambda link: link.label)


def _assertions(gold: Side, predicted: Side) -> Rows:
    """Count by value, on the concepts whose assertion gold gives."""
    left: dict[Concept, Counter[str]] = {}
    for concept, value in gold.assertions:
        left.setdefault(concept, Counter())[value] += 1
    right: dict[Concept, Counter[str]] = {concept: Counter() for concept in left}
    for concept, value in predicted.assertions:
        if concept in right:
            right[concept][value] += 1
    rows: Rows = {}
    for concept, wanted in left.items():
        found = right[concept]
        for value in wanted.keys() | found.keys():
            tp = min(wanted[value], found[value])
            add(rows, value, tp, found[value] - tp, wanted[value] - tp)
    return rows


@dataclass(frozen=True)
class I2b2Scorer2010:
    """Concepts, assertions and relations under the rules above. The challenge's own figure is exact span with class."""

    name: str = "i2b2-2010"
    headline: Path = ("entities", "strict")
    skips_missing: bool = False
    basis: str = "re-implemented from description"
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {
            ("entities", "strict"): Counterpart(("entities", "strict"), TOKENS),
            ("entities", "lenient"): Counterpart(("entities", "lenient"), TOKENS),
            ("entities", "span", "strict"): Counterpart(("entities", "span", "strict"), TOKENS),
            ("entities", "span", "lenient"): Counterpart(("entities", "span", "lenient"), TOKENS),
            ("relations", "end_to_end", "strict"): Counterpart(("relations", "end_to_end", "strict"), TOKENS + ORDER),
        }
    )

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count concepts always, assertions and relations where either side holds any; ignore a schema's symmetry."""
        sides = [(_side(pair.gold), _side(pair.predicted)) for pair in pairs]
        concepts = [(gold.concepts, predicted.concepts) for gold, predicted in sides]
        spans = [(_unlabelled(gold), _unlabelled(predicted)) for gold, predicted in concepts]
        tallies: dict[Path, Tally] = {}
        for path, mentions in ((("entities",), concepts), (("entities", "span"), spans)):
            tallies[*path, "strict"] = tally([count_equal(*side, lambda concept: concept.label) for side in mentions])
            tallies[*path, "lenient"] = tally([count_overlapping(*side, str) for side in mentions])
        if any(side.assertions for both in sides for side in both):
            tallies["attributes", ASSERTION, "gold_entities"] = tally([_assertions(*both) for both in sides])
        if any(side.links for both in sides for side in both):
            links = [(gold.links, predicted.links) for gold, predicted in sides]
            bare = [([*map(_spans_only, gold)], [*map(_spans_only, predicted)]) for gold, predicted in links]
            for name, given in (("spans", bare), ("end_to_end", links)):
                loose = [([*map(_in_order, gold)], [*map(_in_order, predicted)]) for gold, predicted in given]
                tallies["relations", name, "strict"] = tally([_links(*side) for side in given])
                tallies["relations", name, "unordered"] = tally([_links(*side) for side in loose])
        return Measured(tallies)


I2B2_2010 = I2b2Scorer2010()
