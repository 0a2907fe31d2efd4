"""Model folders and names to extractors."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medspan.errors import CheckpointError
from medspan.formulations import TextTokenizer
from medspan.inference.annotators import ANNOTATORS, Parts
from medspan.inference.encoder_engine import EncoderEngine, OnnxEngine, TorchEngine
from medspan.inference.extractor import Extractor, Heads
from medspan.models.checkpoint import CheckpointConfig, finder_folder, load_heads, read_config

__all__ = ["build_extractor", "bundled_models", "load", "model_folder"]


def bundled_models() -> dict[str, Path]:
    """Return the model folders that ship with the package, by name."""
    root = Path(str(files("medspan").joinpath("weights")))
    if not root.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(root.iterdir()) if (folder / "config.json").is_file()}


def model_folder(name: str) -> Path:
    """Return the folder of a bundled model, or `name` itself as a folder; else CheckpointError lists what exists."""
    bundled = bundled_models()
    if name in bundled:
        return bundled[name]
    folder = Path(name)
    if folder.is_dir():
        return folder
    known = ", ".join(bundled) or "none"
    raise CheckpointError(f"no model {name!r}: give the name of a bundled model ({known}) or a model folder")


def load(model: str | Path = "default", *, engine: str = "auto", threads: int | None = None) -> Extractor:
    """Load a model by bundled name or folder.

    engine: `onnx` (the exported encoder, no torch needed), `torch` (adapters are merged), or `auto` (onnx where the
    folder has one).
    threads: CPU threads of the encoder; None uses every core.
    """
    folder = model_folder(str(model))
    config = read_config(folder)
    exported = sorted((folder / "onnx").glob("*.onnx"), key=lambda path: "int8" not in path.name)
    if engine not in {"auto", "onnx", "torch"}:
        raise CheckpointError(f"engine {engine!r} cannot run a {config.formulation} model; use auto, onnx or torch")
    encoder: EncoderEngine
    if engine == "onnx" or (engine == "auto" and exported):
        if not exported:
            raise CheckpointError(f"{folder}: no onnx/ folder; run medspan export first, or use --engine torch")
        encoder = OnnxEngine(exported[0], threads=threads)
    else:
        from medspan.models.weights import load_trained_encoder

        trained = load_trained_encoder(folder, config.strategy)
        if trained.has_adapter:
            from medspan.models.strategies import merged

            trained = merged(trained)
        encoder = TorchEngine(trained)
    finder = finder_folder(folder, config)
    entities = _load_entities(finder, engine, threads) if finder else None
    return build_extractor(TextTokenizer.load(folder), encoder, config, load_heads(folder), entities)


def _load_entities(folder: Path, engine: str, threads: int | None) -> Extractor:
    """Load the model that finds the entities; one that was only exported runs as that behind a model in torch."""
    is_trained = (folder / "model.safetensors").is_file()
    return load(folder, engine=engine if is_trained else "onnx", threads=threads)


def build_extractor(
    tokenizer: TextTokenizer,
    encoder: EncoderEngine,
    config: CheckpointConfig,
    weights: Mapping[str, npt.NDArray[np.float32]],
    entities: Extractor | None = None,
) -> Extractor:
    """Join the parts of a model; used by `load` and by the training loop alike.

    `weights`: the layers above the encoder. `entities`: what finds the entities that the model joins, if it does.
    """
    annotator = ANNOTATORS.get(config.formulation)(
        Parts(tokenizer, encoder, weights, config.layouts, config.window, config.options)
    )
    heads = Heads(config.layouts, config.schemas, config.default_schema, config.compose, config.thresholds)
    return Extractor(annotator, heads, entities)
