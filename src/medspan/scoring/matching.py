"""One-to-one matching that does not depend on order: the largest number of pairs that can be formed.

An extent is the fragments of a mention as `((start, end), ...)` in text order. Plain pairs of numbers, not spans,
because scoring hashes and compares them hundreds of thousands of times.
"""

from collections.abc import Sequence
from math import inf
from typing import TypeAlias

__all__ = [
    "Extent",
    "best_assignment",
    "components",
    "maximum_matching",
    "most_overlapping",
    "overlap_edges",
    "overlaps",
]

Extent: TypeAlias = tuple[tuple[int, int], ...]


def overlaps(left: Extent, right: Extent) -> bool:
    """Say whether two mentions share at least one character; gaps of discontinuous mentions do not count."""
    return any(a < d and c < b for a, b in left for c, d in right)


def overlap_edges(left: Sequence[Extent], right: Sequence[Extent]) -> list[list[int]]:
    """List, for each left mention, the right mentions that share a character with it, in ascending order.

    One sweep over the sorted fragments: the cost follows the number of fragments and of overlaps, not of pairs.
    """
    found: list[set[int]] = [set() for _ in left]
    fragments = [(start, end, 0, i) for i, extent in enumerate(left) for start, end in extent]
    fragments += [(start, end, 1, j) for j, extent in enumerate(right) for start, end in extent]
    fragments.sort()
    open_left: list[tuple[int, int]] = []
    open_right: list[tuple[int, int]] = []
    for start, end, side, index in fragments:
        if side == 0:
            open_right = [item for item in open_right if item[0] > start]
            found[index].update(j for _, j in open_right)
            open_left.append((end, index))
        else:
            open_left = [item for item in open_left if item[0] > start]
            for _, i in open_left:
                found[i].add(index)
            open_right.append((end, index))
    return [sorted(edges) for edges in found]


def most_overlapping(left: Sequence[Extent], right: Sequence[Extent]) -> int:
    """Return how many pairs of mentions that share a character can be formed, one to one."""
    first, second = sorted(left), sorted(right)
    if first == second:
        return len(first)
    if not (_is_in_line(first) and _is_in_line(second)):
        return sum(j >= 0 for j in maximum_matching(overlap_edges(left, right), len(right)))
    # Where no mention overlaps another of its own side, taking the leftmost pair that overlaps is never wrong: of its
    # two mentions, the one that ends first has no other partner left.
    n = i = j = 0
    while i < len(first) and j < len(second):
        ((a, b),), ((c, d),) = first[i], second[j]
        if a < d and c < b:
            n += 1
            i += 1
            j += 1
        elif b <= d:
            i += 1
        else:
            j += 1
    return n


def _is_in_line(extents: Sequence[Extent]) -> bool:
    """Say whether sorted mentions are of one fragment each and none overlaps the next."""
    end = 0
    for extent in extents:
        if len(extent) != 1 or extent[0][0] < end:
            return False
        end = extent[0][1]
    return True


def maximum_matching(edges: Sequence[Sequence[int]], n_right: int) -> list[int]:
    """Match left items to right items one to one, as many as possible (Hopcroft-Karp).

    `edges[i]` lists the right items that left item i may take. Returns the partner of each left item, or -1.
    The number of pairs is unique; which pairs are formed is not, so callers count pairs and nothing else.
    """
    partner = [-1] * len(edges)
    taken_by = [-1] * n_right
    for i in sorted(range(len(edges)), key=lambda i: len(edges[i])):
        for j in edges[i]:
            if taken_by[j] < 0:
                partner[i], taken_by[j] = j, i
                break
    while True:
        depth = [-1] * len(edges)
        queue = [i for i, j in enumerate(partner) if j < 0 and edges[i]]
        roots = list(queue)
        for i in queue:
            depth[i] = 0
        is_augmentable = False
        for i in queue:  # grows while it is read: breadth first
            for j in edges[i]:
                owner = taken_by[j]
                if owner < 0:
                    is_augmentable = True
                elif depth[owner] < 0:
                    depth[owner] = depth[i] + 1
                    queue.append(owner)
        if not is_augmentable:
            return partner
        tried = [0] * len(edges)
        for root in roots:
            _augment(root, edges, partner, taken_by, depth, tried)


