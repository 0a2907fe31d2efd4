"""Encoders from written-in sizes: a `model_type` and the values of its transformers config, no hub config needed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from medspan.errors import ConfigError, MissingExtraError

__all__ = ["ARCHITECTURES", "build_backbone", "encoder_config", "new_encoder", "shrunk", "without_pooler"]

ARCHITECTURES = ("bert", "deberta-v2", "electra", "longformer", "megatron-bert", "modernbert", "roberta")
"""Model types that medspan is tested with; others load from folders if transformers' AutoModel knows them."""

_MORE_KEYS: Mapping[str, frozenset[str]] = {
    # The model reads these though its config class does not name them.
    "deberta-v2": frozenset(
        {
            "attention_head_size",
            "conv_act",
            "conv_groups",
            "conv_kernel_size",
            "embedding_size",
            "norm_rel_ebd",
            "position_buckets",
            "share_att_key",
        }
    ),
}
_OF_NO_USE = frozenset(
    {
        "add_cross_attention",
        "architectures",
        "chunk_size_feed_forward",
        "dtype",
        "id2label",
        "is_decoder",
        "is_encoder_decoder",
        "label2id",
        "output_hidden_states",
        "problem_type",
        "return_dict",
        "transformers_version",
        "use_cache",
    }
)
_WITH_POOLER = frozenset({"bert", "longformer", "megatron-bert", "roberta"})

_TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def encoder_config(architecture: Mapping[str, Any]) -> Any:
    """Return the transformers config of an architecture: `model_type` and values for the fields of its config class.

    Raises ConfigError for a model type that is not in ARCHITECTURES, an unknown key, a value of a wrong kind and sizes
    that do not go together; the nearest known name is suggested.
    """
    try:
        from huggingface_hub.errors import StrictDataclassError
        from transformers import CONFIG_MAPPING
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    given = dict(architecture)
    model_type = given.pop("model_type", None)
    if model_type is None:
        raise ConfigError(f"architecture: model_type is missing; one of {', '.join(ARCHITECTURES)}")
    if model_type not in ARCHITECTURES:
        raise _unknown("architecture.model_type", "model type", str(model_type), ARCHITECTURES)
    kind = CONFIG_MAPPING[model_type]
    known = {field.name for field in fields(kind)} - _OF_NO_USE | _MORE_KEYS.get(model_type, frozenset())
    for key in given:
        if key not in known:
            raise _unknown(f"architecture.{key}", f"key of {model_type}", str(key), sorted(known))
    try:
        config = kind(**given)
    except (StrictDataclassError, TypeError, ValueError) as error:
        raise ConfigError(f"architecture: {' '.join(str(error).split())}") from error
    if config.pad_token_id is not None and not 0 <= config.pad_token_id < config.vocab_size:
        raise ConfigError(
            f"architecture: pad_token_id {config.pad_token_id} lies outside of vocab_size {config.vocab_size}"
        )
    heads, hidden = config.num_attention_heads, config.hidden_size
    if heads < 1 or hidden % heads:
        raise ConfigError(f"architecture: hidden_size {hidden} is no multiple of num_attention_heads {heads}")
    return config


def new_encoder(config: Any, **options: Any) -> Any:
    """Return a transformers encoder of a config with new weights, without pooling layer.

    `options` go to transformers' `AutoModel.from_config`.
    """
    from transformers import AutoModel

    return AutoModel.from_config(config, trust_remote_code=False, **without_pooler(config.model_type), **options)


def without_pooler(model_type: str) -> dict[str, Any]:
    """Return the argument by which a model type leaves its pooling layer out; none where it has no such layer."""
    return {"add_pooling_layer": False} if model_type in _WITH_POOLER else {}


def build_backbone(architecture: Mapping[str, Any], device: str = "cpu") -> Any:
    """Return a transformers encoder with new weights, float32, in training mode.

    On device "meta" it has shapes but no memory, so that billions of parameters can be counted anywhere. Raises
    ConfigError as `encoder_config` does.
    """
    config = encoder_config(architecture)
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    with torch.device(device):
        return new_encoder(config).float().train()


def shrunk(architecture: Mapping[str, Any], vocabulary_size: int, special: Mapping[str, int]) -> dict[str, Any]:
    """Return an architecture of the same kind with hidden size 32 and two layers, for a vocabulary of another size.

    `special` gives the ids of special tokens by config key (`pad_token_id` and the like); those that the architecture
    does not name are left out. Positions and whatever else is not a size stay as they were.
    """
    config = encoder_config(architecture)
    small: dict[str, Any] = {**architecture, **_TINY, "vocab_size": vocabulary_size}
    small.update({key: number for key, number in special.items() if getattr(config, key, None) is not None})
    if "embedding_size" in small or config.model_type == "electra":
        small["embedding_size"] = 16
    if config.model_type == "longformer":
        small["attention_window"] = 16
    if config.model_type == "modernbert":
        small.pop("layer_types", None)
    encoder_config(small)
    return small


def _unknown(where: str, kind: str, name: str, known: Sequence[str]) -> ConfigError:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return ConfigError(f"{where}: unknown {kind} {name!r}; {hint}")
