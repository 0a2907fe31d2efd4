"""The state of a run: restored bit by bit, and whole whenever the run is killed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from medspan.errors import CheckpointError  # noqa: E402
from medspan.training import state  # noqa: E402
from medspan.training.config import Optimisation  # noqa: E402
from medspan.training.optimiser import Average, build_optimiser, rate_factor  # noqa: E402
from medspan.training.state import load_state, save_state  # noqa: E402


class Parts:
    """A model of one layer with its average and optimiser, some steps into training."""

    def __init__(self, n_steps: int, seed: int = 0, width: int = 3) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Linear(width, 2)
        self.average = Average(self.model, 0.9)
        self.optimiser = build_optimiser(self.model, Optimisation())
        for step in range(n_steps):
            self.model(torch.randn(4, width)).square().sum().backward()
            self.optimiser.step()
            self.optimiser.zero_grad()
            self.average.update(self.model, step)

    def all(self) -> tuple[Any, Any, Any]:
        return self.model, self.average, self.optimiser

    def tensors(self) -> list[Any]:
        state = self.optimiser.state_dict()["state"]
        moments = [value for _, values in sorted(state.items()) for _, value in sorted(values.items())]
        average = [value for _, value in sorted(self.average.weights.items())]
        return [*self.model.state_dict().values(), *average, *moments]


def check_equal(one: Parts, other: Parts) -> None:
    assert len(one.tensors()) == len(other.tensors()) == 10
    assert all(torch.equal(a, b) for a, b in zip(one.tensors(), other.tensors(), strict=True))


def test_a_state_is_restored_bit_by_bit(tmp_path: Path) -> None:
    saved, restored = Parts(3), Parts(0, seed=1)
    save_state(tmp_path / "state", *saved.all(), {"step": 3})
    assert load_state(tmp_path / "state", *restored.all()) == {"step": 3}
    check_equal(saved, restored)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_later_state_takes_the_place_of_the_former(tmp_path: Path) -> None:
    for n_steps in 1, 2:
        save_state(tmp_path / "state", *Parts(n_steps).all(), {"step": n_steps})
    restored = Parts(0)
    assert load_state(tmp_path / "state", *restored.all()) == {"step": 2}
    check_equal(Parts(2), restored)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


STEPS = ["rmtree", "save_file", "save_file", "save_file", "write_json", "rename", "rmtree", "rename"]


@pytest.mark.parametrize("survived", range(len(STEPS) + 1))
def test_killed_at_any_moment_the_old_or_the_new_state_is_whole(
    survived: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    folder = tmp_path / "state"
    save_state(folder, *Parts(1).all(), {"step": 1})
    done: list[str] = []

    def dying(name: str, act: Any) -> Any:
        """Do half of the work and die, once enough calls have survived."""

        def call(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            if len(done) <= survived:
                return act(*args, **kwargs)
            if name == "rmtree" and Path(args[0]).is_dir():
                next(Path(args[0]).iterdir()).unlink()
            if name == "save_file":
                Path(args[1]).write_bytes(b"half")
            raise Killed

        return call

    with monkeypatch.context() as patched:
        patched.setattr(safetensors.torch, "save_file", dying("save_file", safetensors.torch.save_file))
        patched.setattr(state, "write_json", dying("write_json", state.write_json))
        patched.setattr(shutil, "rmtree", dying("rmtree", shutil.rmtree))
        patched.setattr(Path, "rename", dying("rename", Path.rename))
        try:
            save_state(folder, *Parts(2).all(), {"step": 2})
        except Killed:
            assert len(done) == survived + 1
        else:
            assert done == STEPS
    restored = Parts(0)
    step = load_state(folder, *restored.all())["step"]
    assert step == (2 if survived > STEPS.index("rename") else 1)
    check_equal(Parts(step), restored)
    save_state(folder, *Parts(3).all(), {"step": 3})
    assert load_state(folder, *restored.all()) == {"step": 3}


def test_nothing_to_resume_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no complete state"):
        load_state(tmp_path / "state", *Parts(0).all())


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "state", *Parts(1).all(), {"step": 1})
    with pytest.raises(CheckpointError, match="another model"):
        load_state(tmp_path / "state", *Parts(0, width=4).all())


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [rate_factor(step, 100, 0.1) for step in range(101)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


def test_the_average_follows_the_weights_fast_at_first_and_then_by_its_decay() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = Average(model, 0.9)
    expected = 0.0
    for step in range(200):
        torch.nn.init.constant_(model.weight, step)
        average.update(model, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(average.weights["weight"]) == pytest.approx(expected, rel=1e-5)


def test_rates_fall_by_layer_from_the_last_down_and_norms_do_not_decay() -> None:
    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = torch.nn.Embedding(2, 2)
            self.layer = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))

    model = torch.nn.ModuleDict({"backbone": Encoder(), "head": torch.nn.Linear(2, 2)})
    options = Optimisation(learning_rate=1.0, head_learning_rate=5.0, layer_decay=0.5, weight_decay=0.1)
    found = {}
    for group in build_optimiser(model, options).param_groups:
        for parameter in group["params"]:
            name = next(n for n, p in model.named_parameters() if p is parameter)
            found[name] = (group["peak"], group["weight_decay"])
    assert found["backbone.layer.2.weight"] == (1.0, 0.1)
    assert found["backbone.layer.2.bias"] == (1.0, 0.0)
    assert found["backbone.layer.0.weight"] == (0.25, 0.1)
    assert found["backbone.embeddings.weight"] == (0.125, 0.1)
    assert found["head.weight"] == (5.0, 0.1)
