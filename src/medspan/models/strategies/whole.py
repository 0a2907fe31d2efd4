"""Strategies that add nothing: train the whole backbone (`full`), or none of it (`head`)."""

from typing import Any

from medspan.errors import ConfigError
from medspan.models.encoder import Encoder
from medspan.models.strategies.options import AdapterOptions

__all__ = ["full", "head", "unfreeze"]

# Layers that text tokens do not depend on, or only through virtual tokens: they would get no gradient, and distributed
# training waits for one.
_UNUSED = ("pooler.", "query_global.", "key_global.", "value_global.")


def full(backbone: Any, _: AdapterOptions) -> Encoder:
    """Train every weight of the backbone that the hidden states depend on."""
    unfreeze(backbone)
    return Encoder(backbone, "full")


def head(backbone: Any, options: AdapterOptions) -> Encoder:
    """Train nothing of the backbone: only the layers above it learn."""
    if not options.freeze_backbone:
        raise ConfigError("strategy head with adapter.freeze_backbone: false is full fine-tuning; use strategy full")
    backbone.requires_grad_(False)
    return Encoder(backbone, "head")


def unfreeze(backbone: Any) -> None:
    """Let every weight that is used learn."""
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(not any(part in name for part in _UNUSED))
