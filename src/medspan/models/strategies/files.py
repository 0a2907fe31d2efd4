"""Adapters in and out of a folder in peft's layout: `adapter_config.json` and `adapter_model.safetensors`.

Any program that uses peft loads what is written here. Only JSON and safetensors are ever read.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    TaskType,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from medspan.errors import CheckpointError, ConfigError
from medspan.models.checkpoint import refuse_code
from medspan.models.encoder import Encoder
from medspan.models.positions import last_length
from medspan.models.strategies.soft_prompts import TAKING_PREFIX
from medspan.models.strategies.wrapping import wrapped

__all__ = ["load", "save"]

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_PROMPT = "prompt_embeddings"
_PROMPTS = {"PROMPT_TUNING": "prompt", "P_TUNING": "p-tuning", "PREFIX_TUNING": "prefix"}
_INJECTED: Mapping[str, tuple[str, type[PeftConfig]]] = {"LORA": ("lora", LoraConfig), "IA3": ("ia3", IA3Config)}
# What shapes the adapter's arithmetic; the rest says how it was started and trained, or which code to import.
_READ = frozenset(
    {
        "alpha_pattern",
        "exclude_modules",
        "fan_in_fan_out",
        "feedforward_modules",
        "layers_pattern",
        "layers_to_transform",
        "lora_alpha",
        "lora_bias",
        "lora_dropout",
        "r",
        "rank_pattern",
        "target_modules",
        "use_dora",
        "use_rslora",
    }
)


def save(encoder: Encoder, folder: Path) -> None:
    """Write the adapter of an encoder; a prompt made by a network is written as the virtual tokens it makes."""
    if not encoder.has_adapter:
        raise ConfigError(f"strategy {encoder.strategy} as it stands has no adapter to save")
    folder.mkdir(parents=True, exist_ok=True)
    # With the default, peft asks the hub about the backbone.
    tensors = get_peft_model_state_dict(encoder.backbone, save_embedding_layers=False)
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, folder / _WEIGHTS)
    config = copy.copy(encoder.backbone.peft_config["default"])
    config.base_model_name_or_path = None  # a path of this machine
    config.inference_mode = True
    config.save_pretrained(str(folder))


def load(backbone: Any, folder: Path) -> Encoder:
    """Return a transformers encoder with the adapter of a folder, nothing of which learns any more."""
    described = _read_config(folder / _CONFIG)
    tensors = _read_weights(folder)
    kind = str(described.get("peft_type"))
    backbone.requires_grad_(False)
    if kind in _PROMPTS:
        return _with_prompt(backbone, _PROMPTS[kind], described, tensors, folder)
    if kind not in _INJECTED:
        known = ", ".join([*_PROMPTS, *_INJECTED])
        raise CheckpointError(f"{folder / _CONFIG}: peft_type {kind!r} is none of {known}")
    strategy, config_type = _INJECTED[kind]
    known_fields = {field.name for field in fields(config_type)} & _READ
    given = {name: value for name, value in described.items() if name in known_fields}
    try:
        config = config_type(task_type=TaskType.FEATURE_EXTRACTION, inference_mode=True, **given)
        model = wrapped(backbone, config)
        expected = {
            name: value.shape for name, value in get_peft_model_state_dict(model, save_embedding_layers=False).items()
        }
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / _CONFIG} does not fit a {backbone.config.model_type} backbone") from error
    if expected != {name: value.shape for name, value in tensors.items()}:
        raise CheckpointError(f"{folder / _WEIGHTS}: weights of another backbone, or other than {_CONFIG} says")
    set_peft_model_state_dict(model, tensors)
    return Encoder(model.requires_grad_(False), strategy)


def _with_prompt(
    backbone: Any, strategy: str, described: Mapping[str, Any], tensors: Mapping[str, Tensor], folder: Path
) -> Encoder:
    config = backbone.config
    if strategy == "prefix":
        if config.model_type not in TAKING_PREFIX:
            raise CheckpointError(
                f"{folder}: a {config.model_type} backbone takes no prefix; this adapter is of another"
            )
        width = 2 * config.num_hidden_layers * config.hidden_size
    else:
        width = backbone.get_input_embeddings().embedding_dim
    shape = (described.get("num_virtual_tokens"), width)
    if set(tensors) != {_PROMPT} or tuple(tensors[_PROMPT].shape) != shape:
        raise CheckpointError(f"{folder / _WEIGHTS}: expected only {_PROMPT} of shape {shape} for this backbone")
    limit = last_length(config)
    if limit is not None and limit <= len(tensors[_PROMPT]):
        raise CheckpointError(f"{folder}: the virtual tokens leave no place for text on this backbone")
    parameter = next(backbone.parameters())
    return Encoder(backbone, strategy, tensors[_PROMPT].to(parameter.device, parameter.dtype))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} is not an adapter folder: {_CONFIG} is missing") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON") from error
    if not isinstance(described, dict):
        raise CheckpointError(f"{path}: expected an object")
    refuse_code(described, path)
    return described


def _read_weights(folder: Path) -> dict[str, Tensor]:
    path = folder / _WEIGHTS
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: {_WEIGHTS} is missing; other kinds of weight files may run code and are refused"
        )
    try:
        return dict(load_file(str(path)))
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file") from error
