"""Search for the settings of a recipe that score best on `tune`."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError, MissingExtraError
from medspan.models.checkpoint import write_json
from medspan.training.config import Recipe, load_recipe
from medspan.training.loop import Trainer
from medspan.training.space import Range, Space
from medspan.training.step import DivergedError

__all__ = ["search"]

_RANDOM_FIRST = 8
"""Trials drawn at random before the sampler (TPE) learns from them."""

_JOURNAL = "search.journal"
_KEPT = frozenset({"metrics.json", "log.jsonl"})


class _StoppedError(Exception):
    """A trial is behind what others had reached by then."""


class _Reporter:
    """Tells the study of every evaluation and stops a trial that is below the median of the others."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self._number = 0

    def evaluated(self, step: int, measure: float) -> None:
        """See `Listener`."""
        self._trial.report(measure, self._number)
        self._number += 1
        if self._trial.should_prune():
            raise _StoppedError(step)


def search(
    path: Path, folder: Path, trials: int, *, settings: Sequence[str] = (), resume: bool = False, quiet: bool = False
) -> dict[str, Any]:
    """Try settings of the recipe in `path` within its `search` until `trials` have ended; return the best trial.

    `folder`/search.journal is the study, kept after every step of it; trials.json lists the trials with their settings
    and scores; best.yaml is the recipe with the best ones; trials/NNNN has each trial's metrics and log, no weights.
    With `resume` a study goes on, and a trial that was stopped is made again. A trial draws from the recipe's seed, the
    number of those that have ended and their results, so a search that was stopped ends as one that was not.
    Raises ConfigError where no trial came to its end.
    """
    base = load_recipe(path, tuple(settings))
    if not base.search:
        raise ConfigError(f"{path.name}: nothing to search; under `search`, give keys with ranges or lists of choices")
    for key, space in base.search.items():
        for value in (space.low, space.high) if isinstance(space, Range) else space:
            load_recipe(path, (*settings, *_assigned({key: value})))  # an unknown key or a bad bound is said now
    if (folder / _JOURNAL).exists() and not resume:
        raise ConfigError(f"{folder} already holds a search; give --resume to go on with it, or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    optuna, study = _study(folder)
    for stopped in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(stopped.number, state=optuna.trial.TrialState.FAIL)
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while (number := len(study.get_trials(deepcopy=False, states=ended))) < trials:
        study.sampler = optuna.samplers.TPESampler(seed=base.seed * 10_007 + number, n_startup_trials=_RANDOM_FIRST)
        trial = study.ask()
        values = {key: _suggest(trial, key, space) for key, space in base.search.items()}
        recipe = load_recipe(path, (*settings, *_assigned(values))).model_copy(update={"search": {}})
        _run(optuna, study, trial, recipe, folder / "trials" / f"{trial.number:04}", quiet)
        _tell(study, folder)
    return _best(study, path, settings, folder)


def _assigned(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}={json.dumps(value)}" for key, value in values.items())


def _study(folder: Path) -> tuple[Any, Any]:
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingExtraError("optuna", "search") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / _JOURNAL)))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    study = optuna.create_study(
        storage=storage, study_name="search", direction="maximize", load_if_exists=True, pruner=pruner
    )
    return optuna, study


def _suggest(trial: Any, key: str, space: Space) -> Any:
    if not isinstance(space, Range):
        return trial.suggest_categorical(key, list(space))
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(key, space.low, space.high, log=space.log)
    return trial.suggest_float(key, space.low, space.high, log=space.log)


def _run(optuna: Any, study: Any, trial: Any, recipe: Recipe, folder: Path, quiet: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        metrics = Trainer(recipe, folder, quiet=quiet, listener=_Reporter(trial)).run_to_end()
        study.tell(trial, metrics["tune"]["measure"])
    except (_StoppedError, DivergedError):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    finally:
        for path in folder.iterdir() if folder.exists() else ():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in _KEPT:
                path.unlink()


def _tell(study: Any, folder: Path) -> None:
    entries = [
        {"number": trial.number, "state": trial.state.name.lower(), "measure": trial.value, "settings": trial.params}
        for trial in study.trials
    ]
    write_json(folder / "trials.json", entries)


def _best(study: Any, path: Path, settings: Sequence[str], folder: Path) -> dict[str, Any]:
    import yaml

    if not any(trial.state.name == "COMPLETE" for trial in study.trials):
        raise ConfigError(
            f"{path.name}: none of {len(study.trials)} trials came to its end; lower the learning rates under `search`"
        )
    best = study.best_trial
    recipe = load_recipe(path, (*settings, *_assigned(best.params))).model_copy(update={"search": {}})
    data = recipe.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"search"})
    (folder / "best.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return {"number": best.number, "measure": best.value, "settings": dict(best.params), "trials": len(study.trials)}
