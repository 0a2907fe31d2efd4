"""Model folders as the command line describes them: digest, method, labels, scores and licences."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medspan.annotation import LabelSchema
from medspan.corpora import CorpusEntry, catalog_entry, corpus_names
from medspan.inference.annotators import ANNOTATORS
from medspan.models.checkpoint import ENTITIES, read_config

__all__ = ["ModelDescription", "describe_model", "model_digest"]

_PARTS = ("config.json", "tokenizer.json", "heads.safetensors", "model.safetensors", "backbone/config.json")
_MORE_PARTS = ("backbone/model.safetensors", "adapter/adapter_config.json", "adapter/adapter_model.safetensors")


def model_digest(folder: Path) -> str:
    """Return one sha256 over everything in a model folder that extraction depends on: names and content."""
    digest = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    exported = sorted((folder / "onnx").glob("*"))
    candidates = [*(folder / part for part in _PARTS), *exported, *(folder / part for part in _MORE_PARTS)]
    found = [path for path in candidates if path.is_file()]
    return [*found, *_files(folder / ENTITIES)] if (folder / ENTITIES).is_dir() else found


@dataclass(frozen=True)
class ModelDescription:
    """What `medspan models show` prints."""

    name: str
    description: str
    default_schema: str
    schemas: Mapping[str, LabelSchema]
    corpora: tuple[tuple[CorpusEntry, int], ...]
    metrics: Mapping[str, Any]
    versions: Mapping[str, str]
    size: int
    digest: str
    is_exported: bool
    formulation: str
    strategy: str
    joins_given: bool
    """Whether it joins entities that the documents must have, for it finds none itself."""
    finder: str
    """Formulation of the model in its folder that finds the entities it joins; empty where there is none."""


def describe_model(folder: Path) -> ModelDescription:
    """Read a model folder's description; raises CheckpointError for a folder that holds no model."""
    config = read_config(folder)
    finder = read_config(folder / ENTITIES).formulation if (folder / ENTITIES).is_dir() else ""
    metrics = folder / "metrics.json"
    documents: Mapping[str, int] = config.data.get("documents", {})
    return ModelDescription(
        name=config.name,
        description=config.description,
        default_schema=config.default_schema,
        schemas=config.schemas,
        corpora=tuple((catalog_entry(name), n) for name, n in documents.items() if name in corpus_names()),
        metrics=json.loads(metrics.read_text(encoding="utf-8")) if metrics.is_file() else {},
        versions=config.versions,
        size=sum(file.stat().st_size for file in _files(folder)),
        digest=model_digest(folder),
        is_exported=any((folder / "onnx").glob("*.onnx")),
        formulation=config.formulation,
        strategy=config.strategy,
        joins_given=ANNOTATORS.get(config.formulation).needs_entities and not finder,
        finder=finder,
    )
