"""Which item stands for which, where the pairs themselves matter and not only their number.

Callers sort their items by content first. Everything here is a function of the sorted items, so that the pairs do not
depend on the order in which annotations were read.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from medspan.scoring.matching import Extent, best_assignment, components, maximum_matching, overlap_edges

__all__ = ["Star", "Weights", "overlap_weights", "pair_up", "shared_characters", "stars"]

Weights: TypeAlias = Sequence[Mapping[int, int]]  # for each left item: right item -> how well the two fit, above 0
Star: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]  # left and right items; one of the two sides holds one item

LARGEST = 64  # items on the smaller side of a connected part up to which weights are honoured: the cost is cubic


def shared_characters(left: Extent, right: Extent) -> int:
    """Count the characters that two mentions share; gaps of discontinuous mentions do not count."""
    return sum(max(0, min(b, d) - max(a, c)) for a, b in left for c, d in right)


def overlap_weights(left: Sequence[Extent], right: Sequence[Extent]) -> list[dict[int, int]]:
    """Give, for each left mention, the right mentions it touches and how many characters they share."""
    edges = overlap_edges(left, right)
    return [{j: shared_characters(left[i], right[j]) for j in row} for i, row in enumerate(edges)]


def pair_up(weights: Weights, n_right: int) -> list[int]:
    """Pair items one to one: as many pairs as possible, and among those ways the one of largest total weight.

    Returns the partner of each left item, or -1. Connected parts with more than 64 items on both sides are paired
    as many as possible without regard to weights.
    """
    partner = [-1] * len(weights)
    edges = [sorted(row) for row in weights]
    for lefts, rights in components(edges, n_right):
        if min(len(lefts), len(rights)) > LARGEST:
            place = {j: at for at, j in enumerate(rights)}
            found = maximum_matching([[place[j] for j in edges[i]] for i in lefts], len(rights))
        else:
            # One more pair must outweigh any gain in weight.
            bonus = 1 + sum(sum(weights[i].values()) for i in lefts)
            table = [[bonus + weights[i][j] if j in weights[i] else 0 for j in rights] for i in lefts]
            found = best_assignment(table)
        for i, column in zip(lefts, found, strict=True):
            if column >= 0 and rights[column] in weights[i]:
                partner[i] = rights[column]
    return partner


def stars(weights: Weights, n_right: int) -> list[Star]:
    """Cover every item that has a partner by as few groups as possible: one to one, one to several, several to one.

    This is a minimum edge cover. After `pair_up`, an item left over joins the pair of the neighbour it fits best. No
    pair grows on both sides: the two newcomers would show that one more pair had been possible.
    """
    partner = pair_up(weights, n_right)
    owner = {j: i for i, j in enumerate(partner) if j >= 0}
    lefts = {i: [i] for i, j in enumerate(partner) if j >= 0}
    rights = {i: [j] for i, j in enumerate(partner) if j >= 0}
    back: list[dict[int, int]] = [{} for _ in range(n_right)]
    for i, row in enumerate(weights):
        for j, weight in row.items():
            back[j][i] = weight
        if row and partner[i] < 0:
            lefts[owner[_best(row)]].append(i)
    for j, column in enumerate(back):
        if column and j not in owner:
            rights[_best(column)].append(j)
    return [(tuple(sorted(lefts[i])), tuple(sorted(rights[i]))) for i in sorted(lefts)]


def _best(row: Mapping[int, int]) -> int:
    return min(row, key=lambda item: (-row[item], item))
