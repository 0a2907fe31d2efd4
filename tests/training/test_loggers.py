"""Loggers: told every number, never a word of a note; a missing one names its extra."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.errors import MissingExtraError  # noqa: E402
from medspan.training import loggers, sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.journal import Journal  # noqa: E402
from medspan.training.loggers import build_loggers, numbers  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from runs import recipe, still_backbone  # noqa: E402

CANARY = "zyxwvutsr"


class Recorder(ModuleType):
    """Stands for a logger's package: takes every call and keeps its arguments."""

    def __init__(self, name: str, calls: list[Any]) -> None:
        super().__init__(name)
        self.__dict__["calls"] = calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.__dict__["calls"].append((name, args, kwargs))
            return SimpleNamespace(**kwargs) if name == "Settings" else self

        return call


def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every invented note hold a word that must not come out."""
    from dataclasses import replace

    invent = sources.invent

    def with_canary(*args: Any) -> list[Any]:
        return [replace(document, text=f"{document.text} {CANARY}") for document in invent(*args)]

    monkeypatch.setattr(sources, "invent", with_canary)


@pytest.mark.parametrize("name", ["mlflow", "wandb", "tensorboard"])
def test_a_logger_is_told_numbers_and_no_text(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(loggers, "import_module", lambda module: Recorder(module, calls))
    planted(monkeypatch)
    evaluation = {"every_steps": 2, "loggers": [name]}
    options = {"steps": 4, "epochs": 9}
    chosen = Recipe.model_validate(
        recipe(still_backbone(tmp_path / "bert"), optimisation=options, evaluation=evaluation)
    )
    metrics = train(chosen, tmp_path / "run", quiet=True)
    told = repr(calls)
    assert "tune/measure" in told
    assert "end/trainable" in told
    assert f"{float(metrics['trainable'])}" in told
    assert CANARY not in told
    assert calls[-1][0] in {"end_run", "finish", "close"}
    for _, args, kwargs in calls:
        values = [*args, *kwargs.values()]
        flat = [v for value in values for v in (value.values() if isinstance(value, dict) else [value])]
        assert all(len(value) < 300 for value in flat if isinstance(value, str))
    written = (path.read_bytes() for path in (tmp_path / "run").rglob("*.json*") if path.name != "tokenizer.json")
    assert not [text for text in written if CANARY.encode() in text]


def test_tensorboard_really_takes_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    journal = Journal(tmp_path)
    journal.send_to(build_loggers(["tensorboard"], tmp_path, "run", {"seed": 3, "schedule": "cosine"}, 0))
    journal.write("step", {"step": 20, "of": 40, "loss": {"spans": 1.5}})
    journal.write("tune", {"step": 20, "measure": 0.25, "scores": {"core": {"entities": 0.5}}})
    journal.write("start", {"rows": 7})
    journal.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert found == {
        "settings/seed": [(0, 3.0)],
        "step/of": [(20, 40.0)],
        "step/loss/spans": [(20, 1.5)],
        "tune/measure": [(20, 0.25)],
        "tune/scores/core/entities": [(20, 0.5)],
    }


@pytest.mark.parametrize("name", ["mlflow", "wandb", "tensorboard"])
def test_a_missing_package_names_its_extra(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = None
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard" if name == "tensorboard" else name, module)
    with pytest.raises(MissingExtraError, match=rf"medspan\[{name}\]"):
        build_loggers([name], tmp_path, "run", {}, 0)


def test_only_numbers_under_plain_names_get_through() -> None:
    entry = {"a b": 1, "c": {"d": 0.5, "e": "words", "f": [1, 2]}, "g": True, "h": None}
    assert numbers(entry) == {"a_b": 1.0, "c/d": 0.5}


def test_a_journal_keeps_every_event_and_a_silent_one_writes_nothing(tmp_path: Path) -> None:
    Journal(tmp_path).write("start", {"rows": 3})
    Journal(tmp_path, is_silent=True).write("start", {"rows": 4})
    (line,) = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert {"event": "start", "rows": 3}.items() <= json.loads(line).items()
