"""A checkpoint: one directory that runs alone. Only safetensors, ONNX and JSON are ever loaded.

config.json          formulation, strategy, how rows are cut, head sets with their schemas, thresholds, recipe, versions
tokenizer.json

as trained, by the names of the plain transformers model (after `encoder.backbone.` in model.safetensors):
model.safetensors    the layers above the encoder, and the backbone where it learns
backbone/            config.json, and model.safetensors where the backbone is frozen; transformers loads it as it is
adapter/             what the strategy adds, in peft layout; peft loads it onto the backbone

as exported, beside that or alone:
onnx/*.onnx          the encoder, with adapters merged and prompts baked in
heads.safetensors    the layers above the encoder

entities/            a checkpoint of its own that finds the entities this one joins
metrics.json, README.md
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medspan.annotation import LabelSchema
from medspan.errors import AnnotationError, CheckpointError
from medspan.formulations import WindowSize
from medspan.formulations.mentions import Layout, Thresholds

__all__ = [
    "ENTITIES",
    "CheckpointConfig",
    "finder_folder",
    "load_heads",
    "read_config",
    "refuse_code",
    "save_heads",
    "write_config",
    "write_json",
]

FORMAT = 1

ENTITIES = "entities"
"""Folder of the checkpoint that finds the entities which this one joins."""


@dataclass(frozen=True)
class CheckpointConfig:
    """What `config.json` says."""

    name: str
    description: str
    default_schema: str
    window: WindowSize
    layouts: Mapping[str, Layout]
    thresholds: Mapping[str, Thresholds]
    compose: Mapping[str, tuple[str, ...]]
    schemas: Mapping[str, LabelSchema]
    formulation: str = "joint"
    options: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "full"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def write_json(path: Path, data: Any) -> None:
    """Write indented JSON with a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_config(folder: Path, config: CheckpointConfig) -> None:
    """Write `config.json`."""
    write_json(
        folder / "config.json",
        {
            "format": FORMAT,
            "formulation": config.formulation,
            "options": dict(config.options),
            "strategy": config.strategy,
            "name": config.name,
            "description": config.description,
            "default_schema": config.default_schema,
            "window": asdict(config.window),
            "heads": {
                head: {
                    "schema": layout.schema.to_dict(),
                    "fragmented": list(layout.fragmented),
                    "thresholds": asdict(config.thresholds.get(head, Thresholds())),
                }
                for head, layout in config.layouts.items()
            },
            "compose": {name: list(heads) for name, heads in config.compose.items()},
            "schemas": {name: schema.to_dict() for name, schema in config.schemas.items()},
            "recipe": dict(config.recipe),
            "versions": dict(config.versions),
            "data": dict(config.data),
        },
    )


def read_config(folder: Path) -> CheckpointConfig:
    """Read and check `config.json`; raises CheckpointError for anything missing, foreign or asking to run code."""
    path = folder / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder} is not a model folder: config.json is missing") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a medspan checkpoint of format {FORMAT}")
    refuse_code(data, path)
    try:
        heads = data["heads"]
        layouts = {
            name: Layout(LabelSchema.from_dict(head["schema"]), tuple(head["fragmented"]))
            for name, head in heads.items()
        }
        config = CheckpointConfig(
            name=data["name"],
            description=data["description"],
            default_schema=data["default_schema"],
            window=WindowSize(**data["window"]),
            layouts=layouts,
            thresholds={name: Thresholds(**head["thresholds"]) for name, head in heads.items()},
            compose={name: tuple(parts) for name, parts in data["compose"].items()},
            schemas={name: LabelSchema.from_dict(schema) for name, schema in data["schemas"].items()},
            formulation=data["formulation"],
            options=data.get("options", {}),
            strategy=data.get("strategy", "full"),
            recipe=data["recipe"],
            versions=data["versions"],
            data=data["data"],
        )
    except (KeyError, TypeError, AttributeError, AnnotationError) as error:
        raise CheckpointError(f"{path}: {error if isinstance(error, AnnotationError) else repr(error)}") from error
    answered = {part for parts in config.compose.values() for part in parts} | set(config.schemas) - set(config.compose)
    if config.default_schema not in config.schemas or not answered <= set(layouts):
        raise CheckpointError(f"{path}: a schema is answered by a head set that is not under heads")
    return config


def finder_folder(folder: Path, config: CheckpointConfig) -> Path | None:
    """Return the folder of the checkpoint that finds the entities a model joins; None where they are given.

    Raises CheckpointError where the model was trained with one that is no longer there: it would join other entities.
    """
    place = folder / ENTITIES
    if place.is_dir():
        return place
    if config.recipe.get("entities"):
        raise CheckpointError(
            f"{place} is missing: the model that finds the entities which this one joins; copy the run's folder whole"
        )
    return None


def refuse_code(data: Any, path: Path) -> None:
    """Refuse keys by which other libraries load code from a model folder; raises CheckpointError."""
    stack = [data]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "auto_map" in item or item.get("trust_remote_code"):
                raise CheckpointError(f"{path}: auto_map asks to run code from the model folder; refused")
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def save_heads(folder: Path, weights: Mapping[str, npt.NDArray[np.float32]], *, half: bool) -> None:
    """Write the layers above the encoder as `heads.safetensors`; in half precision a weight takes 2 bytes."""
    from safetensors.numpy import save_file

    kind = np.float16 if half else np.float32
    arrays = {name: np.ascontiguousarray(value, dtype=kind) for name, value in sorted(weights.items())}
    save_file(arrays, folder / "heads.safetensors")


def load_heads(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Read the layers above the encoder, from `heads.safetensors` or else from `model.safetensors`."""
    from safetensors import SafetensorError, safe_open

    path = folder / "heads.safetensors"
    if not path.is_file():
        path = folder / "model.safetensors"
    if not path.is_file():
        raise CheckpointError(f"{folder}: neither heads.safetensors nor model.safetensors is there")
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if not name.startswith("encoder.")]  # noqa: SIM118
            return {name: file.get_tensor(name).astype(np.float32) for name in names}
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file") from error
