"""The heads as served (numpy) against the heads as trained (torch), and the bounds on what a row may hold."""

from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA, random_joint_model

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.annotation import LabelSchema  # noqa: E402
from medspan.formulations.mentions import FRAGMENT, Layout, Outputs, Thresholds  # noqa: E402
from medspan.models.joint import JointScorer  # noqa: E402
from medspan.models.joint.scorer import SPANS_PER_TOKEN, SPARE_MENTIONS  # noqa: E402

LAYOUTS = {
    "all": Layout(TINY_SCHEMA, ("Problem", "Drug")),
    "bare": Layout(LabelSchema("bare", TINY_SCHEMA.entities)),
}
HIDDEN = 16
SIZES = (7, 1, 12, 4)
EVERYTHING = Thresholds(default=0.0)


def random_model(bias: float = 0.0) -> Any:
    return random_joint_model(LAYOUTS, hidden=HIDDEN, bias=bias)


def scorer_of(model: Any) -> JointScorer:
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    return JointScorer(weights, LAYOUTS)


def states(sizes: tuple[int, ...], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    h = np.random.default_rng(seed).normal(size=(sum(sizes), HIDDEN)).astype(np.float32)
    return h, np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("head", LAYOUTS)
def test_numpy_and_torch_give_the_same_scores(head: str) -> None:
    model = random_model()
    h, row_of_token = states(SIZES)
    found = scorer_of(model).score(head, h, row_of_token, EVERYTHING)
    first, last = torch.from_numpy(found.spans.first), torch.from_numpy(found.spans.last)
    hidden, labels = torch.from_numpy(h), torch.from_numpy(found.labels)
    with torch.inference_mode():
        logits = model.span_scores(head, hidden, model.token_scores(head, hidden), first, last)
        state = model.mention_states(hidden, first, last)
        assert len(found.labels) > 20
        # Logits within 1e-4 are probabilities within a quarter of it.
        chosen = torch.sigmoid(logits)[torch.arange(len(labels)), labels].numpy()
        np.testing.assert_allclose(found.scores, chosen, atol=2.5e-5)
        if head == "bare":
            assert found.values.shape == (len(labels), 0)
            assert found.link_scores.shape == (0, 0)
            return
        np.testing.assert_allclose(found.values, model.value_scores(head, state).numpy(), atol=1e-4)
        links = model.link_scores(head, hidden, state, first, last, labels, torch.from_numpy(found.pairs))
    assert len(found.pairs) > 50
    legal = LAYOUTS[head].link_legal[found.labels[found.pairs[:, 0]], found.labels[found.pairs[:, 1]]]
    np.testing.assert_allclose(found.link_scores, np.where(legal, torch.sigmoid(links).numpy(), 0), atol=2.5e-5)


def part_of_row(found: Outputs, row_of_token: np.ndarray, row: int) -> list[tuple[int, int, int]]:
    offset = int(np.searchsorted(row_of_token, row))
    return [
        (int(first) - offset, int(last) - offset, int(label))
        for first, last, label in zip(found.spans.first, found.spans.last, found.labels, strict=True)
        if row_of_token[first] == row
    ]


@pytest.mark.parametrize("bias", [-1.0, 4.0])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
def test_a_row_scores_the_same_alone_and_among_others(threshold: float, bias: float) -> None:
    scorer = scorer_of(random_model(bias=bias))
    h, row_of_token = states(SIZES)
    thresholds = Thresholds(default=threshold)
    together = scorer.score("all", h, row_of_token, thresholds)
    for row in range(len(SIZES)):
        part = h[row_of_token == row]
        alone = scorer.score("all", part, np.zeros(len(part), np.int64), thresholds)
        assert part_of_row(alone, np.zeros(len(part), np.int64), 0) == part_of_row(together, row_of_token, row)
        mine = row_of_token[together.spans.first] == row
        np.testing.assert_allclose(alone.scores, together.scores[mine], atol=1e-5)
        pairs = row_of_token[together.spans.first[together.pairs[:, 0]]] == row
        np.testing.assert_allclose(alone.link_scores, together.link_scores[pairs], atol=1e-5)


def test_a_model_that_believes_everything_is_held_to_the_bounds() -> None:
    scorer = scorer_of(random_model(bias=50.0))
    h, row_of_token = states((190, 190))
    n_scored = []
    count = scorer._span_logits
    scorer._span_logits = lambda *args: n_scored.append(len(args[-1])) or count(*args)  # type: ignore
    found = scorer.score("all", h, row_of_token, EVERYTHING)
    assert n_scored == [2 * 190 * SPANS_PER_TOKEN]
    assert np.bincount(row_of_token[found.spans.first]).max() <= 190 + SPARE_MENTIONS
    assert len(found.pairs) <= 2 * (190 + SPARE_MENTIONS) ** 2


def test_the_bounds_keep_the_best_scored_mentions(monkeypatch: pytest.MonkeyPatch) -> None:
    from medspan.models.joint import scorer as module

    model = random_model(bias=4.0)
    with torch.no_grad():
        model.heads["all"].label.bias.add_(6.0)
    scorer = scorer_of(model)
    h, row_of_token = states((6,))
    # At one half and above, no mention gives way to another.
    bounded = scorer.score("all", h, row_of_token, Thresholds())
    monkeypatch.setattr(module, "SPARE_MENTIONS", 10_000)
    everything = scorer.score("all", h, row_of_token, Thresholds())
    assert len(everything.labels) > 6 + SPARE_MENTIONS
    best = np.sort(everything.scores)[::-1][: 6 + SPARE_MENTIONS]
    np.testing.assert_array_equal(np.sort(bounded.scores)[::-1], best)


def test_pairs_are_scored_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from medspan.models.joint import scorer as module

    scorer = scorer_of(random_model())
    h, row_of_token = states(SIZES)
    whole = scorer.score("all", h, row_of_token, EVERYTHING).link_scores
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 7)
    np.testing.assert_allclose(scorer.score("all", h, row_of_token, EVERYTHING).link_scores, whole, atol=1e-6)


def test_fragments_are_linked_only_within_labels_that_may_be_discontinuous() -> None:
    h, row_of_token = states(SIZES)
    found = scorer_of(random_model()).score("all", h, row_of_token, EVERYTHING)
    column = LAYOUTS["all"].link_index[FRAGMENT]
    joined = found.pairs[found.link_scores[:, column] > 0]
    names = [[LAYOUTS["all"].labels[found.labels[m]] for m in pair] for pair in joined]
    assert names
    assert all(head == tail and head in ("Problem", "Drug") for head, tail in names)
