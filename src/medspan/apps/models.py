"""Model folders as the command line describes them: digest, labels, scores and licences."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medspan.annotation import LabelSchema
from medspan.corpora import CorpusEntry, catalog_entry, corpus_names

__all__ = ["ModelDescription", "describe_model", "model_digest"]

_PARTS = ("config.json", "tokenizer.json", "heads.safetensors", "model.safetensors", "backbone/config.json")


def model_digest(folder: Path) -> str:
    """Return one sha256 over everything in a model folder that extraction depends on: names and content."""
    digest = hashlib.sha256()
    exported = sorted((folder / "onnx").glob("*")) if (folder / "onnx").is_dir() else []
    for path in [*(folder / part for part in _PARTS), *exported]:
        if path.is_file():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


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


def describe_model(folder: Path) -> ModelDescription:
    """Read a model folder's description; raises CheckpointError for a folder that holds no model."""
    from medspan.models.checkpoint import read_config

    config = read_config(folder)
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
        size=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        digest=model_digest(folder),
        is_exported=any((folder / "onnx").glob("*.onnx")),
    )
