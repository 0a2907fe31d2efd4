"""Trained torch weights in and out of a checkpoint."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medspan.errors import CheckpointError, MissingExtraError
from medspan.models.checkpoint import refuse_code

__all__ = ["load_trained_encoder", "load_weights", "save_weights"]

BACKBONE = "encoder.backbone."


def save_weights(folder: Path, state: Mapping[str, Any], backbone_config: Any) -> None:
    """Write `model.safetensors` and the encoder's `backbone/config.json`."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().contiguous() for name, value in state.items()}, str(folder / "model.safetensors"))
    (folder / "backbone").mkdir(exist_ok=True)
    described = json.loads(backbone_config.to_json_string(use_diff=False))
    described.pop("_name_or_path", None)
    (folder / "backbone" / "config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def load_weights(folder: Path) -> dict[str, Any]:
    """Read `model.safetensors` as torch tensors by name."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    path = folder / "model.safetensors"
    if not path.is_file():
        raise CheckpointError(f"{folder}: model.safetensors is missing; this folder holds an exported model only")
    try:
        return dict(load_file(str(path)))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file") from error


def load_trained_encoder(folder: Path) -> Any:
    """Return the trained `Encoder` of a checkpoint in evaluation mode, float32."""
    try:
        from transformers import AutoConfig, AutoModel
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    path = folder / "backbone" / "config.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: backbone/config.json is missing; use --engine onnx for an exported model")
    try:
        refuse_code(json.loads(path.read_text(encoding="utf-8")), path)
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON") from error
    config = AutoConfig.from_pretrained(str(path.parent), trust_remote_code=False)
    options = {"add_pooling_layer": False} if config.model_type in {"bert", "roberta", "megatron-bert"} else {}
    backbone = AutoModel.from_config(config, trust_remote_code=False, **options)
    weights = load_weights(folder)
    backbone.load_state_dict({n.removeprefix(BACKBONE): v for n, v in weights.items() if n.startswith(BACKBONE)})
    from medspan.models.encoder import Encoder

    return Encoder(backbone.float()).eval()
