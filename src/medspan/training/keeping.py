"""Checkpoints of a run: the averaged weights, as an extractor and as a folder."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from medspan.corpora import schema
from medspan.errors import CheckpointError, ConfigError
from medspan.inference import Extractor, build_extractor
from medspan.inference.encoder_engine import TorchEngine
from medspan.models.checkpoint import CheckpointConfig, write_config
from medspan.models.encoder import Encoder
from medspan.models.weights import save_weights
from medspan.training.config import Recipe
from medspan.training.devices import Devices, whole
from medspan.training.optimiser import Average
from medspan.training.setup import Setup, prepare
from medspan.training.sources import Material

__all__ = ["Keeper", "Kept"]

_FREE: dict[str, Any] = {
    "name": True,
    "description": True,
    "evaluation": {"export", "keep_last", "loggers"},
    "optimisation": {"save_every", "threads"},
}
"""What a resumed run may do otherwise: nothing here changes its weights."""


@dataclass(frozen=True)
class Kept:
    """A network with the weights that are kept."""

    network: nn.Module
    encoder: Encoder
    setup: Setup
    config: CheckpointConfig
    written: set[Path]
    writes: bool

    def extractor(self) -> Extractor:
        """Return the extractor; its encoder is the network's own."""
        weights = {
            name: value.detach().float().cpu().numpy()
            for name, value in self.network.state_dict().items()
            if not name.startswith("encoder.")
        }
        return build_extractor(self.setup.tokenizer, TorchEngine(self.encoder), self.config, weights)

    def save(self, folder: Path) -> None:
        """Write a checkpoint; a frozen backbone only once a session."""
        if self.writes:
            save_weights(folder, self.network, frozen_too=folder not in self.written)
            self.written.add(folder)
            self.setup.tokenizer.save(folder)
            write_config(folder, self.config)


class Keeper:
    """Knows how the weights of a run are looked at and written."""

    def __init__(
        self, recipe: Recipe, folder: Path, setup: Setup, material: Material, network: nn.Module, devices: Devices
    ) -> None:
        self._recipe = recipe
        self._folder = folder
        self._setup = setup
        self._network = network
        self._devices = devices
        self._written: set[Path] = set()
        self.config = _config(recipe, setup, material)

    def check_recipe(self, began: Mapping[str, Any] | None) -> None:
        """Raise ConfigError where the run began with another recipe, so far as that changes its weights."""
        if began is None:
            raise CheckpointError(f"{self._folder}: its state names no recipe, so it cannot be resumed; start anew")
        recipes = (Recipe.model_validate(began), self._recipe)
        then, now = (_flat(recipe.model_dump(mode="json", exclude=_FREE)) for recipe in recipes)
        changed = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
        if changed:
            raise ConfigError(
                f"{self._folder}: the run began with other values of {', '.join(changed)}; "
                "resume with the recipe it began with"
            )

    @contextmanager
    def averaged(self, average: Average) -> Iterator[Kept]:
        """Give the network the averaged weights for a while.

        Where devices hold a part of the weights each, the first process puts them together in a network of its own.
        """
        if self._devices.is_sharded:
            yield self._replica(average)
            return
        with average.applied():
            self._network.eval()
            yield self._kept(self._network, self._setup, writes=self._devices.is_first)

    def _replica(self, average: Average) -> Kept:
        weights = {name: whole(value).cpu() for name, value in average.weights.items()}
        if not self._devices.is_first:
            return self._kept(self._network, self._setup, writes=False)
        setup = replace(prepare(self._recipe), task=self._setup.task)
        # By the run's own task, which has seen its examples and may have sized the network by them.
        network = self._setup.task.build(setup.encoder)
        network.load_state_dict(weights, strict=False)
        network.to(self._devices.device).eval()
        return self._kept(network, setup, writes=True)

    def _kept(self, network: nn.Module, setup: Setup, *, writes: bool) -> Kept:
        return Kept(network, setup.encoder, setup, self.config, self._written, writes)


def _flat(data: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(data, dict):
        return {prefix: json.dumps(data, sort_keys=True)}
    found: dict[str, str] = {}
    for key, value in data.items():
        found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def _config(recipe: Recipe, setup: Setup, material: Material) -> CheckpointConfig:
    schemas = {head: layout.schema for head, layout in setup.layouts.items()}
    schemas |= {name: schema(name) for name in recipe.compose}
    return CheckpointConfig(
        name=recipe.name,
        description=recipe.description,
        default_schema=next(iter(recipe.compose), next(iter(recipe.heads))),
        window=setup.size,
        layouts=setup.layouts,
        thresholds={},
        compose=recipe.compose,
        schemas=schemas,
        formulation=recipe.formulation,
        options=setup.task.setting.options,
        strategy=recipe.strategy,
        recipe=recipe.model_dump(mode="json", by_alias=True),
        versions={name: version(name) for name in ("medspan", "peft", "torch", "transformers", "tokenizers")},
        data={"documents": dict(material.documents)},
    )
