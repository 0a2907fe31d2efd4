"""What kind of mistake each wrong mention and relation is.

An item is wrong when it has no strictly equal counterpart: a gold one is a false negative, a predicted one a false
positive of the strict measures. Every wrong item belongs to exactly one mistake, so the gold items of all mistakes
are the false negatives and the predicted ones the false positives.

Mentions are looked at in this order, each step taking what the steps before left over:

1. `label`: the same fragments under another label.
2. same label and a shared character: `boundary` where one gold mention stands for one predicted, `split` where
   several predicted ones stand for one gold, `merged` where one predicted one stands for several gold. Items are
   grouped into as few mistakes as possible, then by the most shared characters.
3. `boundary_and_label`: a shared character under another label, one to one.
4. `missed` for gold, `spurious` for predicted.

Fragments are compared as they are: a gap filled in is a boundary mistake, and text in a gap is not shared.

Relations likewise: `wrong_relation_label` where both ends are right, `wrong_argument` where the label and one end are
right, `relation_missed` and `relation_spurious` for the rest. An end is right when its label and fragments are, so a
relation that hangs on a mistaken mention is a `wrong_argument`, or two mistakes when both ends are. A relation in the
wrong direction has no end right.

Arguments of events are sorted like relations from the event at its trigger to the argument, labelled `event.role`:
`wrong_role` where trigger and argument are right, `wrong_argument` where the role and one of the two are.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from medspan.scoring.facts import EventFact, Mention, RelationFact
from medspan.scoring.mistakes.pairing import overlap_weights, pair_up, shared_characters, stars

__all__ = [
    "ARGUMENT_CATEGORIES",
    "ENTITY_CATEGORIES",
    "RELATION_CATEGORIES",
    "Mistake",
    "Sorted",
    "argument_mistakes",
    "entity_mistakes",
    "relation_mistakes",
]

ENTITY_CATEGORIES = {
    "boundary": "the right label, and a shared character, but other fragments",
    "label": "the right fragments under another label",
    "boundary_and_label": "a shared character, but another label and other fragments",
    "missed": "a gold mention without a counterpart",
    "spurious": "a predicted mention without a counterpart",
    "split": "one gold mention predicted as several of its label",
    "merged": "several gold mentions of one label predicted as one",
}
RELATION_CATEGORIES = {
    "wrong_argument": "the right label and one right end",
    "wrong_relation_label": "both ends right under another label",
    "relation_missed": "a gold relation without a counterpart",
    "relation_spurious": "a predicted relation without a counterpart",
}
ARGUMENT_CATEGORIES = {
    "wrong_argument": "the right role, and the right trigger or the right argument",
    "wrong_role": "trigger and argument right in another role",
    "argument_missed": "a gold argument without a counterpart",
    "argument_spurious": "a predicted argument without a counterpart",
}
_AS_ARGUMENT = dict(zip(RELATION_CATEGORIES, ARGUMENT_CATEGORIES, strict=True))

T = TypeVar("T", Mention, RelationFact)


@dataclass(frozen=True, slots=True)
class Mistake(Generic[T]):
    """One mistake: its category and the wrong items that it explains, in text order."""

    category: str
    gold: tuple[T, ...]
    predicted: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class Sorted(Generic[T]):
    """The items of one document that are right, and the mistakes that hold all others."""

    correct: tuple[T, ...]
    mistakes: tuple[Mistake[T], ...]


def entity_mistakes(gold: Iterable[Mention], predicted: Iterable[Mention]) -> Sorted[Mention]:
    """Sort the mentions of one document. Neither side's order matters."""
    correct, left, right = _apart(gold, predicted)
    found: list[Mistake[Mention]] = []
    left, right = _relabelled(left, right, found)
    left, right = _same_label(left, right, found)
    weights = overlap_weights([m.extent for m in left], [m.extent for m in right])
    _one_to_one("boundary_and_label", left, right, pair_up(weights, len(right)), found, ("missed", "spurious"))
    return Sorted(correct, _in_order(found))


def relation_mistakes(
    gold: Iterable[RelationFact], predicted: Iterable[RelationFact], symmetric: Collection[str] = ()
) -> Sorted[RelationFact]:
    """Sort the relations of one document; the ends of relations called in `symmetric` may be swapped."""
    correct, left, right = _apart(
        (_canonical(r, symmetric) for r in gold), (_canonical(r, symmetric) for r in predicted)
    )
    found: list[Mistake[RelationFact]] = []
    by_ends: dict[frozenset[Mention], list[int]] = {}
    for j, relation in enumerate(right):
        by_ends.setdefault(frozenset((relation.head, relation.tail)), []).append(j)
    weights = [
        {j: 1 for j in by_ends.get(frozenset((r.head, r.tail)), ()) if _same_ends(r, right[j], symmetric)} for r in left
    ]
    left, right = _one_to_one("wrong_relation_label", left, right, pair_up(weights, len(right)), found)
    by_end: dict[tuple[str, Mention], list[int]] = {}
    for j, relation in enumerate(right):
        for end in {relation.head, relation.tail}:
            by_end.setdefault((relation.label, end), []).append(j)
    weights = []
    for relation in left:
        near = {j for end in (relation.head, relation.tail) for j in by_end.get((relation.label, end), ())}
        fits = {j: _one_end(relation, right[j], symmetric) for j in near}
        weights.append({j: weight for j, weight in fits.items() if weight})
    rest = ("relation_missed", "relation_spurious")
    _one_to_one("wrong_argument", left, right, pair_up(weights, len(right)), found, rest)
    return Sorted(correct, _in_order(found))


