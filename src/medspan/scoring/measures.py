"""The clean measures of entities, relations and attributes.

Each measure takes the facts of gold and prediction for one document and gives its rows. Matching is one to one, as
many pairs as possible, and ignores order. "strict" is the same label and the same fragments; "lenient" is the same
label and at least one shared character.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from medspan.scoring.counts import Rows, add, count_equal, count_overlapping
from medspan.scoring.facts import Facts, Mention, RelationFact
from medspan.scoring.matching import Extent, maximum_matching, most_overlapping, overlap_edges, overlaps

__all__ = [
    "attributes",
    "entities",
    "gold_entity_relations",
    "n_touched",
    "relations",
    "right_and_matched",
    "spans",
]


def entities(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score mentions; a row per label. `mode` is "strict" or "lenient"."""
    if mode == "strict":
        return count_equal(gold.entities, predicted.entities, _label)
    return count_overlapping(gold.entities, predicted.entities, str)


def _label(item: Mention | RelationFact) -> str:
    return item.label


def spans(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score mentions with labels ignored, in one row called "any"."""
    left, right = ([m.extent for m in side.entities] for side in (gold, predicted))
    if not left and not right:
        return {}
    tp = (Counter(left) & Counter(right)).total() if mode == "strict" else most_overlapping(left, right)
    return {"any": [tp, len(right) - tp, len(left) - tp]}


def n_touched(gold: Facts, predicted: Facts) -> int:
    """Return how many gold mentions share a character with any prediction, whatever its label."""
    places = {m.extent for m in predicted.entities}
    unequal = [m.extent for m in gold.entities if m.extent not in places]
    edges = overlap_edges(unequal, list(places)) if unequal and places else []
    return len(gold.entities) - len(unequal) + sum(map(bool, edges))


def relations(gold: Facts, predicted: Facts, mode: str, symmetric: Collection[str] = ()) -> Rows:
    """Score relations end to end: label, and label and place of both ends; a row per relation label.

    Ends of relations called in `symmetric` may be swapped. Lenient: both ends overlap their counterpart.
    """
    if not gold.relations and not predicted.relations:
        return {}
    count = _strict_relations if mode == "strict" else _lenient_relations
    return count(gold.relations, predicted.relations, symmetric)


def _canonical(relation: RelationFact, symmetric: Collection[str]) -> RelationFact:
    if relation.label in symmetric and relation.tail < relation.head:
        return RelationFact(relation.label, relation.tail, relation.head)
    return relation


def _strict_relations(
    gold: Iterable[RelationFact], predicted: Iterable[RelationFact], symmetric: Collection[str]
) -> Rows:
    if symmetric:
        gold, predicted = ([_canonical(r, symmetric) for r in side] for side in (gold, predicted))
    return count_equal(gold, predicted, _label)


def _lenient_relations(
    gold: Iterable[RelationFact], predicted: Iterable[RelationFact], symmetric: Collection[str]
) -> Rows:
    rows: Rows = {}
    gold_by_label, predicted_by_label = _by_label(gold), _by_label(predicted)
    for label in gold_by_label.keys() | predicted_by_label.keys():
        left, right = gold_by_label.get(label, []), predicted_by_label.get(label, [])
        tp = _most_relations(left, right, is_symmetric=label in symmetric) if left and right else 0
        add(rows, label, tp, len(right) - tp, len(left) - tp)
    return rows


def _by_label(items: Iterable[RelationFact]) -> dict[str, list[RelationFact]]:
    groups: dict[str, list[RelationFact]] = {}
    for relation in items:
        groups.setdefault(relation.label, []).append(relation)
    return groups


def _most_relations(left: Sequence[RelationFact], right: Sequence[RelationFact], *, is_symmetric: bool) -> int:
    if sorted(left) == sorted(right):
        return len(left)
    edges = _relation_edges(left, right)
    if is_symmetric:
        swapped = _relation_edges(left, [RelationFact(r.label, r.tail, r.head) for r in right])
        edges = [sorted({*a, *b}) for a, b in zip(edges, swapped, strict=True)]
    return sum(j >= 0 for j in maximum_matching(edges, len(right)))


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


def gold_entity_relations(gold: Facts, predicted: Facts, symmetric: Collection[str] = ()) -> tuple[Rows, int, int]:
    """Score relations as if entities had been given: only pairs of mentions that both sides hold are looked at.

    A relation is kept when both of its ends (label and fragments) are mentions of the other side too. On predictions
    made from gold entities nothing falls out and this is the literature's gold-entity score. Returns the rows and how
    many gold and predicted relations fell out.
    """
    if not gold.relations and not predicted.relations:
        return {}, 0, 0
    shared = set(gold.entities) & set(predicted.entities)
    left, right = ([r for r in side.relations if r.head in shared and r.tail in shared] for side in (gold, predicted))
    return (
        _strict_relations(left, right, symmetric),
        len(gold.relations) - len(left),
        len(predicted.relations) - len(right),
    )


def attributes(gold: Facts, predicted: Facts, mode: str, name: str) -> Rows:
    """Score one attribute end to end: its carrier matches and the value is equal; a row per value.

    A carrier is an entity, or an event at its trigger; the two never match each other.
    """
    left, right = _values(gold, name), _values(predicted, name)
    if mode == "strict":
        return count_equal(left, right, lambda item: item[0][2])
    return count_overlapping(left, right, lambda key: key[2])


def _values(facts: Facts, name: str) -> list[tuple[tuple[bool, str, str], Extent]]:
    return [
        ((carrier.is_event, carrier.mention.label, value), carrier.mention.extent)
        for carrier in facts.carriers
        for key, value in carrier.attributes
        if key == name
    ]


def right_and_matched(gold: Facts, predicted: Facts, name: str) -> tuple[int, int]:
    """Count strictly matched carriers at least one of which has the attribute: those where it is right, and all.

    Duplicates are paired so that most values agree.
    """
    n_right = n_matched = 0
    left, right = _valued(gold, name), _valued(predicted, name)
    for carrier in left.keys() & right.keys():
        gold_values, predicted_values = left[carrier], right[carrier]
        agreeing = gold_values & predicted_values
        n_bare = agreeing.pop((), 0)
        n_right += agreeing.total()
        n_matched += min(gold_values.total(), predicted_values.total()) - n_bare
    return n_right, n_matched


def _valued(facts: Facts, name: str) -> dict[tuple[bool, Mention], Counter[tuple[str, ...]]]:
    """Count the values each carrier has, one tuple for each duplicate carrier; empty where it has none."""
    found: dict[tuple[bool, Mention], Counter[tuple[str, ...]]] = {}
    for carrier in facts.carriers:
        values = tuple(value for key, value in carrier.attributes if key == name)
        found.setdefault((carrier.is_event, carrier.mention), Counter())[values] += 1
    return found
