"""The loss against a reference that visits every token, span, mention and pair one by one."""

from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA, random_joint_model

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy  # noqa: E402

from medspan.formulations.mentions import Layout  # noqa: E402
from medspan.models.joint.loss import HeadBatch, head_loss  # noqa: E402
from medspan.models.joint.scorer import CANDIDATE_LOGIT  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402

LAYOUT = Layout(TINY_SCHEMA, ("Problem",))
LABEL, LINK = LAYOUT.label_index, LAYOUT.link_index
N_TOKENS = 22


def random_model(bias: float) -> Any:
    model = random_joint_model({"head": LAYOUT}, hidden=12, seed=3)
    with torch.no_grad():
        torch.nn.init.normal_(model.heads["head"].token.weight, std=0.16)
        model.heads["head"].token.bias.fill_(bias)
    return model


def gold(*, everything_annotated: bool = False, without_gold: bool = False) -> HeadBatch:
    """Three rows of 6, 4 and 10 tokens out of a batch of 22; the second is annotated for some labels only."""
    spans = [
        (0, 1, LABEL["Problem"]),
        (1, 1, LABEL["Drug"]),
        (3, 3, LABEL["Dose"]),
        (6, 7, LABEL["Drug"]),
        (9, 9, LABEL["Habit"]),
        (10, 12, LABEL["Problem"]),
        (14, 14, LABEL["Problem"]),
        (16, 16, LABEL["Drug"]),
    ]
    values = [[1, 0], [-1, 2], [-1, -1], [-1, 1], [-1, -1], [2, 2], [-1, -1], [-1, 0]]
    links = [
        (2, 1, LINK["dose-of"]),
        (0, 1, LINK["reason"]),
        (0, 1, LINK["same"]),
        (1, 0, LINK["same"]),
        (5, 6, LINK["+"]),
        (6, 5, LINK["+"]),
    ]
    if without_gold:
        spans, values, links = [], [], []
    label_mask = np.ones((3, len(LAYOUT.labels)), bool)
    attribute_mask = np.ones((3, 2), bool)
    link_mask = np.ones((3, len(LAYOUT.links)), bool)
    is_annotated = np.ones(20, bool)
    if not everything_annotated:
        label_mask[1, LABEL["Habit"]] = False
        attribute_mask[0, 1] = False
        link_mask[0, LINK["same"]] = False
        is_annotated[13:15] = False
    return HeadBatch(
        np.r_[0:6, 8:12, 12:22],
        np.repeat([0, 1, 2], [6, 4, 10]),
        np.array(spans, dtype=np.int64).reshape(-1, 3),
        np.array(values, dtype=np.int64).reshape(-1, 2),
        np.array(links, dtype=np.int64).reshape(-1, 3),
        is_annotated,
        label_mask,
        attribute_mask,
        link_mask,
    )


def bce(logit: Any, target: bool) -> Any:
    return binary_cross_entropy_with_logits(logit, torch.tensor(float(target)))


