"""The clean measures of entities, relations and attributes.

Each measure takes the facts of gold and prediction for every document and gives a `Tally`. Matching is one to one,
as many pairs as possible, and ignores order. "strict" is the same label and the same fragments; "lenient" is the same
label and at least one shared character.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from medspan.scoring.counts import Rows, Tally, add, count_equal, count_overlapping, tally
from medspan.scoring.facts import Facts, Mention, RelationFact
from medspan.scoring.matching import Extent, maximum_matching, overlap_edges, overlaps

__all__ = [
    "FactPair",
    "accuracy_on_matched",
    "attributes",
    "entities",
    "gold_entity_relations",
    "relations",
    "spans",
    "touched",
]

FactPair: TypeAlias = tuple[Facts, Facts]  # gold, predicted: one document


def entities(pairs: Iterable[FactPair], mode: str) -> Tally:
    """Score mentions; a row per label. `mode` is "strict" or "lenient"."""
    return tally([_mentions(gold.entities, predicted.entities, mode) for gold, predicted in pairs])


def _mentions(gold: Iterable[Mention], predicted: Iterable[Mention], mode: str) -> Rows:
    if mode == "strict":
        return count_equal(gold, predicted, lambda mention: mention.label)
    return count_overlapping(gold, predicted, str)


def spans(pairs: Iterable[FactPair], mode: str) -> Tally:
    """Score mentions with labels ignored, in one row called "any"."""

    def unlabelled(facts: Facts) -> list[Mention]:
        return [Mention("any", m.extent) for m in facts.entities]

    return tally([_mentions(unlabelled(gold), unlabelled(predicted), mode) for gold, predicted in pairs])


def touched(pairs: Iterable[FactPair]) -> float:
    """Return the share of gold mentions that share a character with any prediction, whatever its label."""
    n_touched = n_gold = 0
    for gold, predicted in pairs:
        edges = overlap_edges([m.extent for m in gold.entities], [m.extent for m in predicted.entities])
        n_gold += len(edges)
        n_touched += sum(map(bool, edges))
    return n_touched / n_gold if n_gold else 0.0


def relations(pairs: Iterable[FactPair], mode: str, symmetric: Collection[str] = ()) -> Tally:
    """Score relations end to end: label, and label and place of both ends; a row per relation label.

    Ends of relations called in `symmetric` may be swapped. Lenient: both ends overlap their counterpart.
    """
    count = _strict_relations if mode == "strict" else _lenient_relations
    return tally([count(gold.relations, predicted.relations, symmetric) for gold, predicted in pairs])


def _canonical(relation: RelationFact, symmetric: Collection[str]) -> RelationFact:
    if relation.label in symmetric and relation.tail < relation.head:
        return RelationFact(relation.label, relation.tail, relation.head)
    return relation


def _strict_relations(
    gold: Iterable[RelationFact], predicted: Iterable[RelationFact], symmetric: Collection[str]
) -> Rows:
    return count_equal(
        (_canonical(r, symmetric) for r in gold),
        (_canonical(r, symmetric) for r in predicted),
        lambda relation: relation.label,
    )


def _lenient_relations(
    gold: Iterable[RelationFact], predicted: Iterable[RelationFact], symmetric: Collection[str]
) -> Rows:
    rows: Rows = {}
    gold_by_label, predicted_by_label = _by_label(gold), _by_label(predicted)
    for label in gold_by_label.keys() | predicted_by_label.keys():
        left, right = gold_by_label.get(label, []), predicted_by_label.get(label, [])
        edges = _relation_edges(left, right)
        if label in symmetric:
            swapped = _relation_edges(left, [RelationFact(r.label, r.tail, r.head) for r in right])
            edges = [sorted({*a, *b}) for a, b in zip(edges, swapped, strict=True)]
        tp = sum(j >= 0 for j in maximum_matching(edges, len(right)))
        add(rows, label, tp, len(right) - tp, len(left) - tp)
    return rows


def _by_label(items: Iterable[RelationFact]) -> dict[str, list[RelationFact]]:
    groups: dict[str, list[RelationFact]] = {}
    for relation in items:
        groups.setdefault(relation.label, []).append(relation)
    return groups


def _relation_edges(left: Sequence[RelationFact], right: Sequence[RelationFact]) -> list[list[int]]:
    candidates = overlap_edges([r.head.extent for r in left], [r.head.extent for r in right])
    return [
        [
            j
            for j in row
            if right[j].head.label == relation.head.label
            and right[j].tail.label == relation.tail.label
            and overlaps(relation.tail.extent, right[j].tail.extent)
        ]
        for relation, row in zip(left, candidates, strict=True)
    ]


def gold_entity_relations(pairs: Iterable[FactPair], symmetric: Collection[str] = ()) -> tuple[Tally, int, int]:
    """Score relations as if entities had been given: only pairs of mentions that both sides hold are looked at.

    A relation is kept when both of its ends (label and fragments) are mentions of the other side too. On predictions
    made from gold entities nothing falls out and this is the literature's gold-entity score. Returns the tally and
    how many gold and predicted relations fell out.
    """
    kept: list[Rows] = []
    out_of_gold = out_of_predicted = 0
    for gold, predicted in pairs:
        shared = _places(gold) & _places(predicted)
        gold_kept = [r for r in gold.relations if r.head in shared and r.tail in shared]
        predicted_kept = [r for r in predicted.relations if r.head in shared and r.tail in shared]
        out_of_gold += len(gold.relations) - len(gold_kept)
        out_of_predicted += len(predicted.relations) - len(predicted_kept)
        kept.append(_strict_relations(gold_kept, predicted_kept, symmetric))
    return tally(kept), out_of_gold, out_of_predicted


def _places(facts: Facts) -> set[Mention]:
    return set(facts.entities)


def attributes(pairs: Iterable[FactPair], mode: str, name: str) -> Tally:
    """Score one attribute end to end: its carrier matches and the value is equal; a row per value.

    A carrier is an entity, or an event at its trigger; the two never match each other.
    """
    documents: list[Rows] = []
    for gold, predicted in pairs:
        left, right = _values(gold, name), _values(predicted, name)
        if mode == "strict":
            documents.append(count_equal(left, right, lambda item: item[0][2]))
        else:
            documents.append(count_overlapping(left, right, lambda key: key[2]))
    return tally(documents)


def _values(facts: Facts, name: str) -> list[tuple[tuple[bool, str, str], Extent]]:
    return [
        ((carrier.is_event, carrier.mention.label, value), carrier.mention.extent)
        for carrier in facts.carriers
        for key, value in carrier.attributes
        if key == name
    ]


def accuracy_on_matched(pairs: Iterable[FactPair], name: str) -> float:
    """Return how often the attribute is right on strictly matched carriers, at least one of which has it.

    Duplicates are paired so that most values agree. 0 when no such carrier exists.
    """
    n_right = n_matched = 0
    for gold, predicted in pairs:
        left, right = _valued(gold, name), _valued(predicted, name)
        for carrier in left.keys() & right.keys():
            gold_values, predicted_values = left[carrier], right[carrier]
            agreeing = gold_values & predicted_values
            n_bare = agreeing.pop((), 0)
            n_right += agreeing.total()
            n_matched += min(gold_values.total(), predicted_values.total()) - n_bare
    return n_right / n_matched if n_matched else 0.0


def _valued(facts: Facts, name: str) -> dict[tuple[bool, Mention], Counter[tuple[str, ...]]]:
    """Count the values each carrier has, one tuple for each duplicate carrier; empty where it has none."""
    found: dict[tuple[bool, Mention], Counter[tuple[str, ...]]] = {}
    for carrier in facts.carriers:
        values = tuple(value for key, value in carrier.attributes if key == name)
        found.setdefault((carrier.is_event, carrier.mention), Counter())[values] += 1
    return found