def argument_mistakes(gold: Iterable[EventFact], predicted: Iterable[EventFact]) -> Sorted[RelationFact]:
    """Sort the arguments of the events of one document; which of several events at one trigger has one is the same."""
    found = relation_mistakes(_argument_facts(gold), _argument_facts(predicted))
    renamed = [replace(mistake, category=_AS_ARGUMENT[mistake.category]) for mistake in found.mistakes]
    return Sorted(found.correct, _in_order(renamed))


def _argument_facts(events: Iterable[EventFact]) -> list[RelationFact]:
    return [
        RelationFact(f"{event.label}.{argument.role}", Mention(event.label, event.trigger), argument.mention)
        for event in events
        for argument in event.arguments
    ]


def _apart(gold: Iterable[T], predicted: Iterable[T]) -> tuple[tuple[T, ...], list[T], list[T]]:
    """Take out what both sides hold, one to one; all three sorted."""
    n_gold, n_predicted = Counter(gold), Counter(predicted)
    both = n_gold & n_predicted
    return (
        tuple(sorted(both.elements())),
        sorted((n_gold - both).elements()),
        sorted((n_predicted - both).elements()),
    )


def _in_order(found: Iterable[Mistake[T]]) -> tuple[Mistake[T], ...]:
    return tuple(sorted(found, key=lambda mistake: (mistake.category, mistake.gold, mistake.predicted)))


def _one_to_one(
    category: str,
    left: Sequence[T],
    right: Sequence[T],
    partner: Sequence[int],
    found: list[Mistake[T]],
    rest: tuple[str, str] | None = None,
) -> tuple[list[T], list[T]]:
    """Record pairs as mistakes of one category; return what is left over, recorded too where `rest` names it."""
    found += [Mistake(category, (left[i],), (right[j],)) for i, j in enumerate(partner) if j >= 0]
    taken = {j for j in partner if j >= 0}
    gold = [item for i, item in enumerate(left) if partner[i] < 0]
    predicted = [item for j, item in enumerate(right) if j not in taken]
    if rest is not None:
        found += [Mistake(rest[0], (item,), ()) for item in gold]
        found += [Mistake(rest[1], (), (item,)) for item in predicted]
    return gold, predicted


def _relabelled(
    left: Sequence[Mention], right: Sequence[Mention], found: list[Mistake[Mention]]
) -> tuple[list[Mention], list[Mention]]:
    places: dict[object, list[int]] = {}
    for j, mention in enumerate(right):
        places.setdefault(mention.extent, []).append(j)
    # Both sides are sorted: of several labels at one place, the first in the alphabet are paired.
    partner = [row.pop(0) if (row := places.get(mention.extent)) else -1 for mention in left]
    return _one_to_one("label", left, right, partner, found)


def _same_label(
    left: Sequence[Mention], right: Sequence[Mention], found: list[Mistake[Mention]]
) -> tuple[list[Mention], list[Mention]]:
    rest: tuple[list[Mention], list[Mention]] = ([], [])
    for label in sorted({m.label for m in (*left, *right)}):
        gold, predicted = ([m for m in side if m.label == label] for side in (left, right))
        weights = overlap_weights([m.extent for m in gold], [m.extent for m in predicted])
        groups = stars(weights, len(predicted))
        for lefts, rights in groups:
            category = "split" if len(rights) > 1 else "merged" if len(lefts) > 1 else "boundary"
            found.append(Mistake(category, tuple(gold[i] for i in lefts), tuple(predicted[j] for j in rights)))
        for side, items, taken in (
            (rest[0], gold, {i for lefts, _ in groups for i in lefts}),
            (rest[1], predicted, {j for _, rights in groups for j in rights}),
        ):
            side += [item for i, item in enumerate(items) if i not in taken]
    return sorted(rest[0]), sorted(rest[1])


def _canonical(relation: RelationFact, symmetric: Collection[str]) -> RelationFact:
    if relation.label in symmetric and relation.tail < relation.head:
        return _swapped(relation)
    return relation


def _swapped(relation: RelationFact) -> RelationFact:
    return RelationFact(relation.label, relation.tail, relation.head)


def _same_ends(gold: RelationFact, predicted: RelationFact, symmetric: Collection[str]) -> bool:
    """Say whether two relations join the same mentions; direction counts unless one of the two labels has none."""
    if (gold.head, gold.tail) == (predicted.head, predicted.tail):
        return gold.label != predicted.label
    has_none = gold.label in symmetric or predicted.label in symmetric
    return has_none and (gold.head, gold.tail) == (predicted.tail, predicted.head)


def _one_end(gold: RelationFact, predicted: RelationFact, symmetric: Collection[str]) -> int:
    """Return 0 unless exactly one end is right, else 1 and the characters that the two other ends share."""
    ways = [predicted, _swapped(predicted)] if gold.label in symmetric else [predicted]
    best = 0
    for way in ways:
        if (gold.head == way.head) != (gold.tail == way.tail):
            others = (gold.tail, way.tail) if gold.head == way.head else (gold.head, way.head)
            best = max(best, 1 + shared_characters(others[0].extent, others[1].extent))
    return best
