"""The tagging heads as served (numpy) against the heads as trained (torch), and what their loss learns."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from medspan.annotation import LabelSchema  # noqa: E402
from medspan.errors import CheckpointError  # noqa: E402
from medspan.formulations.mentions import Layout, Outputs  # noqa: E402
from medspan.formulations.tagging import Layers, Units  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402
from medspan.models.tagging import TaggingScorer  # noqa: E402
from medspan.models.tagging.loss import HeadBatch, head_loss  # noqa: E402
from medspan.models.tagging.network import TaggingModel  # noqa: E402

HIDDEN = 16
LAYOUTS = {"all": Layout(TINY_SCHEMA), "bare": Layout(LabelSchema("bare", TINY_SCHEMA.entities))}
LAYERS = {"all": Layers(((0, 2, 4), (1, 3, 5))), "bare": Layers(tuple((label,) for label in range(6)))}
SIZES = (7, 1, 12, 4)


def random_model(has_crf: bool, layouts: dict[str, Layout] = LAYOUTS, layers: dict[str, Layers] = LAYERS) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2, intermediate_size=HIDDEN
    )
    encoder = Encoder(transformers.BertModel(config, add_pooling_layer=False))
    model = TaggingModel(encoder, layouts, layers, has_crf).eval()
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.normal_(std=0.5)
    return model


def scorer_of(model: Any) -> TaggingScorer:
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    return TaggingScorer(weights, model.layouts, model.layers)


def states(sizes: tuple[int, ...], seed: int = 1) -> tuple[np.ndarray, np.ndarray, Units]:
    """States, row of each token, and words of one or two pieces that do not cross rows."""
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(sizes)), sizes)
    is_first = rng.random(len(row)) < 0.7
    is_first[np.searchsorted(row, np.arange(len(sizes)))] = True
    first = np.flatnonzero(is_first)
    return rng.normal(size=(len(row), HIDDEN)).astype(np.float32), row, Units(first, np.append(first[1:], len(row)) - 1)


@pytest.mark.parametrize("has_crf", [False, True], ids=["plain", "crf"])
@pytest.mark.parametrize("head", LAYOUTS)
def test_numpy_and_torch_give_the_same_scores(head: str, has_crf: bool) -> None:
    model = random_model(has_crf)
    h, row, units = states(SIZES)
    found = scorer_of(model).score(head, h, row, units)
    assert len(found.labels) > 4
    layers, hidden = model.layers[head], torch.from_numpy(h)
    if head == "bare":
        assert found.values.shape == (len(found.labels), 0)
    with torch.inference_mode():
        logits = model.tag_scores(head, hidden[torch.from_numpy(units.first)]).double().numpy()
        if head == "all":
            first, last = torch.from_numpy(found.spans.first), torch.from_numpy(found.spans.last)
            values = model.value_scores(head, hidden, first, last)
            np.testing.assert_allclose(found.values, values.numpy(), atol=1e-4)
    for at, (first, last, label) in enumerate(zip(found.spans.first, found.spans.last, found.labels, strict=True)):
        of_row = row[units.first] == row[first]
        layer = int(layers.place_of_label[label, 0])
        with_it = as_probable_as(model, head, logits[of_row], layer, units.first[of_row], units.last[of_row])
        assert found.scores[at] == pytest.approx(with_it(int(first), int(last), int(label)), abs=2.5e-5)


def as_probable_as(
    model: Any, head: str, logits: np.ndarray, layer: int, unit_first: np.ndarray, unit_last: np.ndarray
) -> Any:
    """Return how probable torch's forward sums make a mention of a row: sequences that hold it, over all."""
    layers = model.layers[head]
    crf = model.heads[head].crf
    if crf is None:
        from medspan.models.tagging.crf import TagTransitions

        crf = TagTransitions(layers)

    def log_sum(allowed: np.ndarray) -> float:
        emissions = np.where(layers.is_tag[:, None], logits[:, layers.columns].swapaxes(0, 1), -1e4)
        emissions[layer][~allowed] = -1e4
        with torch.inference_mode():
            sums = crf.log_sums(torch.from_numpy(emissions[:, None]), torch.tensor([len(logits)]))
        return float(sums[layer, 0])

    def probability(first: int, last: int, label: int) -> float:
        begin = int(layers.place_of_label[label, 1])
        a, b = int(np.flatnonzero(unit_first == first)[0]), int(np.flatnonzero(unit_last == last)[0])
        allowed = np.ones((len(logits), layers.width), bool)
        allowed[a : b + 1] = np.arange(layers.width) == begin + 1
        allowed[a] = np.arange(layers.width) == begin
        if b + 1 < len(logits):
            allowed[b + 1, begin + 1] = False
        return float(np.exp(log_sum(allowed) - log_sum(np.ones_like(allowed))))

    return probability


def part_of_row(found: Outputs, row_of_token: np.ndarray, row: int) -> list[tuple[int, int, int]]:
    offset = int(np.searchsorted(row_of_token, row))
    return [
        (int(first) - offset, int(last) - offset, int(label))
        for first, last, label in zip(found.spans.first, found.spans.last, found.labels, strict=True)
        if row_of_token[first] == row
    ]


@pytest.mark.parametrize("has_crf", [False, True], ids=["plain", "crf"])
def test_a_row_scores_the_same_alone_and_among_others(has_crf: bool) -> None:
    scorer = scorer_of(random_model(has_crf))
    h, row, units = states(SIZES)
    together = scorer.score("all", h, row, units)
    for number in range(len(SIZES)):
        mine, offset = row == number, int(np.searchsorted(row, number))
        own = row[units.first] == number
        part = Units(units.first[own] - offset, units.last[own] - offset)
        alone = scorer.score("all", h[mine], np.zeros(mine.sum(), np.int64), part)
        assert part_of_row(alone, np.zeros(mine.sum(), np.int64), 0) == part_of_row(together, row, number)
        np.testing.assert_allclose(alone.scores, together.scores[row[together.spans.first] == number], atol=1e-5)