def slow_loss(model: Any, hidden: Any, batch: HeadBatch) -> dict[str, float]:
    h = hidden[torch.from_numpy(batch.tokens)]
    start, end, inside = scores = model.token_scores("head", h)
    golds = [tuple(span) for span in batch.spans.tolist()]
    n, n_labels = len(h), len(LAYOUT.labels)
    row = batch.row_of_token

    def known(token: int, label: int) -> bool:
        return bool(batch.label_mask[row[token], label] and batch.is_annotated[token])

    total = {"edges": 0.0, "spans": 0.0, "values": 0.0, "links": 0.0}
    for token in range(n):
        for label in range(n_labels):
            if known(token, label):
                mine = [span for span in golds if span[2] == label]
                total["edges"] += float(bce(start[token, label], any(a == token for a, _, _ in mine)))
                total["edges"] += float(bce(end[token, label], any(b == token for _, b, _ in mine)))
                total["edges"] += float(bce(inside[token, label], any(a <= token <= b for a, b, _ in mine)))
    candidates = {(a, b) for a, b, _ in golds}
    for label in range(n_labels):
        starts = [t for t in range(n) if start[t, label] > CANDIDATE_LOGIT and batch.label_mask[row[t], label]]
        ends = [t for t in range(n) if end[t, label] > CANDIDATE_LOGIT and batch.label_mask[row[t], label]]
        for a in starts:
            candidates |= {(a, b) for b in [t for t in ends if t >= a][:5] if row[a] == row[b]}
    mentions: list[tuple[int, int, int]] = []
    for a, b in sorted(candidates):
        logits = model.span_scores("head", h, scores, torch.tensor([a]), torch.tensor([b]))[0]
        for label in range(n_labels):
            if known(a, label) and known(b, label):
                total["spans"] += float(bce(logits[label], (a, b, label) in golds))
                if (a, b, label) in golds or logits[label] > 0:
                    mentions.append((a, b, label))
    if not mentions:
        return {name: total[name] for name in ("edges", "spans")}
    for a, b, label in mentions:
        state = model.mention_states(h, torch.tensor([a]), torch.tensor([b]))
        logits = model.value_scores("head", state)[0]
        for number, columns in enumerate(LAYOUT.attribute_columns):
            value = batch.values[golds.index((a, b, label)), number] if (a, b, label) in golds else -1
            if value >= 0 and batch.attribute_mask[row[a], number]:
                is_optional = LAYOUT.attributes[number].is_optional
                block = logits[columns] if is_optional else logits[columns][1:]
                total["values"] += float(cross_entropy(block, torch.tensor(value if is_optional else value - 1)))
    is_paired = False
    links = {(golds[a], golds[b], column) for a, b, column in batch.links.tolist()}
    for head in mentions:
        for tail in mentions:
            legal = LAYOUT.link_legal[head[2], tail[2]]
            if head is tail or row[head[0]] != row[tail[0]] or not legal.any():
                continue
            is_paired = True
            first, last = torch.tensor([head[0], tail[0]]), torch.tensor([head[1], tail[1]])
            state = model.mention_states(h, first, last)
            labels, pair = torch.tensor([head[2], tail[2]]), torch.tensor([[0, 1]])
            logits = model.link_scores("head", h, state, first, last, labels, pair)[0]
            for column in np.flatnonzero(legal & batch.link_mask[row[head[0]]]):
                total["links"] += float(bce(logits[column], (head, tail, int(column)) in links))
    return total if is_paired else {name: total[name] for name in ("edges", "spans", "values")}


@pytest.mark.parametrize("everything_annotated", [True, False])
@pytest.mark.parametrize("without_gold", [True, False])
@pytest.mark.parametrize("bias", [-3.0, -2.8])
def test_the_loss_is_that_of_the_slow_reference(everything_annotated: bool, without_gold: bool, bias: float) -> None:
    model = random_model(bias)
    hidden = torch.randn(N_TOKENS, 12)
    batch = gold(everything_annotated=everything_annotated, without_gold=without_gold)
    with torch.no_grad():
        parts = head_loss(model, "head", hidden, batch, np.random.default_rng(0), Criterion())
        expected = slow_loss(model, hidden, batch)
    assert {name: float(value) for name, value in parts.items()} == pytest.approx(expected, rel=1e-4)


def test_false_spans_are_sampled_where_everything_looks_plausible() -> None:
    model = random_model(bias=3.0)
    hidden = torch.randn(N_TOKENS, 12)
    with torch.no_grad():
        one, same, other = (
            head_loss(model, "head", hidden, gold(), np.random.default_rng(seed), Criterion())["spans"]
            for seed in (0, 0, 1)
        )
        everything = slow_loss(model, hidden, gold())["spans"]
    assert one == same != other
    assert one < everything


def test_what_a_corpus_does_not_annotate_moves_no_weight_of_its_labels() -> None:
    model = random_model(bias=-2.3)
    batch = gold()
    hidden = torch.randn(N_TOKENS, 12)
    batch.label_mask[:, LABEL["Habit"]] = False
    sum(head_loss(model, "head", hidden, batch, np.random.default_rng(0), Criterion()).values()).backward()
    head = model.heads["head"]
    rows = [LABEL["Habit"] + block * len(LAYOUT.labels) for block in range(3)]
    assert not head.token.weight.grad[rows].any()
    assert not head.label.weight.grad[LABEL["Habit"]].any()
    assert head.token.weight.grad[LABEL["Drug"]].any()
