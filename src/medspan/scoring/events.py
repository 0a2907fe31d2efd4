"""The clean measures of events in one document: triggers, arguments, arguments by role, and values.

`arguments` and `values` count only inside aligned events. Events are aligned one to one among those of one label
whose triggers match, and so that the most arguments (or values) match: with several events at one trigger, the
alignment never depends on their order.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from medspan.scoring.counts import Rows, add, count_equal, count_overlapping
from medspan.scoring.facts import ArgumentFact, EventFact, Facts
from medspan.scoring.matching import Extent, best_assignment, components, overlap_edges

__all__ = ["arguments", "arguments_by_role", "triggers", "values"]

K = TypeVar("K", bound=Hashable)
# How many parts of two events match, by row.
Agreement: TypeAlias = Callable[[EventFact, EventFact], dict[str, int]]


def triggers(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score events by label and trigger; a row per event label. Two events at one trigger count twice."""
    left, right = ([(e.label, e.trigger) for e in side.events] for side in (gold, predicted))
    if mode == "strict":
        return count_equal(left, right, lambda item: item[0])
    return count_overlapping(left, right, str)


def arguments_by_role(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score the distinct (event label, role, fragments) of a document, wherever the trigger is.

    Rows are `label.role`. The argument's own entity label does not matter.
    """
    left, right = _places(gold.events), _places(predicted.events)
    if mode == "strict":
        return count_equal(left, right, lambda item: _row(*item[0]))
    return count_overlapping(left, right, lambda key: _row(*key))


def _places(events: Iterable[EventFact]) -> list[tuple[tuple[str, str], Extent]]:
    return sorted({((e.label, a.role), a.mention.extent) for e in events for a in e.arguments})


def arguments(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score arguments inside aligned events by role, entity label and place; rows are `label.role`."""
    agreement = _equal_arguments if mode == "strict" else _overlapping_arguments
    return _aligned(gold.events, predicted.events, mode, agreement, _argument_rows)


def values(gold: Facts, predicted: Facts, mode: str) -> Rows:
    """Score the attribute values of arguments inside aligned events; their spans do not matter.

    This is how labelled arguments of SHAC are scored (status current, type alone). Rows are `label.role`: a wrong
    value is one false positive and one false negative there. `mode` says how triggers match.
    """
    return _aligned(gold.events, predicted.events, mode, _equal_values, _value_rows)


def _row(label: str, role: str) -> str:
    return f"{label}.{role}"


def _argument_rows(event: EventFact) -> list[str]:
    return [_row(event.label, a.role) for a in event.arguments]


def _value_rows(event: EventFact) -> list[str]:
    return [_row(event.label, v.role) for v in event.values]


def _equal_arguments(gold: EventFact, predicted: EventFact) -> dict[str, int]:
    return _common(gold.arguments, predicted.arguments, lambda a: _row(gold.label, a.role))


def _equal_values(gold: EventFact, predicted: EventFact) -> dict[str, int]:
    return _common(gold.values, predicted.values, lambda v: _row(gold.label, v.role))


def _common(gold: Iterable[K], predicted: Iterable[K], row: Callable[[K], str]) -> dict[str, int]:
    agreed: dict[str, int] = {}
    for item, n in (Counter(gold) & Counter(predicted)).items():
        agreed[row(item)] = agreed.get(row(item), 0) + n
    return agreed


def _overlapping_arguments(gold: EventFact, predicted: EventFact) -> dict[str, int]:
    def keyed(items: Iterable[ArgumentFact]) -> list[tuple[tuple[str, str], Extent]]:
        return [((a.role, a.mention.label), a.mention.extent) for a in items]

    rows = count_overlapping(keyed(gold.arguments), keyed(predicted.arguments), lambda key: _row(gold.label, key[0]))
    return {row: counts[0] for row, counts in rows.items() if counts[0]}


def _aligned(
    gold: Sequence[EventFact],
    predicted: Sequence[EventFact],
    mode: str,
    agreement: Agreement,
    rows_of: Callable[[EventFact], list[str]],
) -> Rows:
    """Count the parts of events: true where the best alignment agrees, all others false."""
    # Sorted by content: where several alignments are equally good, the rows that get the credit must not depend on
    # the order in which events came.
    gold, predicted = sorted(gold), sorted(predicted)
    rows: Rows = {}
    for event in gold:
        for row in rows_of(event):
            add(rows, row, fn=1)
    for event in predicted:
        for row in rows_of(event):
            add(rows, row, fp=1)
    edges = _trigger_edges(gold, predicted, mode)
    for lefts, rights in components(edges, len(predicted)):
        agreed = {(i, j): agreement(gold[i], predicted[j]) for i in lefts for j in edges[i]}
        weights = [[sum(agreed.get((i, j), {}).values()) for j in rights] for i in lefts]
        for i, column in zip(lefts, best_assignment(weights), strict=True):
            if column < 0:
                continue
            for row, n in agreed.get((i, rights[column]), {}).items():
                add(rows, row, n, -n, -n)
    return rows


def _trigger_edges(gold: Sequence[EventFact], predicted: Sequence[EventFact], mode: str) -> list[list[int]]:
    candidates = overlap_edges([e.trigger for e in gold], [e.trigger for e in predicted])
    return [
        [
            j
            for j in row
            if predicted[j].label == event.label and (mode == "lenient" or predicted[j].trigger == event.trigger)
        ]
        for event, row in zip(gold, candidates, strict=True)
    ]
