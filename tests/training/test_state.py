"""The state of a run: restored bit by bit, and whole whenever the run is killed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from medspan.errors import CheckpointError  # noqa: E402
from medspan.training import state  # noqa: E402
from medspan.training.config import Optimisation  # noqa: E402
from medspan.training.optimiser import Average, build_optimiser  # noqa: E402
from medspan.training.state import Snapshot, load_state, save_state  # noqa: E402


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
            self.average.update(step)

    def all(self) -> tuple[Any, Any, Any]:
        return self.model, self.average, self.optimiser

    def save(self, folder: Path, counters: dict[str, Any]) -> None:
        save_state(folder, Snapshot.take(*self.all()), counters)

    def load(self, folder: Path) -> dict[str, Any]:
        snapshot, counters = load_state(folder)
        snapshot.put(*self.all())
        return counters

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
    saved.save(tmp_path / "state", {"step": 3})
    assert restored.load(tmp_path / "state") == {"step": 3}
    check_equal(saved, restored)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_later_state_takes_the_place_of_the_former(tmp_path: Path) -> None:
    for n_steps in 1, 2:
        Parts(n_steps).save(tmp_path / "state", {"step": n_steps})
    restored = Parts(0)
    assert restored.load(tmp_path / "state") == {"step": 2}
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
    Parts(1).save(folder, {"step": 1})
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
            Parts(2).save(folder, {"step": 2})
        except Killed:
            assert len(done) == survived + 1
        else:
            assert done == STEPS
    restored = Parts(0)
    step = restored.load(folder)["step"]
    assert step == (2 if survived > STEPS.index("rename") else 1)
    check_equal(Parts(step), restored)
    Parts(3).save(folder, {"step": 3})
    assert restored.load(folder) == {"step": 3}


def test_nothing_to_resume_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no complete state"):
        Parts(0).load(tmp_path / "state")


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    Parts(1).save(tmp_path / "state", {"step": 1})
    with pytest.raises(CheckpointError, match="another model"):
        Parts(0, width=4).load(tmp_path / "state")


@pytest.mark.parametrize("name", ["weights.safetensors", "optimiser.safetensors", "counters.json"])
def test_a_damaged_state_is_refused_with_its_folder(name: str, tmp_path: Path) -> None:
    Parts(2).save(tmp_path / "state", {"step": 2})
    content = (tmp_path / "state" / name).read_bytes()
    for damaged in (content[: len(content) // 2], b"", None):
        (tmp_path / "state" / name).unlink()
        if damaged is not None:
            (tmp_path / "state" / name).write_bytes(damaged)
        elif name == "counters.json":
            continue  # a state that was never finished, see above
        with pytest.raises(CheckpointError, match=r"state: the state is damaged .*start anew"):
            load_state(tmp_path / "state")
        (tmp_path / "state" / name).write_bytes(content)
