"""A trained run to a model folder that ships: exported encoder, heads, model card, and the int8 gate."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medspan.errors import CheckpointError
from medspan.formulations import TextTokenizer
from medspan.inference import Extractor, build_extractor
from medspan.inference.encoder_engine import OnnxEngine, TorchEngine
from medspan.models.backbones import read_json
from medspan.models.checkpoint import (
    ENTITIES,
    CheckpointConfig,
    finder_folder,
    load_heads,
    read_config,
    save_heads,
    write_config,
    write_json,
)
from medspan.models.export import export_encoder
from medspan.models.weights import load_trained_encoder
from medspan.training.calibration import calibration_rows
from medspan.training.card import model_card
from medspan.training.ceiling import tune_ceiling
from medspan.training.config import Recipe
from medspan.training.evaluation import TuneScores, score_tune
from medspan.training.sources import TuneSet, gather
from medspan.training.tasks import TASKS, Setting
from medspan.training.thresholds import fit_thresholds

__all__ = ["GATE", "Release", "release"]

GATE = 0.003
"""The largest drop of the mean strict F1 on `tune` that an int8 export may cost: 0.3 points."""

CALIBRATION_ROWS = 300


@dataclass(frozen=True)
class Release:
    """What an export is: its folder, the size of its files in bytes, and the scores on `tune` before and after."""

    folder: Path
    size: int
    exact: TuneScores
    exported: TuneScores

    @property
    def drop(self) -> float:
        """How much strict F1 the export lost on `tune`; negative where it gained."""
        return self.exact.measure - self.exported.measure


def release(run: Path, folder: Path, *, int8: bool = True) -> Release:
    """Export a run of `medspan train` into a folder that `medspan extract` runs without torch.

    The tune documents are read again as the recipe says: they calibrate the int8 scales and they are the gate. A model
    that finds the entities which this one joins (`entities/`) is exported in the same way. Raises CheckpointError, and
    leaves no folder, when an int8 model scores more than GATE below the float32 one, or has no tune documents to score.
    """
    config = read_config(run)
    finder = finder_folder(run, config)
    if folder.exists() and any(folder.iterdir()):
        raise CheckpointError(f"{folder} is not empty; give a new folder")
    recipe = Recipe.model_validate(config.recipe)
    tokenizer = TextTokenizer.load(run)
    # With the options as training left them, not as the recipe had them: some are chosen by looking at the documents.
    task = TASKS.get(config.formulation)(Setting(tokenizer, config.layouts, config.window, config.options))
    encoder = load_trained_encoder(run, config.strategy)
    material = gather(recipe, task, config.layouts)
    if int8 and not material.tune:
        raise CheckpointError(
            f"{run}: no documents were kept apart as tune, so what int8 costs cannot be told: export with --float32"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if finder:
            _release_entities(finder, folder / ENTITIES, int8=int8)
        save_heads(folder, load_heads(run), half=int8)
        exact = score_tune(_extractor(TorchEngine(encoder), config, tokenizer, folder), material.tune)
        calibration = calibration_rows(material, task, config.layouts, CALIBRATION_ROWS, recipe.seed)
        path = export_encoder(encoder, folder, calibration, int8=int8)
        served = _extractor(OnnxEngine(path), config, tokenizer, folder)
        # The int8 encoder's scores lie a little differently, so each engine has thresholds fitted to itself.
        config = replace(config, thresholds=fit_thresholds(served, material.tune))
        exported = score_tune(served.with_thresholds(config.thresholds), material.tune)
        drop = exact.measure - exported.measure
        if int8 and drop > GATE:
            raise CheckpointError(
                f"int8 costs {100 * drop:.2f} F1 points on tune, more than {100 * GATE:.1f}: not exported. "
                "Train longer, or export float32 with --float32"
            )
        tokenizer.save(folder)
        config = replace(config, recipe=_without_places(config.recipe))
        write_config(folder, replace(config, data={**config.data, "tune": _names(material.tune)}))
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        best = tune_ceiling(material.tune, task, config.layouts, config.formulation)
        metrics = {
            "tune": {"torch": _plain(exact), "int8" if int8 else "float32": _plain(exported)},
            "ceiling": _plain(best),
            **_parameters(run),
            "bytes": size,
        }
        write_json(folder / "metrics.json", metrics)
        card = model_card(config, metrics, has_finder=finder is not None)
        (folder / "README.md").write_text(card, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return Release(folder, size, exact, exported)


def _release_entities(run: Path, folder: Path, *, int8: bool) -> None:
    """Export the model that finds the entities; an exported one is taken as it is."""
    if (run / "model.safetensors").is_file():
        release(run, folder, int8=int8)
    else:
        shutil.copytree(run, folder)


def _extractor(
    engine: OnnxEngine | TorchEngine, config: CheckpointConfig, tokenizer: TextTokenizer, folder: Path
) -> Extractor:
    """Both sides of the gate use the heads as they are stored, so only the encoder differs."""
    return build_extractor(tokenizer, engine, config, load_heads(folder))


def _parameters(run: Path) -> dict[str, int]:
    """How many weights the run had, and how many of them learnt."""
    path = run / "metrics.json"
    found = read_json(path) if path.is_file() else {}
    return {name: found[name] for name in ("parameters", "trainable") if name in found}


def _without_places(value: Any) -> Any:
    """Leave of absolute paths in a recipe the last part: an export is passed on, and where things lay here is not."""
    if isinstance(value, Mapping):
        return {key: _without_places(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(part) for part in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _names(sets: Sequence[TuneSet]) -> dict[str, int]:
    return {f"{part.corpus} as {part.head}": len(part.documents) for part in sets}


def _plain(scores: TuneScores) -> dict[str, Any]:
    return {"measure": scores.measure, "heads": scores.heads}
