"""Pairs of items, against trying every way."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from medspan.scoring.mistakes import pairing
from medspan.scoring.mistakes.pairing import overlap_weights, pair_up, shared_characters, stars

weight_tables = st.integers(1, 4).flatmap(
    lambda n_right: st.tuples(
        st.just(n_right),
        st.lists(st.dictionaries(st.integers(0, n_right - 1), st.integers(1, 9)), max_size=4),
    )
)


def best_by_trial(weights, n_right):
    """The largest (number of pairs, total weight) over all one-to-one pairings."""
    slots = [*range(n_right), *[-1] * len(weights)]
    found = (0, 0)
    for choice in set(permutations(slots, len(weights))):
        chosen = [row[j] for row, j in zip(weights, choice, strict=True) if j in row]
        found = max(found, (len(chosen), sum(chosen)))
    return found


@given(weight_tables)
def test_pairs_are_as_many_and_then_as_heavy_as_any_way_of_pairing(drawn):
    n_right, weights = drawn
    partner = pair_up(weights, n_right)
    taken = [j for j in partner if j >= 0]
    assert len(set(taken)) == len(taken)
    total = sum(weights[i][j] for i, j in enumerate(partner) if j >= 0)
    assert (len(taken), total) == best_by_trial(weights, n_right)


@given(weight_tables)
def test_stars_hold_every_item_that_has_a_neighbour_once_and_branch_on_one_side_only(drawn):
    n_right, weights = drawn
    found = stars(weights, n_right)
    for lefts, rights in found:
        assert min(len(lefts), len(rights)) == 1
        assert all(j in weights[i] for i in lefts for j in rights)
    assert sorted(i for lefts, _ in found for i in lefts) == [i for i, row in enumerate(weights) if row]
    assert sorted(j for _, rights in found for j in rights) == sorted({j for row in weights for j in row})
    assert len(found) == best_by_trial(weights, n_right)[0]


def test_large_parts_are_paired_as_many_as_possible(monkeypatch):
    monkeypatch.setattr(pairing, "LARGEST", 1)
    weights = [{0: 9, 1: 1}, {0: 9}, {1: 5, 2: 1}]
    partner = pair_up(weights, 3)
    assert sorted(partner) == [0, 1, 2]
    assert all(j in row for row, j in zip(weights, partner, strict=True))


def test_a_gap_shares_no_character():
    assert shared_characters(((0, 3), (8, 12)), ((2, 10),)) == 3
    assert shared_characters(((0, 3), (8, 12)), ((3, 8),)) == 0
    assert overlap_weights([((0, 3), (8, 12))], [((3, 8),), ((11, 20),)]) == [{1: 1}]
