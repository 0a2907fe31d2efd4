"""Search and repeated seeds: resumable, repeatable, and the best settings as a recipe."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("optuna")

from medspan.apps.cli import app  # noqa: E402
from medspan.errors import ConfigError, MissingExtraError  # noqa: E402
from medspan.training import search as searching  # noqa: E402
from medspan.training.config import Recipe, load_recipe  # noqa: E402
from medspan.training.search import search  # noqa: E402
from medspan.training.seeds import summary, train_seeds  # noqa: E402
from medspan.training.step import DivergedError  # noqa: E402
from runs import recipe, still_backbone  # noqa: E402

SPACE = {
    "optimisation.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
    "optimisation.batch_tokens": {"low": 100, "high": 400},
    "strategy": ["full", "lora"],
}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return still_backbone(tmp_path_factory.mktemp("backbone") / "bert")


def written(backbone: Path, folder: Path, **changes: Any) -> Path:
    data = recipe(backbone, optimisation={"steps": 2, "epochs": 1}, **({"search": SPACE} | changes))
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(data, default=str))), encoding="utf-8")
    return path


class Trainer:
    """Stands for training: the score is best at a rate of 1e-3, and lora has a little more."""

    def __init__(self, chosen: Recipe, folder: Path, *, listener: Any, quiet: bool = False) -> None:
        self.chosen, self.folder, self.listener = chosen, folder, listener
        assert not chosen.search

    def run_to_end(self) -> dict[str, Any]:
        from math import log10

        (self.folder / "state").mkdir(parents=True)
        (self.folder / "model.safetensors").touch()
        (self.folder / "metrics.json").touch()
        measure = 1.0 - 0.1 * abs(log10(self.chosen.optimisation.learning_rate) + 3)
        measure += 0.05 * (self.chosen.strategy == "lora")
        for step in range(3):
            self.listener.evaluated(step, measure * (step + 1) / 3)
        return {"tune": {"measure": measure}}


def told(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((folder / "trials.json").read_text(encoding="utf-8"))
    return entries


def test_a_search_finds_better_settings_and_writes_them_as_a_recipe(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "Trainer", Trainer)
    path = written(backbone, tmp_path)
    best = search(path, tmp_path / "out", 25, quiet=True)
    entries = told(tmp_path / "out")
    assert {"complete", "pruned"} == {entry["state"] for entry in entries}
    first = max(entry["measure"] or 0.0 for entry in entries[:8])
    assert best["measure"] == max(entry["measure"] or 0.0 for entry in entries) >= first
    assert 1e-4 < best["settings"]["optimisation.learning_rate"] < 1e-2
    chosen = load_recipe(tmp_path / "out" / "best.yaml")
    assert chosen.optimisation.learning_rate == best["settings"]["optimisation.learning_rate"]
    assert (chosen.strategy, chosen.search) == (best["settings"]["strategy"], {})
    left = {p.relative_to(tmp_path / "out" / "trials").name for p in (tmp_path / "out" / "trials").rglob("*.*")}
    assert left == {"metrics.json"}


def test_a_search_that_was_stopped_ends_as_one_that_was_not(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "Trainer", Trainer)
    path = written(backbone, tmp_path)
    whole = search(path, tmp_path / "whole", 12, quiet=True)
    search(path, tmp_path / "parts", 5, quiet=True)
    with pytest.raises(ConfigError, match="already holds a search"):
        search(path, tmp_path / "parts", 12, quiet=True)
    assert search(path, tmp_path / "parts", 12, resume=True, quiet=True) == whole
    assert told(tmp_path / "parts") == told(tmp_path / "whole")


def test_a_trial_that_was_killed_is_made_again_and_the_others_are_what_they_would_have_been(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(searching, "Trainer", Trainer)
    path = written(backbone, tmp_path)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Trainer, "run_to_end", dying)
        search(path, tmp_path / "out", 12, quiet=True)
    search(path, tmp_path / "out", 12, resume=True, quiet=True)
    search(path, tmp_path / "whole", 12, quiet=True)
    first, *others = told(tmp_path / "out")
    assert first["state"] == "fail"
    assert first["settings"] == others[0]["settings"]
    for one, other in zip(others, told(tmp_path / "whole"), strict=True):
        assert one == {**other, "number": other["number"] + 1}


def test_a_trial_whose_loss_is_no_number_is_given_up_and_the_search_goes_on(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverging(Trainer):
        def run_to_end(self) -> dict[str, Any]:
            if self.chosen.optimisation.learning_rate > 1e-3:
                raise DivergedError("the gradient is not a number")
            return super().run_to_end()

    monkeypatch.setattr(searching, "Trainer", Diverging)
    path = written(backbone, tmp_path)
    best = search(path, tmp_path / "out", 8, quiet=True)
    entries = told(tmp_path / "out")
    assert len(entries) == 8
    lost = [entry for entry in entries if entry["settings"]["optimisation.learning_rate"] > 1e-3]
    assert lost
    assert {entry["state"] for entry in lost} == {"pruned"}
    assert best["settings"]["optimisation.learning_rate"] <= 1e-3
    monkeypatch.setattr(Diverging, "run_to_end", lambda _: (_ for _ in ()).throw(DivergedError("not a number")))
    with pytest.raises(ConfigError, match="none of 2 trials came to its end"):
        search(path, tmp_path / "nothing", 2, quiet=True)


def test_real_trials_run_through_the_loop(backbone: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    path = written(backbone, tmp_path, search={"optimisation.head_learning_rate": [0.001, 0.002]})
    result = CliRunner().invoke(app, ["train", str(path), "-o", str(tmp_path / "out"), "--search", "--trials", "2"])
    assert result.exit_code == 0, result.output
    assert "best of 2 trials" in result.output
    assert (tmp_path / "out" / "trials" / "0001" / "log.jsonl").is_file()


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ({}, "nothing to search"),
        ({"optimisation.learning_rat": [1.0]}, "did you mean 'learning_rate'"),
        ({"optimisation.learning_rate": {"low": -1.0, "high": 1.0}}, "greater than 0"),
        ({"optimisation.learning_rate": {"low": 2.0, "high": 1.0}}, "low must be below high"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(
    space: dict[str, Any], complaint: str, backbone: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        search(written(backbone, tmp_path, search=space), tmp_path / "out", 1, quiet=True)


def test_without_optuna_the_extra_is_named(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"medspan\[search\]"):
        search(written(backbone, tmp_path), tmp_path / "out", 1, quiet=True)


def test_seeds_give_runs_of_their_own_and_a_spread(backbone: Path, tmp_path: Path) -> None:
    chosen = Recipe.model_validate(recipe(backbone, optimisation={"steps": 2, "epochs": 1}))
    found = train_seeds(chosen, tmp_path, [3, 5], quiet=True)
    assert found == json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert found["seeds"] == [3, 5]
    log = (tmp_path / "seed3" / "log.jsonl").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="already holds seed3, seed5"):
        train_seeds(chosen, tmp_path, [3, 5], quiet=True)
    assert train_seeds(chosen, tmp_path, [3, 5], resume=True, quiet=True) == found
    assert (tmp_path / "seed3" / "log.jsonl").read_text(encoding="utf-8") == log


def test_a_summary_has_mean_spread_and_values() -> None:
    runs = {seed: {"tune": {"measure": x, "heads": {"h": {"entities": x}}}} for seed, x in ((1, 0.5), (2, 0.7))}
    expected = {"mean": 0.6, "spread": 0.1414, "values": [0.5, 0.7]}
    assert summary(runs)["tune"] == {"measure": expected, "heads": {"h": {"entities": expected}}}
    assert summary({1: runs[1]})["tune"]["measure"]["spread"] == 0.0