def _augment(
    root: int,
    edges: Sequence[Sequence[int]],
    partner: list[int],
    taken_by: list[int],
    depth: list[int],
    tried: list[int],
) -> None:
    """Follow one shortest alternating path from a free left item; without recursion, for long chains exist."""
    path = [root]
    while path:
        i = path[-1]
        if tried[i] == len(edges[i]):
            path.pop()
            continue
        j = edges[i][tried[i]]
        tried[i] += 1
        owner = taken_by[j]
        if owner < 0:
            for k in path:
                chosen = edges[k][tried[k] - 1]
                partner[k], taken_by[chosen] = chosen, k
            return
        if depth[owner] == depth[i] + 1:
            path.append(owner)


def components(edges: Sequence[Sequence[int]], n_right: int) -> list[tuple[list[int], list[int]]]:
    """Split a bipartite graph into connected parts `(left items, right items)`; items without an edge are left out."""
    back: list[list[int]] = [[] for _ in range(n_right)]
    for i, row in enumerate(edges):
        for j in row:
            back[j].append(i)
    seen_left = [False] * len(edges)
    seen_right = [False] * n_right
    parts: list[tuple[list[int], list[int]]] = []
    for first in range(len(edges)):
        if seen_left[first] or not edges[first]:
            continue
        seen_left[first] = True
        lefts, rights = [first], []
        for i in lefts:
            for j in edges[i]:
                if not seen_right[j]:
                    seen_right[j] = True
                    rights.append(j)
                    for k in back[j]:
                        if not seen_left[k]:
                            seen_left[k] = True
                            lefts.append(k)
        parts.append((sorted(lefts), sorted(rights)))
    return parts


def best_assignment(weights: Sequence[Sequence[int]]) -> list[int]:
    """Assign rows to columns one to one so that the sum of weights is largest (shortest augmenting paths).

    `weights` is a rectangle of non-negative numbers. Returns the column of each row; -1 for rows left over when
    there are more rows than columns. Cubic in the smaller side: meant for connected parts, which are small.
    """
    n_rows, n_columns = len(weights), len(weights[0]) if weights else 0
    if n_rows > n_columns:
        columns = best_assignment([[row[j] for row in weights] for j in range(n_columns)])
        flipped = [-1] * n_rows
        for j, i in enumerate(columns):
            flipped[i] = j
        return flipped
    row_price = [0.0] * (n_rows + 1)
    column_price = [0.0] * (n_columns + 1)
    owner = [0] * (n_columns + 1)  # rows and columns count from 1; column 0 is where each search starts
    for i in range(1, n_rows + 1):
        owner[0] = i
        column = 0
        slack = [inf] * (n_columns + 1)
        previous = [0] * (n_columns + 1)
        is_used = [False] * (n_columns + 1)
        while owner[column]:
            is_used[column] = True
            row, step, following = owner[column], inf, 0
            for j in range(1, n_columns + 1):
                if is_used[j]:
                    continue
                reduced = -weights[row - 1][j - 1] - row_price[row] - column_price[j]
                if reduced < slack[j]:
                    slack[j], previous[j] = reduced, column
                if slack[j] < step:
                    step, following = slack[j], j
            for j in range(n_columns + 1):
                if is_used[j]:
                    row_price[owner[j]] += step
                    column_price[j] -= step
                else:
                    slack[j] -= step
            column = following
        while column:
            owner[column] = owner[previous[column]]
            column = previous[column]
    assigned = [-1] * n_rows
    for j in range(1, n_columns + 1):
        if owner[j]:
            assigned[owner[j] - 1] = j - 1
    return assigned
