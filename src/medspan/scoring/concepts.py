"""Relations between codes, which hold for a whole document."""

from collections.abc import Collection

from medspan.scoring.counts import Rows, add
from medspan.scoring.facts import ConceptFact, Facts

__all__ = ["concept_relations"]


def concept_relations(gold: Facts, predicted: Facts, symmetric: Collection[str] = ()) -> Rows:
    """Score the set of (label, head code, tail code) that a document states; a row per label.

    A fact is stated or not: saying it twice adds nothing. Codes of relations called in `symmetric` may be swapped.
    Further columns (`extra`) are not compared.
    """
    left, right = (frozenset(_canonical(fact, symmetric) for fact in side.concepts) for side in (gold, predicted))
    rows: Rows = {}
    for fact in left | right:
        add(rows, fact.label, fact in left and fact in right, fact not in left, fact not in right)
    return rows


def _canonical(fact: ConceptFact, symmetric: Collection[str]) -> ConceptFact:
    if fact.label in symmetric and fact.tail < fact.head:
        return ConceptFact(fact.label, fact.tail, fact.head)
    return fact
