"""Strategies that learn virtual tokens: `prompt` and `p-tuning` at the input, `prefix` in every layer.

The backbone stays frozen, or learns with them (arXiv 2310.06239).
"""

from typing import Any

from peft import PeftConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, TaskType
from peft import PromptTuningInit as Init
from torch import nn

from medspan.errors import ConfigError
from medspan.models.encoder import Encoder
from medspan.models.positions import last_length
from medspan.models.strategies.options import AdapterOptions
from medspan.models.strategies.whole import unfreeze
from medspan.models.strategies.wrapping import wrapped

__all__ = ["TAKING_PREFIX", "p_tuning", "prefix", "prompt"]

TAKING_PREFIX = ("bert", "electra", "megatron-bert", "roberta", "xlm-roberta")
"""Model types whose attention takes keys and values of tokens that are not in the row."""


def prompt(backbone: Any, options: AdapterOptions) -> Encoder:
    """Put learnt embeddings in front of the text's (Lester et al. 2021)."""
    config = PromptTuningConfig(
        **_sizes(backbone, options, backbone.get_input_embeddings().embedding_dim),
        prompt_tuning_init=Init.SAMPLE_VOCAB if options.init_std is None else Init.RANDOM,
    )
    return _prompted(backbone, "prompt", config, options)


def p_tuning(backbone: Any, options: AdapterOptions) -> Encoder:
    """Put embeddings in front of the text's that a small network makes (Liu et al. 2021)."""
    width = backbone.get_input_embeddings().embedding_dim
    config = PromptEncoderConfig(**_sizes(backbone, options, width), encoder_hidden_size=options.hidden or width)
    return _prompted(backbone, "p-tuning", config, options)


def prefix(backbone: Any, options: AdapterOptions) -> Encoder:
    """Put learnt keys and values in front of every layer's (Li and Liang 2021; Liu et al. 2022, P-Tuning v2)."""
    if backbone.config.model_type not in TAKING_PREFIX:
        raise ConfigError(
            f"strategy prefix: the attention of {backbone.config.model_type} takes no keys and values from outside; "
            f"use prompt, p-tuning, lora or ia3, or a backbone of type {', '.join(TAKING_PREFIX)}"
        )
    config = PrefixTuningConfig(
        **_sizes(backbone, options, backbone.config.hidden_size),
        prefix_projection=options.hidden is not None,
        encoder_hidden_size=options.hidden,
    )
    return _prompted(backbone, "prefix", config, options)


def _prompted(backbone: Any, strategy: str, config: PeftConfig, options: AdapterOptions) -> Encoder:
    limit = last_length(backbone.config)
    if limit is not None and options.tokens >= limit:
        raise ConfigError(
            f"adapter.tokens: {options.tokens} virtual tokens leave no position for text; there are {limit}"
        )
    if strategy == "prefix" and any(getattr(module, "gradient_checkpointing", False) for module in backbone.modules()):
        raise ConfigError("strategy prefix does not work with gradient checkpointing; use prompt, p-tuning or lora")
    model = wrapped(backbone, config)
    if options.init_std is not None:
        nn.init.normal_(model.prompt_encoder["default"].embedding.weight, std=options.init_std)
    if not options.freeze_backbone:
        unfreeze(backbone)
    return Encoder(model, strategy)


def _sizes(backbone: Any, options: AdapterOptions, width: int) -> dict[str, Any]:
    """What peft would guess from the config, wrongly where embeddings are narrower than layers."""
    return {
        "task_type": TaskType.FEATURE_EXTRACTION,
        "num_virtual_tokens": options.tokens,
        "token_dim": width,
        "num_layers": backbone.config.num_hidden_layers,
        "num_attention_heads": backbone.config.num_attention_heads,
    }
