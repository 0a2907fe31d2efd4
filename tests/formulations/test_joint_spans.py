"""The vectorized choices of the joint formulation against brute force."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import LabelSchema
from medspan.formulations.joint import N_BUCKETS, gap_features, width_bucket
from medspan.formulations.mentions import Layout, SpanArray, best_of_row, candidate_spans, legal_pairs, resolve
from medspan.formulations.mentions.spans import NEAREST_ENDS
from tiny import TINY_SCHEMA

LAYOUT = Layout(TINY_SCHEMA, ("Problem",))
row_sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4)
seeds = st.integers(0, 2**32 - 1)


@given(row_sizes, st.integers(1, 4), st.integers(1, 12), st.floats(-2, 2), seeds)
def test_candidates_are_each_start_with_its_nearest_ends(
    sizes: list[int], n_labels: int, max_width: int, threshold: float, seed: int
) -> None:
    row_of_token = np.repeat(np.arange(len(sizes)), sizes)
    n = len(row_of_token)
    start, end = np.random.default_rng(seed).normal(size=(2, n, n_labels)).astype(np.float32)
    expected = {
        (first, last)
        for label in range(n_labels)
        for first in range(n)
        if start[first, label] > threshold
        for last in [at for at in range(first, n) if end[at, label] > threshold][:NEAREST_ENDS]
        if row_of_token[last] == row_of_token[first] and last - first < max_width
    }
    found = candidate_spans(start, end, row_of_token, threshold, max_width)
    pairs = list(zip(found.first.tolist(), found.last.tolist(), strict=True))
    assert pairs == sorted(expected)


@given(row_sizes, seeds)
def test_pairs_are_those_of_one_row_that_some_link_may_join(sizes: list[int], seed: int) -> None:
    row = np.repeat(np.arange(len(sizes)), sizes)
    labels = np.random.default_rng(seed).integers(0, len(LAYOUT.labels), len(row))
    expected = [
        (head, tail)
        for head, tail in permutations(range(len(row)), 2)
        if row[head] == row[tail] and LAYOUT.link_legal[labels[head], labels[tail]].any()
    ]
    assert [tuple(pair) for pair in legal_pairs(row, labels, LAYOUT).tolist()] == expected


def test_a_layout_without_links_has_no_pairs() -> None:
    layout = Layout(LabelSchema("bare", TINY_SCHEMA.entities))
    assert legal_pairs(np.zeros(5, int), np.zeros(5, int), layout).shape == (0, 2)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 1), st.integers(1, 9)), max_size=12))
def test_a_doubtful_mention_gives_way_to_a_better_one_of_its_label(items: list[tuple[int, int, int, int]]) -> None:
    items = list(dict.fromkeys(sorted(items)))
    expected, chosen = [False] * len(items), list[tuple[int, int, int]]()
    for at in sorted(range(len(items)), key=lambda i: (-items[i][3], items[i][0], i)):
        first, width, label, tenths = items[at]
        is_beaten = any(label == c and first <= b and a <= first + width for a, b, c in chosen)
        if tenths >= 5 or not is_beaten:
            expected[at] = True
            chosen.append((first, first + width, label))
    table = np.array(items, dtype=np.int64).reshape(-1, 4)
    spans = SpanArray(table[:, 0], table[:, 0] + table[:, 1])
    assert resolve(spans, table[:, 2], (table[:, 3] / 10).astype(np.float32)).tolist() == expected


@given(row_sizes, st.integers(0, 5), seeds)
def test_the_best_of_each_row_are_kept(sizes: list[int], most: int, seed: int) -> None:
    row = np.repeat(np.arange(len(sizes)), sizes)
    score = np.random.default_rng(seed).integers(0, 4, len(row)).astype(np.float32)
    expected = np.zeros(len(row), bool)
    for number in range(len(sizes)):
        members = sorted(np.flatnonzero(row == number), key=lambda at: (-score[at], at))
        expected[members[:most]] = True
    assert best_of_row(row, score, np.full(len(sizes), most)).tolist() == expected.tolist()


def test_buckets_are_exact_up_to_six_and_then_double() -> None:
    bucket = width_bucket(np.arange(2000))
    assert bucket[:7].tolist() == list(range(7))
    assert bucket[[7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 1999]].tolist() == [6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11]
    assert (np.diff(bucket) >= 0).all()
    assert bucket.max() == N_BUCKETS - 1


@pytest.mark.parametrize(
    ("head", "tail", "order", "between"),
    [
        ((0, 1), (5, 6), 0, (2, 5)),
        ((5, 6), (0, 1), 1, (2, 5)),
        ((0, 2), (3, 4), 0, (3, 3)),
        ((3, 4), (0, 2), 1, (3, 3)),
        ((0, 5), (2, 3), 2, (0, 0)),
        ((2, 3), (2, 3), 2, (0, 0)),
    ],
)
def test_gaps_tell_order_distance_and_what_lies_between(
    head: tuple[int, int], tail: tuple[int, int], order: int, between: tuple[int, int]
) -> None:
    first, last = np.array([head[0], tail[0]]), np.array([head[1], tail[1]])
    code, begin, past = gap_features(first, last, np.array([0]), np.array([1]))
    assert (begin[0], past[0]) == between
    assert code[0] == order * N_BUCKETS + width_bucket(np.array([between[1] - between[0]]))[0]
