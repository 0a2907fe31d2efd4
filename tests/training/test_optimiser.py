"""The optimiser's groups, the average of the weights that learn, and the schedule of the rate."""

import pytest

torch = pytest.importorskip("torch")

from medspan.training.config import Optimisation  # noqa: E402
from medspan.training.optimiser import Average, build_optimiser  # noqa: E402


def test_the_average_follows_the_weights_fast_at_first_and_then_by_its_decay() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = Average(model, 0.9)
    expected = 0.0
    for step in range(200):
        torch.nn.init.constant_(model.weight, step)
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(average.weights["weight"]) == pytest.approx(expected, rel=1e-5)


def test_rates_fall_by_layer_from_the_last_down_and_norms_do_not_decay() -> None:
    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = torch.nn.Embedding(2, 2)
            self.layer = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
            self.final_norm = torch.nn.LayerNorm(2)

    model = torch.nn.ModuleDict(
        {"encoder": torch.nn.ModuleDict({"backbone": Encoder()}), "head": torch.nn.Linear(2, 2)}
    )
    options = Optimisation(learning_rate=1.0, head_learning_rate=5.0, layer_decay=0.5, weight_decay=0.1)
    found = {}
    for group in build_optimiser(model, options).param_groups:
        for parameter in group["params"]:
            name = next(n for n, p in model.named_parameters() if p is parameter)
            found[name] = (group["peak"], group["weight_decay"])
    assert found["encoder.backbone.layer.2.weight"] == (1.0, 0.1)
    assert found["encoder.backbone.layer.2.bias"] == (1.0, 0.0)
    assert found["encoder.backbone.layer.0.weight"] == (0.25, 0.1)
    assert found["encoder.backbone.embeddings.weight"] == (0.125, 0.1)
    assert found["encoder.backbone.final_norm.weight"] == (1.0, 0.0)
    assert found["head.weight"] == (5.0, 0.1)


def test_adapters_learn_at_the_peak_rate_in_every_layer_and_frozen_weights_not_at_all() -> None:
    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = torch.nn.Linear(2, 2).requires_grad_(False)
            self.lora_A = torch.nn.Linear(2, 1, bias=False)

    backbone = torch.nn.ModuleDict({"layer": torch.nn.ModuleList([Layer(), Layer()])})
    model = torch.nn.ModuleDict({"encoder": torch.nn.ModuleDict({"backbone": backbone})})
    (group,) = build_optimiser(model, Optimisation(learning_rate=1.0, layer_decay=0.5)).param_groups
    assert [tuple(parameter.shape) for parameter in group["params"]] == [(1, 2), (1, 2)]
    assert group["peak"] == 1.0


def test_adapters_have_a_rate_of_their_own_beside_a_backbone_that_learns() -> None:
    encoder = torch.nn.ModuleDict(
        {"backbone": torch.nn.Linear(2, 2, bias=False), "prompt_encoder": torch.nn.Linear(3, 3, bias=False)}
    )
    model = torch.nn.ModuleDict({"encoder": torch.nn.ModuleDict({"peft": encoder})})
    options = Optimisation(learning_rate=1e-5, adapter_learning_rate=1e-2)
    rates = {tuple(group["params"][0].shape): group["lr"] for group in build_optimiser(model, options).param_groups}
    assert rates == {(2, 2): pytest.approx(1e-5), (3, 3): 1e-2}


def test_the_average_holds_no_frozen_weight_and_is_only_lent_to_the_model() -> None:
    model = torch.nn.ModuleDict({"frozen": torch.nn.Linear(2, 2).requires_grad_(False), "head": torch.nn.Linear(2, 2)})
    average = Average(model, 0.5)
    assert set(average.weights) == {"head.weight", "head.bias"}
    first = model["head"].weight.detach().clone()
    torch.nn.init.zeros_(model["head"].weight)
    with average.applied():
        assert torch.equal(model["head"].weight, first)
    assert not model["head"].weight.any()


def test_factors_and_virtual_tokens_do_not_decay_but_updates_that_start_at_zero_do() -> None:
    class Layer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ia3_l = torch.nn.ParameterDict({"default": torch.nn.Parameter(torch.ones(2, 1))})
            self.lora_A = torch.nn.ParameterDict({"default": torch.nn.Parameter(torch.ones(2, 1))})
            self.prompt_encoder = torch.nn.ParameterDict({"default": torch.nn.Parameter(torch.ones(2, 1))})

    model = torch.nn.ModuleDict({"encoder": torch.nn.ModuleDict({"backbone": Layer()})})
    groups = build_optimiser(model, Optimisation(weight_decay=0.1)).param_groups
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert {name.split(".")[2]: decay[id(p)] for name, p in model.named_parameters()} == {
        "ia3_l": 0.0,
        "lora_A": 0.1,
        "prompt_encoder": 0.0,
    }
