"""What enters the loss of reading comprehension, and what does not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from medspan.formulations.mentions import Layout, SpanArray  # noqa: E402
from medspan.formulations.reading_comprehension import gap_codes  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402
from medspan.models.reading_comprehension import ReadingScorer  # noqa: E402
from medspan.models.reading_comprehension.loss import ReadingGold, reading_loss  # noqa: E402
from medspan.models.reading_comprehension.network import ReadingModel  # noqa: E402

LAYOUT = Layout(TINY_SCHEMA)
PROBLEM, DRUG = LAYOUT.label_index["Problem"], LAYOUT.label_index["Drug"]
SAME = LAYOUT.link_index["same"]
HIDDEN = 16

# Row 0 asks for problems and has two, nested; row 1 asks for a label it has none of; row 2 asks about its mention of
# token 12, and of two possible tails one is right.
GOLD = ReadingGold(
    row_of_token=np.repeat([0, 1, 2], [5, 4, 6]),
    is_annotated=np.ones(15, bool),
    spans=np.array([[0, 2], [1, 1], [10, 11], [14, 14]]),
    is_answer=np.array([True, True, True, False]),
    labels=np.array([-1, -1, DRUG, DRUG]),
    values={"tiny": np.array([[0, 1, 0], [1, 2, -1]])},
    head_of_row=np.array(["tiny", "tiny", "tiny"]),
    asks=np.array([PROBLEM, DRUG, SAME]),
    about=np.array([[-1, -1], [-1, -1], [12, 12]]),
)


def model_with(bias: float) -> Any:
    """A random model that finds an edge at every token, or at none."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    backbone = transformers.BertModel(config, add_pooling_layer=False)
    model = ReadingModel(Encoder(backbone), {"tiny": LAYOUT}, dropout=0.0, size=12)
    torch.nn.init.constant_(model.token.bias, bias)
    return model


def states() -> Any:
    return torch.randn(15, HIDDEN, generator=torch.Generator().manual_seed(3))


def losses(
    model: Any,
    h: Any,
    gold: ReadingGold = GOLD,
    criterion: Criterion = Criterion(),  # noqa: B008
) -> dict[str, Any]:
    found: dict[str, Any] = reading_loss(model, h, gold, np.random.default_rng(0), criterion)
    return found


def cross_entropy(probability: float, is_true: bool) -> float:
    return -float(np.log(probability if is_true else 1 - probability))


def test_the_loss_is_that_of_gold_spans_alone_where_no_other_is_plausible() -> None:
    model, h = model_with(bias=-8.0), states()
    parts = {name: value.item() for name, value in losses(model, h).items()}
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    scorer = ReadingScorer(weights, {"tiny": LAYOUT})
    with torch.inference_mode():
        first, last = torch.tensor([0, 1]), torch.tensor([2, 1])
        tokens = model.token_scores(h)
        state = model.span_states(h, first, last, torch.tensor([-1, -1]))
        asked = torch.sigmoid(model.answer_scores(state, tokens, first, last)).tolist()
        values = model.value_scores("tiny", state)
        edges = torch.sigmoid(tokens).numpy()
    assert parts["answers"] == pytest.approx(sum(cross_entropy(p, True) for p in asked), rel=1e-4)
    # The first mention is "present" (of two values, never none) and has no severity; the second is "absent".
    expected = -values[0, 1:3].log_softmax(0)[0] - values[0, 3:6].log_softmax(0)[0] - values[1, 1:3].log_softmax(0)[1]
    assert parts["values"] == pytest.approx(float(expected), rel=1e-4)
    spans = SpanArray(np.array([10, 14]), np.array([11, 14]))
    gaps = gap_codes(spans.first, spans.last, np.array([12, 12]), np.array([12, 12]))
    right, wrong = scorer.tails("tiny", h.numpy(), spans, np.array([DRUG, DRUG]), gaps)
    assert parts["links"] == pytest.approx(cross_entropy(right, True) + cross_entropy(wrong, False), rel=1e-3)
    truth = np.zeros((15, 3))
    truth[[0, 1, 10], 0] = truth[[2, 1, 11], 1] = truth[[0, 1, 2, 10, 11], 2] = 1
    wanted = sum(cross_entropy(p, bool(t)) for p, t in zip(edges.ravel(), truth.ravel(), strict=True))
    assert parts["edges"] == pytest.approx(wanted, rel=1e-4)


def test_wrong_answers_that_are_plausible_now_count_where_there_is_no_right_one() -> None:
    none = replace(GOLD, values={}, spans=GOLD.spans[:0], is_answer=GOLD.is_answer[:0], labels=GOLD.labels[:0])
    few, many = losses(model_with(bias=-8.0), states(), none), losses(model_with(bias=1.0), states(), none)
    for part in "answers", "links":
        assert few[part].item() == 0
        assert many[part].item() > 2


def test_nothing_is_learnt_where_a_corpus_says_nothing() -> None:
    silent = replace(GOLD, is_annotated=np.zeros(15, bool), values={})
    model = model_with(bias=1.0)
    parts = losses(model, states(), silent)
    assert sum(value.item() for value in parts.values()) == 0
    sum(parts.values(), start=torch.zeros(())).backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_tokens_of_rows_that_a_corpus_annotates_in_part_get_gradients_only_there() -> None:
    partly = replace(GOLD, is_annotated=np.arange(15) >= 5, values={})
    h = states().requires_grad_()
    losses(model_with(bias=1.0), h, partly)["edges"].backward()
    moved = h.grad.abs().sum(1) > 0
    assert moved.tolist() == [False] * 5 + [True] * 10


def test_candidates_that_are_too_many_are_drawn_by_the_generator_given() -> None:
    model, h = model_with(bias=1.0), states()

    def loss(seed: int) -> float:
        found: float = reading_loss(model, h, GOLD, np.random.default_rng(seed), Criterion())["answers"].item()
        return found

    assert loss(1) == loss(1)
    assert len({loss(seed) for seed in range(5)}) > 1


def test_a_batch_of_questions_without_any_span_still_has_edges_to_learn() -> None:
    empty = replace(GOLD, values={}, spans=GOLD.spans[:0], is_answer=GOLD.is_answer[:0], labels=GOLD.labels[:0])
    model = model_with(bias=-8.0)
    parts = losses(model, states(), empty)
    sum(parts.values(), start=torch.zeros(())).backward()
    assert parts["edges"].item() > 0
    assert model.token.weight.grad.any()


def test_right_answers_weigh_as_what_is_asked_for_does_where_classes_are_balanced() -> None:
    model, h = model_with(bias=-8.0), states()
    plain = losses(model, h)
    weights = {"tiny/labels": torch.ones(len(LAYOUT.labels)), "tiny/links": torch.ones(len(LAYOUT.links))}
    weights["tiny/labels"][PROBLEM], weights["tiny/links"][SAME] = 3.0, 5.0
    # All candidate answers to the first question are right; of those to the third, one of two is.
    balanced = losses(model, h, criterion=Criterion("class_balanced", groups=weights))
    assert balanced["answers"].item() == pytest.approx(3 * plain["answers"].item(), rel=1e-5)
    only_wrong = replace(GOLD, is_answer=np.zeros(4, bool), values={})
    assert losses(model, h, only_wrong, Criterion("class_balanced", groups=weights))["links"].item() == pytest.approx(
        losses(model, h, only_wrong)["links"].item(), rel=1e-5
    )
    assert plain["links"].item() < balanced["links"].item() < 5 * plain["links"].item()
    assert balanced["edges"].item() > plain["edges"].item()
    assert balanced["values"].item() == plain["values"].item()
