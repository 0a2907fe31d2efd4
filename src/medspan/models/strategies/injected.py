"""Strategies that put small weights into the layers of a frozen backbone, and merge into it: `lora` and `ia3`."""

from typing import Any

from peft import IA3Config, LoraConfig, PeftConfig, TaskType

from medspan.errors import ConfigError
from medspan.models.encoder import Encoder
from medspan.models.strategies.options import AdapterOptions
from medspan.models.strategies.targets import module_pattern
from medspan.models.strategies.wrapping import wrapped

__all__ = ["ia3", "lora"]

_RESCALED_INPUT = "down"


def lora(backbone: Any, options: AdapterOptions) -> Encoder:
    """Add a low-rank update to the targeted matrices (Hu et al. 2021)."""
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=module_pattern(backbone, options.targets or ("attention",)),
    )
    return _injected(backbone, "lora", config, options)


def ia3(backbone: Any, options: AdapterOptions) -> Encoder:
    """Rescale keys, values and feed-forward activations by learnt vectors (Liu et al. 2022).

    The target `down` is rescaled at its input, all others at their output.
    """
    targets = options.targets or ("key", "value", _RESCALED_INPUT)
    rescaled_input = [_RESCALED_INPUT] if {_RESCALED_INPUT, "all"} & set(targets) else []
    config = IA3Config(
        task_type=TaskType.FEATURE_EXTRACTION,
        target_modules=module_pattern(backbone, targets),
        feedforward_modules=module_pattern(backbone, rescaled_input) if rescaled_input else [],
    )
    return _injected(backbone, "ia3", config, options)


def _injected(backbone: Any, strategy: str, config: PeftConfig, options: AdapterOptions) -> Encoder:
    if not options.freeze_backbone:
        raise ConfigError(
            f"strategy {strategy} learns on a frozen backbone; adapter.freeze_backbone: false is for soft prompts"
        )
    return Encoder(wrapped(backbone, config), strategy)
