"""Joining fragments: maximal linked sets against brute force, shared fragments, and bounded work."""

import time
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import Document, EntityType, LabelSchema, Relation, RelationType, Span
from medspan.formulations.mentions import Layout, Outputs, SpanArray, Thresholds, decode
from medspan.formulations.mentions.fragments import MAX_COMPONENT, linked_groups
from medspan.formulations.tokens import Tokens

SCHEMA = LabelSchema(
    "parts",
    (EntityType("Part", "A part of the body.", "part"), EntityType("Time", "A time.", "time")),
    relations=(RelationType("since", "From when.", "since", ("Part",), ("Time",)),),
)
LAYOUT = Layout(SCHEMA, ("Part",))


def maximal_sets_by_brute_force(pairs: set[tuple[int, int]]) -> list[list[int]]:
    linked = {frozenset(pair) for pair in pairs}
    members = sorted({member for pair in pairs for member in pair})
    cliques = [
        set(chosen)
        for size in range(2, len(members) + 1)
        for chosen in combinations(members, size)
        if all(frozenset(two) in linked for two in combinations(chosen, 2))
    ]
    return sorted(sorted(clique) for clique in cliques if not any(clique < other for other in cliques))


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]), max_size=20))
def test_groups_are_the_maximal_sets_in_which_every_two_are_linked(pairs: set[tuple[int, int]]) -> None:
    assert linked_groups(pairs) == maximal_sets_by_brute_force(pairs)


def test_a_tangle_of_fragments_takes_no_exponential_time_and_loses_no_fragment() -> None:
    # Everything is linked except the members of a triple: 3^60 maximal sets.
    members = range(180)
    pairs = [(a, b) for a, b in combinations(members, 2) if a // 3 != b // 3]
    began = time.process_time()
    groups = linked_groups(pairs)
    assert time.process_time() - began < 5
    assert sorted(member for group in groups for member in group) == list(members)
    linked = set(pairs)
    assert all(two in linked for group in groups for two in combinations(group, 2))


def test_the_largest_component_that_is_searched_in_full_stays_small() -> None:
    pairs = [(a, b) for a, b in combinations(range(MAX_COMPONENT), 2) if a // 3 != b // 3]
    assert len(linked_groups(pairs)) == 3 ** (MAX_COMPONENT // 3)


def test_two_mentions_may_share_their_first_fragment_and_its_relations() -> None:
    text = "left arm and leg since May"
    words = [(0, 4), (5, 8), (9, 12), (13, 16), (17, 22), (23, 26)]
    tokens = Tokens(
        np.arange(6, dtype=np.int32),
        np.array([start for start, _ in words], np.int32),
        np.array([end for _, end in words], np.int32),
    )
    # Mentions: "left", "arm", "leg", "May". Links: since, fragment.
    at = np.array([0, 1, 3, 5])
    pairs = np.array([[0, 1], [0, 2], [0, 3]])
    outputs = Outputs(
        SpanArray(at, at),
        np.array([0, 0, 0, 1]),
        np.ones(4, np.float32),
        np.zeros((4, 0), np.float32),
        pairs,
        np.array([[0, 1], [0, 1], [1, 0]], np.float32),
    )
    (found,) = decode([Document("n", text)], [tokens], outputs, LAYOUT, Thresholds())
    assert [entity.fragments for entity in found.entities] == [
        (Span(0, 4), Span(5, 8)),
        (Span(0, 4), Span(13, 16)),
        (Span(23, 26),),
    ]
    assert found.relations == (Relation("R1", "since", "T1", "T3"), Relation("R2", "since", "T2", "T3"))
