"""Relations between codes, which hold for a whole document."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from medspan.annotation import Document
from medspan.scoring.align import Pair
from medspan.scoring.counts import Rows, Tally, add, tally

__all__ = ["concept_relations"]


class ConceptFact(NamedTuple):
    """A label and the two codes it joins."""

    label: str
    head: str
    tail: str


def concept_relations(pairs: Iterable[Pair], symmetric: Collection[str] = ()) -> Tally:
    """Score the set of (label, head code, tail code) that each document states; a row per label.

    A fact is stated or not: saying it twice adds nothing. Codes of relations called in `symmetric` may be swapped.
    Further columns (`extra`) are not compared.
    """
    documents: list[Rows] = []
    for pair in pairs:
        gold, predicted = (_stated(document, symmetric) for document in (pair.gold, pair.predicted))
        rows: Rows = {}
        for fact in gold | predicted:
            is_gold, is_predicted = fact in gold, fact in predicted
            add(rows, fact.label, is_gold and is_predicted, is_predicted and not is_gold, is_gold and not is_predicted)
        documents.append(rows)
    return tally(documents)


def _stated(document: Document, symmetric: Collection[str]) -> set[ConceptFact]:
    found: set[ConceptFact] = set()
    for relation in document.concept_relations:
        ends = (relation.head_code, relation.tail_code)
        head, tail = sorted(ends) if relation.label in symmetric else ends
        found.add(ConceptFact(relation.label, head, tail))
    return found
