"""Where the numbers of a run go besides `log.jsonl`: TensorBoard, MLflow, Weights & Biases.

Loggers are given names and numbers, never a document, and `numbers` lets nothing else through.
"""

import os
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from medspan.errors import ConfigError, MissingExtraError

__all__ = ["Logger", "build_loggers", "check_loggers", "numbers"]

_MODULES = {"tensorboard": "torch.utils.tensorboard"}
"""Where a logger's package has another name than the logger."""

_NAME = re.compile(r"[^A-Za-z0-9_.\-]+")


class Logger(Protocol):
    """Takes the numbers of one run."""

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Take numbers by name, measured after a step."""
        ...

    def close(self) -> None:
        """Write what is left; the run has ended."""
        ...


def numbers(entry: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Return the numbers of a nested entry under names like tune/core/entities; everything else is dropped."""
    found: dict[str, float] = {}
    for key, value in entry.items():
        name = prefix + _NAME.sub("_", str(key))[:64]
        if isinstance(value, Mapping):
            found |= numbers(value, f"{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def check_loggers(names: Sequence[str]) -> None:
    """Raise MissingExtraError where the package of a logger is not installed."""
    for name in names:
        _load(_MODULES.get(name, name), name)


def build_loggers(names: Sequence[str], folder: Path, run: str, settings: Mapping[str, Any], step: int) -> list[Logger]:
    """Return the loggers of a run that begins, or goes on, at `step`.

    settings: numbers that describe the run. Files go to folders named like the logger under `folder`. Raises
    MissingExtraError where the logger's package is not installed.
    """
    return [_build(name, folder, _NAME.sub("_", run)[:64], numbers(settings), step) for name in names]


def _build(name: str, folder: Path, run: str, settings: Mapping[str, float], step: int) -> Logger:
    match name:
        case "tensorboard":
            return _TensorBoard(folder, settings, step)
        case "mlflow":
            return _MLflow(folder, run, settings)
        case "wandb":
            return _Wandb(folder, run, settings)
    raise ConfigError(f"evaluation.loggers: {name!r} is not tensorboard, mlflow or wandb")


def _load(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(extra, extra) from error


class _TensorBoard:
    def __init__(self, folder: Path, settings: Mapping[str, float], step: int) -> None:
        writer = _load(_MODULES["tensorboard"], "tensorboard").SummaryWriter
        self._writer = writer(str(folder / "tensorboard"), purge_step=step + 1 if step else None)
        if not step:
            self.record(0, {f"settings/{name}": value for name, value in settings.items()})

    def record(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _MLflow:
    """Writes to the server of MLFLOW_TRACKING_URI, or else to a database file in the run's folder."""

    def __init__(self, folder: Path, run: str, settings: Mapping[str, float]) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would report its use over the network
        self._mlflow = _load("mlflow", "mlflow")
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            (folder / "mlflow").mkdir(parents=True, exist_ok=True)
            self._mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow').resolve()}/mlflow.db")
        self._mlflow.set_experiment("medspan")
        self._mlflow.start_run(run_name=run)
        self._mlflow.log_params(dict(settings))

    def record(self, step: int, values: Mapping[str, float]) -> None:
        self._mlflow.log_metrics(dict(values), step=step)

    def close(self) -> None:
        self._mlflow.end_run()


class _Wandb:
    """Writes offline unless WANDB_MODE says otherwise; output of the terminal, code and git are not taken."""

    def __init__(self, folder: Path, run: str, settings: Mapping[str, float]) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        wandb = _load("wandb", "wandb")
        quiet = wandb.Settings(console="off", disable_code=True, disable_git=True, save_code=False, silent=True)
        self._run = wandb.init(
            project="medspan",
            name=run,
            dir=str(folder),
            mode=os.environ.get("WANDB_MODE", "offline"),
            config=dict(settings),
            settings=quiet,
        )

    def record(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()
