"""Steps of the loop: accumulation, checkpointed gradients, limits, evaluation by steps, and what a run reports."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from medspan.errors import ConfigError  # noqa: E402
from medspan.formulations.mentions import SpanArray  # noqa: E402
from medspan.inference import load  # noqa: E402
from medspan.models.joint import loss  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.devices import connect  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from medspan.training.precision import set_up  # noqa: E402
from medspan.training.setup import prepare  # noqa: E402
from medspan.training.sources import gather  # noqa: E402
from medspan.training.step import Stepper, clip  # noqa: E402
from runs import recipe, still_backbone  # noqa: E402


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return still_backbone(tmp_path_factory.mktemp("backbone") / "bert")


def gradients(backbone: Path, cut: Any, **optimisation: Any) -> dict[str, Any]:
    """The gradient of a step on 16 examples, `cut` into batches; Adam itself would blow up what is nearly zero."""
    chosen = Recipe.model_validate(recipe(backbone, optimisation=optimisation | {"clip": 1e9}))
    torch.manual_seed(1)
    setup = prepare(chosen)
    examples = gather(chosen, setup.task, setup.layouts).examples
    set_up(setup.encoder, chosen.optimisation, torch.device("cpu"))
    network = setup.task.build(setup.encoder)
    stepper = Stepper(network, setup.task, Criterion(), chosen.optimisation, 1, connect())
    found: dict[str, Any] = {}

    def step(*_: Any) -> None:
        found.update((name, p.grad.clone()) for name, p in network.named_parameters() if p.grad is not None)

    stepper.optimiser.step = step  # type: ignore[method-assign]
    stepper.step(0, 4, cut(examples[5:21]))
    return found


@pytest.fixture
def _without_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every single token be the candidates, so that no false spans are drawn, which depend on the batch."""
    single = lambda start, *_: SpanArray(np.arange(len(start)), np.arange(len(start)))  # noqa: E731
    monkeypatch.setattr(loss, "candidate_spans", single)


def check_close(found: dict[str, Any], expected: dict[str, Any], limit: float) -> None:
    assert found.keys() == expected.keys()
    assert max(float((found[name] - value).abs().max()) for name, value in expected.items()) < limit


@pytest.mark.usefixtures("_without_sampling")
def test_two_accumulated_batches_equal_one_of_twice_the_size(backbone: Path) -> None:
    whole = gradients(backbone, lambda examples: [examples])
    halves = gradients(backbone, lambda examples: [examples[:11], examples[11:]])
    check_close(halves, whole, 1e-5)
    # And both batches do matter.
    first = gradients(backbone, lambda examples: [examples[:11]])
    assert any((first[name] - value).abs().max() > 1e-3 for name, value in whole.items() if name in first)


def test_checkpointed_gradients_are_the_same_gradients(backbone: Path) -> None:
    plain = gradients(backbone, lambda examples: [examples])
    check_close(gradients(backbone, lambda examples: [examples], checkpoint_gradients=True), plain, 1e-6)


def test_clipping_scales_to_the_limit_and_leaves_what_took_no_part_alone() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in range(3)]
    parameters[0].grad = torch.tensor([3.0, 0.0])
    parameters[1].grad = torch.zeros(2)
    parameters[2].grad = torch.tensor([0.0, 4.0])
    assert clip(parameters, 1.0) == pytest.approx(5.0)
    assert parameters[1].grad is None
    assert parameters[0].grad.tolist() == pytest.approx([0.6, 0.0], abs=1e-5)
    assert clip(parameters, 9.0) == pytest.approx(1.0, abs=1e-5)
    assert parameters[2].grad.tolist() == pytest.approx([0.0, 0.8], abs=1e-5)


def test_steps_are_a_hard_limit_and_tune_is_scored_when_asked(backbone: Path, tmp_path: Path) -> None:
    evaluation = {"every_steps": 3, "patience": 9}
    options = {"steps": 7, "epochs": 50, "schedule": "linear", "loss": "class_balanced", "accumulation": 2}
    data = Recipe.model_validate(recipe(backbone, optimisation=options, evaluation=evaluation))
    metrics = train(data, tmp_path / "run", quiet=True)
    assert metrics["steps"] == 7
    assert 1 < metrics["epochs"] < 50
    assert [point["step"] for point in metrics["curve"]] == [3, 6, 7]
    assert [point["epoch"] for point in metrics["curve"]] == sorted(point["epoch"] for point in metrics["curve"])
    assert metrics == json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    end = json.loads(lines[-1])
    assert {name: end[name] for name in metrics} == metrics
    assert metrics["seconds_per_step"] > 0
    assert metrics["tokens_per_second"] > 0
    assert metrics["cpu_seconds"] > metrics["curve"][0]["cpu_seconds"] > 0
    assert metrics["peak_memory_bytes"] > metrics["memory_growth_bytes"] > 0
    assert metrics["threads"] == 1


def test_the_last_weights_are_a_checkpoint_too_and_a_frozen_backbone_is_not_trained(
    backbone: Path, tmp_path: Path
) -> None:
    options = {"steps": 4, "epochs": 9}
    data = Recipe.model_validate(recipe(backbone, strategy="head", optimisation=options))
    metrics = train(data, tmp_path / "run", quiet=True)
    assert 0 < metrics["trainable"] < metrics["parameters"]
    state = load_file(tmp_path / "run" / "state" / "weights.safetensors")
    assert sum(value.numel() for value in state.values()) == metrics["trainable"]
    assert not [name for name in state if name.startswith("encoder.")]
    for folder in "run", "run/last":
        assert load(tmp_path / folder, engine="torch").heads.layouts.keys() == {"core", "sdoh"}
    average = load_file(tmp_path / "run" / "state" / "average.safetensors")
    last = load_file(tmp_path / "run" / "last" / "model.safetensors")
    assert all(torch.equal(last[name], value) for name, value in average.items())


def test_a_small_rise_is_no_improvement(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medspan.training import loop
    from medspan.training.evaluation import TuneScores

    given = iter([0.50, 0.505, 0.52])
    monkeypatch.setattr(loop, "score_tune", lambda *_: TuneScores({"core": {"entities": next(given, 0.0)}}))
    evaluation = {"every_steps": 1, "patience": 1, "min_delta": 0.01, "keep_last": False}
    data = Recipe.model_validate(recipe(backbone, evaluation=evaluation))
    assert train(data, tmp_path / "run", quiet=True)["steps"] == 2
    assert not (tmp_path / "run" / "last").exists()


def test_half_precision_needs_a_gpu(backbone: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    data = Recipe.model_validate(recipe(backbone, optimisation={"precision": "fp16"}))
    with pytest.raises(ConfigError, match="fp16 needs a CUDA device"):
        train(data, tmp_path / "run", quiet=True)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(backbone: Path, tmp_path: Path) -> None:
    options = {"learning_rate": 1e30, "head_learning_rate": 1e30, "warmup": 1, "clip": 1e30}
    data = Recipe.model_validate(recipe(backbone, optimisation=options))
    with pytest.raises(ConfigError, match="lower the learning rates"):
        train(data, tmp_path / "run", quiet=True)
