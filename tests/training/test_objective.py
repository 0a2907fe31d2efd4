"""The criterion: sums by hand, focal and class-balanced weighing, and what happens where nothing is counted."""

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from medspan.errors import ConfigError  # noqa: E402
from medspan.formulations import WindowSize  # noqa: E402
from medspan.formulations.inputs import EncoderInput  # noqa: E402
from medspan.formulations.mentions import Layout, Supervision, encode  # noqa: E402
from medspan.models.objective import Criterion, balanced_weights  # noqa: E402
from medspan.training.config import Optimisation  # noqa: E402
from medspan.training.examples import Example  # noqa: E402
from medspan.training.losses import build_criterion  # noqa: E402
from medspan.training.tasks import Setting  # noqa: E402
from medspan.training.tasks.joint import JointGold, JointTask  # noqa: E402
from tiny import TINY_SCHEMA, word_tokens  # noqa: E402

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
MASK = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def by_hand(weigh: Any) -> float:
    total = 0.0
    for i in range(2):
        for j in range(3):
            p, y = sigmoid(float(LOGITS[i, j])), float(TARGETS[i, j])
            right = p if y else 1 - p
            total += float(MASK[i, j]) * weigh(right, y, j) * -math.log(right)
    return total


def test_the_binary_loss_is_a_masked_sum() -> None:
    assert float(Criterion().binary(LOGITS, TARGETS, MASK)) == pytest.approx(by_hand(lambda *_: 1.0), rel=1e-6)


def test_focal_counts_less_what_is_right_already() -> None:
    expected = by_hand(lambda right, *_: (1 - right) ** 1.5)
    assert float(Criterion("focal", gamma=1.5).binary(LOGITS, TARGETS, MASK)) == pytest.approx(expected, rel=1e-5)


def test_a_balanced_yes_weighs_as_its_class_does_and_a_no_counts_once() -> None:
    weights = torch.tensor([0.5, 2.0, 3.0])
    criterion = Criterion("class_balanced", groups={"labels": weights})
    expected = by_hand(lambda _, y, j: float(weights[j]) if y else 1.0)
    assert float(criterion.of("labels").binary(LOGITS, TARGETS, MASK)) == pytest.approx(expected, rel=1e-6)
    plain = by_hand(lambda *_: 1.0)
    assert float(criterion.of("others").binary(LOGITS, TARGETS, MASK)) == pytest.approx(plain, rel=1e-6)
    assert float(criterion.of("labels").of("others").binary(LOGITS, TARGETS, MASK)) == pytest.approx(plain, rel=1e-6)


def test_the_categorical_loss_weighs_an_item_by_its_class() -> None:
    classes = torch.tensor([2, 0])
    likelihoods = [float(LOGITS[i].softmax(0)[c]) for i, c in enumerate(classes)]
    criterion = Criterion("class_balanced", groups={"tags": torch.tensor([4.0, 1.0, 0.25])})
    expected = -0.25 * math.log(likelihoods[0]) - 4.0 * math.log(likelihoods[1])
    assert float(criterion.of("tags").categorical(LOGITS, classes)) == pytest.approx(expected, rel=1e-6)
    focal = sum(-((1 - p) ** 2) * math.log(p) for p in likelihoods)
    assert float(Criterion("focal").categorical(LOGITS, classes)) == pytest.approx(focal, rel=1e-5)


def test_balanced_weights_are_inverse_effective_numbers_that_average_one() -> None:
    weights = balanced_weights([1, 100, 10_000, 0], 0.99).tolist()
    effective = [(1 - 0.99**n) / (1 - 0.99) for n in (1, 100, 10_000)]
    assert weights[3] == 1.0
    assert sum(weights[:3]) == pytest.approx(3.0, rel=1e-5)
    assert [w / weights[0] for w in weights[:3]] == pytest.approx([effective[0] / e for e in effective], rel=1e-5)
    assert balanced_weights([5, 5], 0.0).tolist() == [1.0, 1.0]


def joint_example(text: str, label: str) -> Example:
    from medspan.annotation import Document, Entity, Span

    layout = Layout(TINY_SCHEMA)
    entity = Entity("T1", label, (Span(0, text.index(" ")),))
    targets = encode(Document("n", text, (entity,)), word_tokens(text), layout)
    row = EncoderInput(word_tokens(text).ids)
    return Example(row, JointGold({"tiny": targets}, {"tiny": Supervision.of(layout)}))


def joint_task() -> JointTask:
    tokenizer: Any = None
    return JointTask(Setting(tokenizer, {"tiny": Layout(TINY_SCHEMA)}, WindowSize(60), {}))


def test_the_joint_task_counts_its_classes_and_rare_ones_weigh_more() -> None:
    examples = [joint_example("aspirin daily", "Drug")] * 9 + [joint_example("fever today", "Problem")]
    layout = Layout(TINY_SCHEMA)
    counts = joint_task().class_counts(examples)
    assert counts["tiny/links"] == [0] * len(layout.links)
    assert dict(zip(layout.labels, counts["tiny/labels"], strict=True))["Drug"] == 9
    criterion = build_criterion(Optimisation(loss="class_balanced"), joint_task(), examples)
    weights = dict(zip(layout.labels, criterion.groups["tiny/labels"].tolist(), strict=True))
    assert weights["Problem"] == pytest.approx(9 * weights["Drug"], rel=0.02)


def test_a_formulation_that_counts_no_classes_cannot_balance_them() -> None:
    class Uncounted:
        losses = joint_task().losses

    task: Any = Uncounted()
    with pytest.raises(ConfigError, match="does not count"):
        build_criterion(Optimisation(loss="class_balanced"), task, [])
    assert build_criterion(Optimisation(loss="focal", focal_gamma=3.0), task, []).gamma == 3.0