def test_a_row_holds_no_more_mentions_than_its_bound_and_the_best_are_kept() -> None:
    model = random_model(False)
    with torch.no_grad():
        model.heads["bare"].tag.bias.view(6, 3)[:, 1] += 40.0
        model.heads["bare"].tag.bias.view(6, 3)[5, 1] -= 37.0
    h, row, _ = states((30,))
    each = np.arange(30)
    found = scorer_of(model).score("bare", h, row, Units(each, each))
    assert len(found.labels) == 38
    assert 5 not in found.labels


def test_nothing_in_nothing_out() -> None:
    none = np.zeros(0, np.int64)
    found = scorer_of(random_model(True)).score("all", np.zeros((0, HIDDEN), np.float32), none, Units(none, none))
    assert len(found.labels) == len(found.scores) == len(found.pairs) == 0


def test_weights_of_other_layers_are_refused() -> None:
    model = random_model(False)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match="tag weights do not fit"):
        TaggingScorer(weights, LAYOUTS, LAYERS | {"all": Layers((tuple(range(6)),))})


# The loss, on one row of three units of one piece, in one head set of one layer with two labels.

SMALL = {"one": Layout(LabelSchema("one", TINY_SCHEMA.entities[:2]))}
ONE_LAYER = {"one": Layers(((0, 1),))}


def batch_of(allowed: list[set[int]]) -> HeadBatch:
    n = len(allowed)
    table = torch.zeros(n, 1, 5, dtype=torch.bool)
    for unit, tags in enumerate(allowed):
        table[unit, 0, list(tags)] = True
    none = torch.zeros(0, dtype=torch.long)
    gold = torch.tensor([[min(tags)] for tags in allowed])
    zeros, each = torch.zeros(n, dtype=torch.long), torch.arange(n)
    return HeadBatch(each, zeros, each, gold, table, none, none, none.view(0, 0))


def loss_of(model: Any, allowed: list[set[int]], criterion: Criterion | None = None) -> Any:
    hidden = torch.from_numpy(states((len(allowed),))[0])
    return head_loss(model, "one", hidden, batch_of(allowed), criterion or Criterion())["tags"]


PARTLY = [[{0}, {1}, {2}], [{0, 3, 4}, {1}, {0, 3, 4}], [set(range(5)), {0, 3, 4}, {0}], [{0, 3, 4}] * 3]


@pytest.mark.parametrize("allowed", PARTLY)
def test_a_token_costs_what_the_allowed_tags_lack_of_certainty(allowed: list[set[int]]) -> None:
    model = random_model(False, SMALL, ONE_LAYER)
    with torch.inference_mode():
        hidden = torch.from_numpy(states((3,))[0])
        shares = torch.softmax(model.tag_scores("one", hidden), dim=1).numpy()
        wanted = -sum(np.log(shares[unit, list(tags)].sum()) for unit, tags in enumerate(allowed))
        assert float(loss_of(model, allowed)) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("allowed", PARTLY)
def test_a_crf_costs_what_the_allowed_sequences_lack_of_certainty(allowed: list[set[int]]) -> None:
    model = random_model(True, SMALL, ONE_LAYER)
    crf, layers = model.heads["one"].crf, ONE_LAYER["one"]
    with torch.inference_mode():
        logits = model.tag_scores("one", torch.from_numpy(states((3,))[0])).numpy().astype(float)
        between, first, last = (p.numpy().astype(float)[0] for p in (crf.between, crf.first, crf.last))
        every = kept = 0.0
        for tags in product(range(5), repeat=3):
            legal = layers.transition_legal[0, tags[0], tags[1]] and layers.transition_legal[0, tags[1], tags[2]]
            if not (legal and layers.first_legal[0, tags[0]]):
                continue
            score = first[tags[0]] + last[tags[2]] + between[tags[0], tags[1]] + between[tags[1], tags[2]]
            weight = np.exp(score + sum(logits[unit, tag] for unit, tag in enumerate(tags)))
            every += weight
            kept += weight if all(tag in allowed[unit] for unit, tag in enumerate(tags)) else 0.0
        assert float(loss_of(model, allowed)) == pytest.approx(np.log(every / kept), abs=1e-5)


@pytest.mark.parametrize("has_crf", [False, True], ids=["plain", "crf"])
def test_units_that_nothing_is_said_of_are_not_learnt(has_crf: bool) -> None:
    model = random_model(has_crf, SMALL, ONE_LAYER)
    loss = loss_of(model, [set(range(5))] * 3)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.0, abs=1e-6)
    assert all(float(p.grad.abs().max()) < 1e-6 for p in model.heads.parameters() if p.grad is not None)


def test_focal_loss_learns_less_from_what_is_known() -> None:
    model = random_model(False, SMALL, ONE_LAYER)
    with torch.inference_mode():
        plain = float(loss_of(model, PARTLY[0]))
        assert 0 < float(loss_of(model, PARTLY[0], Criterion("focal"))) < plain
        weights = torch.tensor([1.0, 2.0, 2.0, 1.0, 1.0])
        balanced = loss_of(model, PARTLY[0], Criterion("class_balanced", groups={"one tags 0": weights}))
        assert plain < float(balanced) < 2 * plain
