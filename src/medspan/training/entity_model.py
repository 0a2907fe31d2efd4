"""A finished run that finds entities, taken into the checkpoint of the model that joins them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from medspan.errors import ConfigError
from medspan.formulations.mentions import Layout
from medspan.inference import model_folder
from medspan.inference.annotators import ANNOTATORS
from medspan.models.checkpoint import ENTITIES, read_config
from medspan.training.config import Recipe

__all__ = ["copy_entity_model", "take_entity_model"]

_PARTS = (
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "heads.safetensors",
    "backbone",
    "adapter",
    "onnx",
    "metrics.json",
    "README.md",
)
"""What a checkpoint consists of; what else lies in a run's folder is needed for resuming alone."""


def take_entity_model(recipe: Recipe, folder: Path, layouts: Mapping[str, Layout]) -> None:
    """Copy the model that a recipe names under `entities`, if any, to `folder`/entities, so that `folder` runs alone.

    An earlier copy is replaced. Raises CheckpointError where it is no checkpoint, and ConfigError where the recipe's
    formulation finds entities itself or the model does not find what the head sets in `layouts` join: under their
    names, with their labels.
    """
    if recipe.entities is None:
        return
    if not ANNOTATORS.get(recipe.formulation).needs_entities:
        raise ConfigError(f"entities: {recipe.formulation} finds entities itself; leave the key out")
    run = model_folder(str(recipe.entities))
    config = read_config(run)
    if ANNOTATORS.get(config.formulation).needs_entities:
        raise ConfigError(
            f"entities: {run} is a {config.formulation} model, which joins entities and finds none; name a run of "
            "another formulation"
        )
    for head, layout in layouts.items():
        found = config.schemas.get(head)
        if found is None:
            raise ConfigError(
                f"entities: {run} answers {', '.join(sorted(config.schemas))}, but not {head!r}; call the head set as "
                "it is called there"
            )
        missing = sorted(set(_linked(layout)).difference(found.labels))
        if missing:
            raise ConfigError(f"entities: {run} finds no {', '.join(missing)}, which head {head!r} is to join")
    copy_entity_model(run, folder)


def copy_entity_model(run: Path, folder: Path) -> None:
    """Copy a checkpoint, and nothing else of its run, to `folder`/entities; an earlier copy is replaced."""
    place = folder / ENTITIES
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    for part in (run / name for name in _PARTS):
        if part.is_dir():
            shutil.copytree(part, place / part.name)
        elif part.is_file():
            shutil.copy2(part, place)


def _linked(layout: Layout) -> list[str]:
    """Labels that some link joins."""
    pairs = np.argwhere(layout.link_legal)[:, :2]
    return [layout.labels[number] for number in np.unique(pairs)]
