"""The time graph against every order that the end points of a few intervals may have, and against a closed table."""

import random
from itertools import product
from time import perf_counter

import pytest

from medspan.scoring.official.i2b2_2012.time_graph import CONSTRAINTS, INVERSES, Link, TimeGraph
from scoring.official.reference_i2b2_2012 import SlowGraph

NAMES = ("A", "B", "C")
PLAIN = ("BEFORE", "AFTER", "OVERLAP")

# What each type says of two intervals given as (start, end): Allen's relations, written out once more.
MEANS = {
    "BEFORE": lambda a, b: a[1] < b[0],
    "AFTER": lambda a, b: b[1] < a[0],
    "IBEFORE": lambda a, b: a[1] == b[0],
    "IAFTER": lambda a, b: b[1] == a[0],
    "BEGINS": lambda a, b: a[0] == b[0] and a[1] < b[1],
    "BEGUN_BY": lambda a, b: a[0] == b[0] and a[1] > b[1],
    "ENDS": lambda a, b: a[0] > b[0] and a[1] == b[1],
    "ENDED_BY": lambda a, b: a[0] < b[0] and a[1] == b[1],
    "INCLUDES": lambda a, b: a[0] < b[0] and b[1] < a[1],
    "IS_INCLUDED": lambda a, b: b[0] < a[0] and a[1] < b[1],
    **dict.fromkeys(("SIMULTANEOUS", "OVERLAP", "DURING", "DURING_INV", "IDENTITY"), lambda a, b: a == b),
}


@pytest.fixture(scope="module")
def worlds():
    """Every way to lay three intervals out on a line, ties and all: as dictionaries name -> (start, end)."""
    found = set()
    for ends in product(range(6), repeat=6):
        if all(ends[i] < ends[i + 1] for i in (0, 2, 4)) and set(ends) == set(range(max(ends) + 1)):
            found.add(ends)
    return [dict(zip(NAMES, (e[0:2], e[2:4], e[4:6]), strict=True)) for e in sorted(found)]


def holds(link, world):
    return MEANS[link.type](world[link.head], world[link.tail])


def expected(links, worlds):
    """Take links in order, keeping the worlds in which all so far are true."""
    kept, violated = [], []
    for link in links:
        left = [w for w in worlds if holds(link, w)]
        if not left:
            violated.append(link)
        elif len(left) < len(worlds):
            kept.append(link)
            worlds = left
    return kept, violated, worlds


def reduced(kept, worlds):
    """Drop from first to last each link that is true in every world in which the others are."""
    rest = list(kept)
    for link in kept:
        others = [other for other in rest if other is not link]
        if all(holds(link, w) for w in worlds if all(holds(other, w) for other in others)):
            rest = others
    return rest


def test_types_and_inverses_are_those_of_the_table(worlds):
    assert set(CONSTRAINTS) == set(MEANS)
    for kind in MEANS:
        inverse = Link("A", "B", kind).inverse
        assert inverse.type == INVERSES.get(kind, kind)
        assert all(holds(Link("A", "B", kind), w) == holds(inverse, w) for w in worlds)


@pytest.mark.parametrize("types", [PLAIN, tuple(CONSTRAINTS)], ids=["plain", "all"])
def test_reasoning_agrees_with_every_order_of_three_intervals(worlds, types):
    rng = random.Random(7)
    n_violated = n_reduced = n_implied = 0
    for _ in range(150):
        links = [Link(*rng.sample(NAMES, 2), rng.choice(types)) for _ in range(rng.randint(1, 6))]
        graph = TimeGraph(links)
        kept, violated, possible = expected(links, worlds)
        assert graph.violated == violated
        assert graph.reduced == reduced(kept, worlds)
        named = {end for link in links for end in link[:2]}
        for head, tail in product(sorted(named), repeat=2):
            for kind in types:
                link = Link(head, tail, kind)
                assert graph.implies(link) == all(holds(link, w) for w in possible), (links, link)
                n_implied += head != tail and graph.implies(link)
        n_violated += len(violated)
        n_reduced += len(kept) > len(graph.reduced)
    assert n_violated > 50
    assert n_reduced > 3
    assert n_implied > 300


