"""The reading comprehension heads as served (numpy) against the heads as trained (torch)."""

from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from medspan.annotation import LabelSchema  # noqa: E402
from medspan.errors import CheckpointError  # noqa: E402
from medspan.formulations.mentions import Layout, SpanArray  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.reading_comprehension import CANDIDATE_LOGIT, ReadingScorer  # noqa: E402
from medspan.models.reading_comprehension.network import ReadingModel  # noqa: E402

LAYOUTS = {"all": Layout(TINY_SCHEMA), "bare": Layout(LabelSchema("bare", TINY_SCHEMA.entities))}
HIDDEN = 16
SIZES = (7, 1, 12, 4)


def random_model() -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    model = ReadingModel(Encoder(transformers.BertModel(config, add_pooling_layer=False)), LAYOUTS, size=12).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("encoder."):
                parameter.normal_(std=0.4)
    return model


def scorer_of(model: Any) -> ReadingScorer:
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    return ReadingScorer(weights, LAYOUTS)


def states(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    h = np.random.default_rng(1).normal(size=(sum(sizes), HIDDEN)).astype(np.float32)
    return h, np.repeat(np.arange(len(sizes)), sizes)


def test_numpy_and_torch_give_the_same_answers_and_values() -> None:
    model = random_model()
    h, row_of_token = states(SIZES)
    found = scorer_of(model).answers(h, row_of_token)
    assert len(found.scores) > 10
    hidden, first, last = map(torch.from_numpy, (h, found.spans.first, found.spans.last))
    with torch.inference_mode():
        state = model.span_states(hidden, first, last, torch.full_like(first, -1))
        logits = model.answer_scores(state, model.token_scores(hidden), first, last)
        np.testing.assert_allclose(found.states, state.numpy(), atol=1e-5)
        # Logits within 1e-4 are probabilities within a quarter of it.
        np.testing.assert_allclose(found.scores, torch.sigmoid(logits).numpy(), atol=2.5e-5)
        values = scorer_of(model).values("all", found.states)
        np.testing.assert_allclose(values, model.value_scores("all", state).numpy(), atol=1e-4)
    assert scorer_of(model).values("bare", found.states).shape == (len(found.scores), 0)


def test_numpy_and_torch_give_the_same_tails() -> None:
    model = random_model()
    h, _ = states(SIZES)
    rng = np.random.default_rng(2)
    first = rng.integers(0, len(h) - 3, 40)
    last = first + rng.integers(0, 3, 40)
    labels, gaps = rng.integers(0, len(LAYOUTS["all"].labels), 40), rng.integers(-1, 36, 40)
    found = scorer_of(model).tails("all", h, SpanArray(first, last), labels, gaps)
    at = [torch.from_numpy(array) for array in (first, last, labels, gaps)]
    hidden = torch.from_numpy(h)
    with torch.inference_mode():
        state = model.span_states(hidden, at[0], at[1], at[3])
        logits = model.answer_scores(state, model.token_scores(hidden), at[0], at[1])
        logits = logits + model.tail_scores("all", state, at[2])
    np.testing.assert_allclose(found, torch.sigmoid(logits).numpy(), atol=2.5e-5)
    assert np.ptp(found) > 0.2


def test_only_plausible_starts_and_ends_of_one_row_are_paired() -> None:
    model = random_model()
    h, row_of_token = states(SIZES)
    with torch.inference_mode():
        start, end, _ = model.token_scores(torch.from_numpy(h)).numpy().T
    expected = {
        (first, last)
        for first in range(len(h))
        if start[first] > CANDIDATE_LOGIT
        for last in [at for at in range(first, len(h)) if end[at] > CANDIDATE_LOGIT][:5]
        if row_of_token[first] == row_of_token[last]
    }
    spans = scorer_of(model).answers(h, row_of_token).spans
    assert set(zip(spans.first.tolist(), spans.last.tolist(), strict=True)) == expected
    assert 0 < len(spans) < sum(n * (n + 1) // 2 for n in SIZES)


def test_a_row_is_answered_the_same_alone_and_among_others() -> None:
    scorer = scorer_of(random_model())
    h, row_of_token = states(SIZES)
    together = scorer.answers(h, row_of_token)
    for row in range(len(SIZES)):
        part = h[row_of_token == row]
        alone = scorer.answers(part, np.zeros(len(part), np.int64))
        mine = row_of_token[together.spans.first] == row
        offset = int(np.searchsorted(row_of_token, row))
        assert (alone.spans.first + offset).tolist() == together.spans.first[mine].tolist()
        assert (alone.spans.last + offset).tolist() == together.spans.last[mine].tolist()
        np.testing.assert_allclose(alone.scores, together.scores[mine], atol=1e-5)


def test_weights_of_another_schema_are_refused() -> None:
    model = random_model()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match="head set 'bare': its value weights do not fit its schema"):
        ReadingScorer(weights, {"bare": LAYOUTS["all"]})
    with pytest.raises(CheckpointError, match="head set 'all': its value weights"):
        ReadingScorer(weights, {"all": LAYOUTS["bare"]})
