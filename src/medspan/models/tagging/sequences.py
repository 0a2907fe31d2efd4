"""Best tag sequences and their probabilities, in numpy: Viterbi and forward-backward over many sequences at once.

Shapes: L layers, R rows, S steps of the longest row, T tags. A row's result depends on its own steps alone.
Everything runs in double precision.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Transitions", "best_paths", "log_steps"]

Floats = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

RANGE = 200.0
"""Scores this far below the best are as good as impossible: nothing underflows, and something always is possible."""


@dataclass(frozen=True)
class Transitions:
    """Scores of a tag after another (L, T, T), and of the first and last tag of a row, (L, T); -inf where illegal."""

    between: Floats
    first: Floats
    last: Floats

    def part(self, layers: IntArray, n_tags: int) -> "Transitions":
        """Return the scores of some layers and their first tags."""
        between = self.between[layers, :n_tags, :n_tags]
        return Transitions(between, self.first[layers, :n_tags], self.last[layers, :n_tags])


def best_paths(emissions: Floats, lengths: IntArray, scores: Transitions) -> IntArray:
    """Return the best legal tags: (L, R, S); what stands past a row's length means nothing.

    emissions: (L, R, S, T), -inf where a layer has no such tag. lengths: (R,), each at least 1.
    """
    n_steps, n_tags = emissions.shape[2:]
    score = emissions[:, :, 0] + scores.first[:, None]  # (L, R, T)
    came_from = np.empty((n_steps, *score.shape), dtype=np.int16)
    stay = np.broadcast_to(np.arange(n_tags, dtype=np.int16), score.shape)
    into = np.ascontiguousarray(np.swapaxes(scores.between, 1, 2))[:, None]  # (L, 1, to, from)
    for step in range(1, n_steps):
        candidates = score[..., None, :] + into  # (L, R, to, from)
        best = candidates.argmax(axis=3)
        reached = np.take_along_axis(candidates, best[..., None], axis=3)[..., 0]
        is_on = (step < lengths)[None, :, None]
        came_from[step] = np.where(is_on, best, stay)
        score = np.where(is_on, reached + emissions[:, :, step], score)
    paths = np.empty(emissions.shape[:3], dtype=np.int64)
    tag = (score + scores.last[:, None]).argmax(axis=2)
    for step in range(n_steps - 1, -1, -1):
        paths[:, :, step] = tag
        if step:
            tag = np.take_along_axis(came_from[step], tag[..., None], axis=2)[..., 0].astype(np.int64)
    return paths


def log_steps(
    emissions: Floats, lengths: IntArray, scores: Transitions, paths: IntArray
) -> tuple[Floats, Floats, Floats]:
    """Return what the probability of any stretch of `paths` is made of: three arrays (L, R, S) of logarithms.

    A path's tags from step a to step b, whatever is around them, have the log-probability
    begin[a] + sum(go_on[a + 1 : b + 1]) + end[b], where the stretch is not followed by the tag that would go on with
    the mention of tag path[b].
    """
    weights = _weights(emissions, lengths)
    between = _exp(scores.between)
    first, last = _exp(scores.first), _exp(scores.last)
    n_steps = emissions.shape[2]
    alpha = np.empty_like(weights)
    scale = np.ones(weights.shape[:3])
    beta = np.empty_like(weights)
    for step in range(n_steps):
        reached = first[:, None] if step == 0 else alpha[:, :, step - 1] @ between
        alpha[:, :, step] = reached * weights[:, :, step]
        scale[:, :, step] = alpha[:, :, step].sum(axis=2)
        alpha[:, :, step] /= scale[:, :, step, None]
    backward = np.swapaxes(between, 1, 2)
    for step in range(n_steps - 1, -1, -1):
        total = (alpha[:, :, step] * last[:, None]).sum(axis=2, keepdims=True)
        beta[:, :, step] = last[:, None] / total
        if step + 1 < n_steps:
            inner = (weights[:, :, step + 1] * beta[:, :, step + 1] / scale[:, :, step + 1, None]) @ backward
            beta[:, :, step] = np.where((step + 1 < lengths)[None, :, None], inner, beta[:, :, step])
    return _stretches(weights, between, alpha, beta, scale, lengths, paths)


def _stretches(
    weights: Floats,
    between: Floats,
    alpha: Floats,
    beta: Floats,
    scale: Floats,
    lengths: IntArray,
    paths: IntArray,
) -> tuple[Floats, Floats, Floats]:
    n_layers, _, n_steps = paths.shape

    def at_path(values: Floats) -> Floats:
        return np.asarray(np.take_along_axis(values, paths[..., None], axis=3)[..., 0])

    layer = np.arange(n_layers)[:, None, None]
    begin = _log(at_path(alpha))
    go_on = np.zeros(paths.shape)
    moved = between[layer, paths[:, :, :-1], paths[:, :, 1:]]
    go_on[:, :, 1:] = _log(moved * at_path(weights)[:, :, 1:] / scale[:, :, 1:])
    # The tag that goes on: the next number after B, the same after I.
    inside = np.minimum(paths + paths % 2, weights.shape[3] - 1)
    end = at_path(beta)
    further = np.take_along_axis(weights[:, :, 1:] * beta[:, :, 1:], inside[:, :, :-1, None], axis=3)[..., 0]
    further *= between[layer, paths[:, :, :-1], inside[:, :, :-1]] / scale[:, :, 1:]
    is_followed = (np.arange(n_steps - 1) + 1 < lengths[:, None])[None]
    end[:, :, :-1] -= np.where(is_followed, further, 0.0)
    return begin, go_on, _log(end)


def _weights(emissions: Floats, lengths: IntArray) -> Floats:
    """Exponentials of emissions, the best of each step 1; steps past the end are all 1, tags that do not exist 0."""
    real = np.isfinite(emissions)
    scores = np.where((np.arange(emissions.shape[2]) < lengths[:, None])[None, :, :, None], emissions, 0.0)
    scores = np.where(real, scores, -np.inf)
    scores = scores - scores.max(axis=3, keepdims=True)
    return np.where(real, np.exp(np.maximum(scores, -RANGE)), 0.0)


def _exp(scores: Floats) -> Floats:
    return np.where(np.isfinite(scores), np.exp(np.clip(scores, -RANGE / 4, RANGE / 4)), 0.0)


def _log(probabilities: Floats) -> Floats:
    return np.log(np.maximum(probabilities, 1e-300))
