from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.scoring.matching import (
    best_assignment,
    components,
    maximum_matching,
    most_overlapping,
    overlap_edges,
    overlaps,
)

graphs = st.integers(0, 5).flatmap(
    lambda n_right: st.tuples(
        st.lists(
            st.lists(st.integers(0, n_right - 1), unique=True, max_size=n_right).map(sorted)
            if n_right
            else st.just([]),
            max_size=5,
        ),
        st.just(n_right),
    )
)


@st.composite
def extents(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    cuts = sorted(draw(st.sets(st.integers(0, 20), min_size=2, max_size=6)))
    return tuple(zip(cuts[::2], cuts[1::2], strict=False))


def brute_force_size(edges: list[list[int]], n_right: int) -> int:
    if not edges:
        return 0
    padded = [*range(n_right), *([-1] * len(edges))]
    orders = set(permutations(padded, len(edges)))
    return max(sum(j in row for j, row in zip(order, edges, strict=True)) for order in orders)


@given(graphs)
def test_matching_is_legal_and_as_large_as_brute_force_finds(graph):
    edges, n_right = graph
    partners = maximum_matching(edges, n_right)
    taken = [j for j in partners if j >= 0]
    assert len(partners) == len(edges)
    assert len(set(taken)) == len(taken)
    assert all(j in edges[i] for i, j in enumerate(partners) if j >= 0)
    assert len(taken) == brute_force_size(edges, n_right)


@given(st.lists(st.lists(st.integers(0, 29), unique=True, max_size=4).map(sorted), max_size=30))
def test_matching_is_as_large_as_networkx_finds(edges):
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    left = [("left", i) for i in range(len(edges))]
    graph.add_nodes_from(left)
    graph.add_edges_from((("left", i), ("right", j)) for i, row in enumerate(edges) for j in row)
    expected = len(networkx.bipartite.hopcroft_karp_matching(graph, left)) // 2
    assert sum(j >= 0 for j in maximum_matching(edges, 30)) == expected


@given(st.lists(extents(), max_size=4), st.lists(extents(), max_size=4))
def test_most_overlapping_pairs_are_as_many_as_brute_force_finds(left, right):
    assert most_overlapping(left, right) == brute_force_size(overlap_edges(left, right), len(right))


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[tuple[int, int], ...]]:
    """Mentions of one fragment, none overlapping another, in any order."""
    cuts = sorted(draw(st.lists(st.integers(0, 30), max_size=12)))
    found = [((a, b),) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]
    return draw(st.permutations(found))


@given(lines(), lines())
def test_most_overlapping_pairs_of_mentions_in_line_are_as_many_as_brute_force_finds(left, right):
    edges = overlap_edges(left, right)
    assert most_overlapping(left, right) == sum(j >= 0 for j in maximum_matching(edges, len(right)))


def test_a_chain_of_thousands_is_matched_without_recursion():
    n = 5000
    # Item i may take i - 1 or i: where the greedy start goes wrong the repair runs down the whole chain.
    edges = [[0], *([i - 1, i] for i in range(1, n))]
    assert -1 not in maximum_matching(edges, n)
    assert -1 not in maximum_matching(list(reversed(edges)), n)


@given(st.lists(extents(), max_size=8), st.lists(extents(), max_size=8))
def test_the_sweep_finds_exactly_the_pairs_that_share_a_character(left, right):
    characters = [[{c for a, b in extent for c in range(a, b)} for extent in side] for side in (left, right)]
    expected = [[j for j, b in enumerate(characters[1]) if a & b] for a in characters[0]]
    assert overlap_edges(left, right) == expected
    assert [[j for j, b in enumerate(right) if overlaps(a, b)] for a in left] == expected


@given(graphs)
def test_components_hold_every_edge_once_and_share_nothing(graph):
    edges, n_right = graph
    parts = components(edges, n_right)
    lefts = [i for part, _ in parts for i in part]
    rights = [j for _, part in parts for j in part]
    assert len(set(lefts)) == len(lefts)
    assert len(set(rights)) == len(rights)
    assert set(lefts) == {i for i, row in enumerate(edges) if row}
    for part, partners in parts:
        assert {j for i in part for j in edges[i]} == set(partners)


@st.composite
def rectangles(draw: st.DrawFn) -> list[list[int]]:
    n_rows, n_columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    row = st.lists(st.integers(0, 6), min_size=n_columns, max_size=n_columns)
    return draw(st.lists(row, min_size=n_rows, max_size=n_rows))


@given(rectangles())
def test_assignment_is_as_heavy_as_brute_force_finds(weights):
    n_rows, n_columns = len(weights), len(weights[0])
    columns = best_assignment(weights)
    taken = [j for j in columns if j >= 0]
    assert len(set(taken)) == len(taken) == min(n_rows, n_columns)
    found = sum(weights[i][j] for i, j in enumerate(columns) if j >= 0)
    padded = [[*row, *([0] * n_rows)] for row in weights]
    orders = permutations(range(n_columns + n_rows), n_rows)
    best = max(sum(padded[i][j] for i, j in enumerate(order)) for order in orders)
    assert found == best


@given(rectangles())
def test_assignment_is_as_heavy_as_scipy_finds(weights):
    optimize = pytest.importorskip("scipy.optimize")
    rows, columns = optimize.linear_sum_assignment(weights, maximize=True)
    expected = sum(weights[i][j] for i, j in zip(rows, columns, strict=True))
    assert sum(weights[i][j] for i, j in enumerate(best_assignment(weights)) if j >= 0) == expected


def test_nothing_is_matched_with_nothing():
    assert maximum_matching([], 0) == []
    assert maximum_matching([[], []], 0) == [-1, -1]
    assert best_assignment([]) == []
    assert overlap_edges([], [((0, 3),)]) == []
