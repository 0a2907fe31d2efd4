"""Exact resume: killed at any step and resumed, a run leaves bit by bit the weights of one that was left alone."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from medspan.errors import CheckpointError, ConfigError  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from medspan.training.step import Stepper  # noqa: E402
from runs import kill_at, recipe, still_backbone, write_recipe  # noqa: E402


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return still_backbone(tmp_path_factory.mktemp("backbone") / "bert", dropout=0.1)


def tensors(run: Path) -> dict[str, Any]:
    files = sorted(path for path in run.rglob("*.safetensors"))
    return {f"{path.relative_to(run)}:{name}": value for path in files for name, value in load_file(path).items()}


@pytest.mark.parametrize(
    ("strategy", "kills"), [("full", [3, 1, 4]), ("lora", [5]), ("p-tuning", [2]), ("prefix", [6]), ("head", [1])]
)
def test_killed_at_several_steps_and_resumed_the_weights_are_bitwise_the_same(
    strategy: str, kills: list[int], backbone: Path, tmp_path: Path
) -> None:
    options = {"save_every": 2, "dropout": 0.2, "accumulation": 1 + (strategy == "lora")}
    adapter = {"rank": 2, "tokens": 3, "dropout": 0.1}
    data = recipe(backbone, strategy=strategy, adapter=adapter, optimisation=options)
    train(Recipe.model_validate(data), tmp_path / "whole", quiet=True)
    if strategy == "full":
        data["optimisation"]["save_every"] = 1  # how often a state is saved changes nothing
    kill_at(write_recipe(tmp_path / "recipe.yaml", data), tmp_path / "killed", kills)
    found, expected = tensors(tmp_path / "killed"), tensors(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert len(found) > 50
    assert not [name for name, value in expected.items() if not torch.equal(found[name], value)]


@pytest.mark.parametrize(
    ("formulation", "options"),
    [
        ("tagging", {"crf": True}),
        ("reading_comprehension", {"negatives": 0.1, "link_negatives": 0.1, "questions": "examples"}),
        ("pair_classification", {"negatives": 0.3, "markers": "levitated"}),
    ],
)
def test_every_formulation_goes_on_bitwise_where_it_was_stopped(
    formulation: str, options: dict[str, Any], backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Stepper.step

    def dying(self: Stepper, number: int, *rest: Any) -> Any:
        if number == 4:
            raise KeyboardInterrupt
        return step(self, number, *rest)

    optimisation = {"steps": 6, "epochs": 9, "save_every": 3, "dropout": 0.2}
    data = recipe(backbone, formulation=formulation, optimisation=optimisation, **{formulation: options})
    chosen = Recipe.model_validate(data | {"evaluation": {"every": 9}})
    train(chosen, tmp_path / "whole", quiet=True)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Stepper, "step", dying)
        train(chosen, tmp_path / "stopped", quiet=True)
    assert train(chosen, tmp_path / "stopped", resume=True, quiet=True)["steps"] == 6
    found, expected = tensors(tmp_path / "stopped"), tensors(tmp_path / "whole")
    assert found.keys() == expected.keys()
    assert not [name for name, value in expected.items() if not torch.equal(found[name], value)]


def test_a_run_is_not_resumed_with_another_recipe(backbone: Path, tmp_path: Path) -> None:
    data = recipe(backbone, optimisation={"steps": 3, "epochs": 1})
    train(Recipe.model_validate(data), tmp_path / "run", quiet=True)
    data["optimisation"]["learning_rate"] = 0.1
    with pytest.raises(ConfigError, match=r"other values of optimisation\.learning_rate"):
        train(Recipe.model_validate(data), tmp_path / "run", resume=True, quiet=True)


def test_a_run_killed_before_its_first_score_is_not_resumed_with_another_recipe_either(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_: Any) -> None:
        raise KeyboardInterrupt

    data = recipe(backbone, optimisation={"steps": 3, "epochs": 1})
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Stepper, "step", dying)
        train(Recipe.model_validate(data), tmp_path / "run", quiet=True)
    data["optimisation"]["learning_rate"] = 0.1
    with pytest.raises(ConfigError, match=r"other values of optimisation\.learning_rate"):
        train(Recipe.model_validate(data), tmp_path / "run", resume=True, quiet=True)


def test_a_run_is_not_resumed_with_other_documents(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medspan.training import sources

    data = recipe(backbone, optimisation={"steps": 3, "epochs": 1})
    train(Recipe.model_validate(data), tmp_path / "run", quiet=True)
    invent = sources.invent
    monkeypatch.setattr(sources, "invent", lambda kind, count, seed: invent(kind, count + 9, seed))
    with pytest.raises(CheckpointError, match="examples"):
        train(Recipe.model_validate(data), tmp_path / "run", resume=True, quiet=True)