def test_reasoning_agrees_with_a_closed_table_on_many_intervals():
    rng = random.Random(11)
    n_reduced = n_violated = n_closed = 0
    for _ in range(60):
        names = [f"I{n}" for n in range(rng.randint(3, 9))]
        links = [Link(*rng.choices(names, k=2), rng.choice(PLAIN)) for _ in range(rng.randint(2, 14))]
        graph, slow = TimeGraph(links), SlowGraph([tuple(link) for link in links])
        assert graph.reduced == slow.reduced
        assert graph.violated == slow.violated
        closure = {tuple(link) for link in graph.closure()}
        assert closure == {(*ends, kind) for ends, kinds in slow.pairs().items() for kind in kinds}
        n_reduced += len(slow.kept) > len(slow.reduced)
        n_violated += bool(slow.violated)
        n_closed += len(closure)
    assert min(n_reduced, n_violated) > 5
    assert n_closed > 500


def test_the_closure_of_fine_types_agrees_with_every_order_of_three_intervals(worlds):
    rng = random.Random(13)
    seen = set()
    for _ in range(100):
        links = [Link(*rng.sample(NAMES, 2), rng.choice(tuple(CONSTRAINTS))) for _ in range(4)]
        _, _, possible = expected(links, worlds)
        names = sorted({end for link in links for end in link[:2]})
        types = [kind for kind in MEANS if kind not in ("SIMULTANEOUS", "DURING", "DURING_INV", "IDENTITY")]
        follows = {
            Link(a, b, kind)
            for a, b in product(names, repeat=2)
            for kind in types
            if a != b and all(MEANS[kind](w[a], w[b]) for w in possible)
        }
        found = list(TimeGraph(links).closure())
        assert len(found) == len(set(found))
        assert set(found) == follows
        seen.update(link.type for link in found)
    assert len(seen) == 11


def test_a_link_whose_parts_fit_alone_but_not_together_teaches_nothing():
    known = [Link("B", "C", "ENDS"), Link("A", "C", "IS_INCLUDED")]
    graph = TimeGraph([*known, Link("A", "B", "SIMULTANEOUS")])
    assert graph.violated == [Link("A", "B", "SIMULTANEOUS")]
    assert not graph.implies(Link("A", "B", "BEGINS"))  # their ends part, and their starts are not the same after all
    assert graph.reduced == known


def test_a_type_that_says_nothing_of_end_points_is_listed_and_teaches_nothing():
    odd = Link("A", "B", "BEFORE_OVERLAP")
    graph = TimeGraph([odd, Link("B", "C", "BEFORE")])
    assert graph.unplaced == [odd]
    assert not graph.implies(odd)
    assert not graph.implies(Link("A", "C", "BEFORE"))


def test_links_are_dropped_from_first_to_last_when_later_ones_imply_them():
    a, b, c = Link("A", "C", "BEFORE"), Link("A", "B", "BEFORE"), Link("B", "C", "BEFORE")
    assert TimeGraph([a, b, c]).reduced == [b, c]
    assert TimeGraph([b, c, a]).reduced == [b, c]
    same = Link("A", "B", "SIMULTANEOUS")
    assert TimeGraph([a, c, same]).reduced == [c, same]


def test_a_long_note_takes_a_fraction_of_a_second():
    rng = random.Random(5)
    names = [f"E{n}" for n in range(150)]
    when = {name: rng.randrange(12) for name in names}
    links = []
    for _ in range(250):
        head, tail = rng.sample(names, 2)
        order = when[head] - when[tail]
        links.append(Link(head, tail, "BEFORE" if order < 0 else "AFTER" if order else "SIMULTANEOUS"))
    began = perf_counter()
    graph = TimeGraph(links)
    n_closed = sum(1 for _ in graph.closure())
    assert perf_counter() - began < 2.0
    assert not graph.violated
    assert n_closed > 2000
