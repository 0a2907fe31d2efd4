"""Best sequences, their probabilities and the CRF's normaliser, against a list of every sequence."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from medspan.formulations.tagging import Layers, read_tags
from medspan.models.tagging.sequences import Transitions, best_paths, log_steps

LAYERS = Layers(((0, 2), (1,)))
LENGTHS = np.array([4, 1, 3])


def random_scores(is_learnt: bool, seed: int, spread: float = 2.0) -> tuple[np.ndarray, Transitions]:
    """Emissions (layers, rows, steps, tags) and transitions; without a CRF all legal transitions score 0."""
    rng = np.random.default_rng(seed)
    n, width = len(LAYERS), LAYERS.width
    scale = 1.0 if is_learnt else 0.0
    emissions = rng.normal(scale=spread, size=(n, len(LENGTHS), LENGTHS.max(), width))
    emissions = np.where(LAYERS.is_tag[:, None, None], emissions, -np.inf)
    return emissions, Transitions(
        np.where(LAYERS.transition_legal, scale * rng.normal(size=(n, width, width)), -np.inf),
        np.where(LAYERS.first_legal, scale * rng.normal(size=(n, width)), -np.inf),
        np.where(LAYERS.is_tag, scale * rng.normal(size=(n, width)), -np.inf),
    )


def every_sequence(layer: int, row: int, emissions: np.ndarray, scores: Transitions) -> dict[tuple[int, ...], float]:
    """The score of each legal sequence of a row."""
    found = {}
    for tags in product(range(int(LAYERS.n_tags[layer])), repeat=int(LENGTHS[row])):
        if not LAYERS.first_legal[layer, tags[0]]:
            continue
        pairs = list(pairwise(tags))
        if not all(LAYERS.transition_legal[layer, a, b] for a, b in pairs):
            continue
        total = scores.first[layer, tags[0]] + scores.last[layer, tags[-1]]
        total += sum(emissions[layer, row, step, tag] for step, tag in enumerate(tags))
        found[tags] = float(total + sum(scores.between[layer, a, b] for a, b in pairs))
    return found


@pytest.mark.parametrize("is_learnt", [False, True], ids=["plain", "crf"])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all_legal_sequences(is_learnt: bool, seed: int) -> None:
    emissions, scores = random_scores(is_learnt, seed)
    paths = best_paths(emissions, LENGTHS, scores)
    for layer, row in product(range(len(LAYERS)), range(len(LENGTHS))):
        totals = every_sequence(layer, row, emissions, scores)
        assert tuple(paths[layer, row, : LENGTHS[row]]) == max(totals, key=lambda tags: totals[tags])


@pytest.mark.parametrize("is_learnt", [False, True], ids=["plain", "crf"])
@pytest.mark.parametrize("seed", range(5))
def test_a_mention_is_as_probable_as_the_sequences_that_hold_exactly_it(is_learnt: bool, seed: int) -> None:
    emissions, scores = random_scores(is_learnt, seed)
    paths = best_paths(emissions, LENGTHS, scores)
    begin, go_on, end = log_steps(emissions, LENGTHS, scores, paths)
    n_checked = 0
    for layer, row in product(range(len(LAYERS)), range(len(LENGTHS))):
        totals = every_sequence(layer, row, emissions, scores)
        weights = {tags: np.exp(total) for tags, total in totals.items()}
        only_this = Layers((LAYERS.members[layer],))

        def mentions(tags: tuple[int, ...], of: Layers = only_this) -> list[list[int]]:
            numbered = Layers((tuple(range(len(of.members[0]))),))
            return read_tags(np.array([tags]), numbered).tolist()

        best = tuple(paths[layer, row, : LENGTHS[row]].tolist())
        for mention in mentions(best):
            first, last, _ = mention
            holding = sum(weight for tags, weight in weights.items() if mention in mentions(tags))
            found = begin[layer, row, first] + go_on[layer, row, first + 1 : last + 1].sum() + end[layer, row, last]
            assert np.exp(found) == pytest.approx(holding / sum(weights.values()), rel=1e-9)
            n_checked += 1
    assert n_checked


@pytest.mark.parametrize("spread", [100.0, 1e4])
def test_extreme_scores_give_probabilities(spread: float) -> None:
    emissions, scores = random_scores(True, 0, spread)
    paths = best_paths(emissions, LENGTHS, scores)
    for part in log_steps(emissions, LENGTHS, scores, paths):
        assert np.isfinite(part[:, np.arange(4) < LENGTHS[:, None]]).all()


def test_a_row_has_the_same_path_and_probabilities_alone() -> None:
    emissions, scores = random_scores(True, 3)
    paths = best_paths(emissions, LENGTHS, scores)
    together = log_steps(emissions, LENGTHS, scores, paths)
    for row, length in enumerate(LENGTHS):
        part = emissions[:, row : row + 1, :length]
        alone = best_paths(part, LENGTHS[row : row + 1], scores)
        np.testing.assert_array_equal(alone[:, 0], paths[:, row, :length])
        for one, all_rows in zip(log_steps(part, LENGTHS[row : row + 1], scores, alone), together, strict=True):
            np.testing.assert_allclose(one[:, 0], all_rows[:, row, :length], rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_forward_sum_is_the_sum_over_every_sequence(seed: int) -> None:
    torch = pytest.importorskip("torch")
    from medspan.models.tagging.crf import NEVER, TagTransitions

    emissions, scores = random_scores(True, seed)
    crf = TagTransitions(LAYERS).double()
    learnt = ((crf.between, scores.between), (crf.first, scores.first), (crf.last, scores.last))
    given = torch.from_numpy(np.where(np.isfinite(emissions), emissions, NEVER))
    with torch.no_grad():
        for parameter, values in learnt:  # what stands where a transition is illegal says nothing
            parameter.copy_(torch.from_numpy(np.where(np.isfinite(values), values, 7.0)))
        sums = crf.log_sums(given, torch.from_numpy(LENGTHS)).numpy()
    for layer, row in product(range(len(LAYERS)), range(len(LENGTHS))):
        totals = np.array(list(every_sequence(layer, row, emissions, scores).values()))
        assert sums[layer, row] == pytest.approx(np.log(np.exp(totals).sum()), rel=1e-9)


def test_gradients_of_the_forward_sum_are_right() -> None:
    torch = pytest.importorskip("torch")
    from medspan.models.tagging.crf import TagTransitions

    crf = TagTransitions(LAYERS).double()
    emissions = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def sums(given: Any) -> Any:
        return crf.log_sums(given, torch.from_numpy(LENGTHS))

    assert torch.autograd.gradcheck(sums, (emissions,))
