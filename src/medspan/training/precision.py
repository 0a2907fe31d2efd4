"""How an encoder computes while it is trained: its arithmetic, and what it keeps for the backward pass."""

import torch

from medspan.errors import ConfigError
from medspan.models.encoder import Encoder
from medspan.training.config import Optimisation

__all__ = ["set_up"]

_TYPES = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def set_up(encoder: Encoder, options: Optimisation, device: torch.device) -> None:
    """Give the encoder its precision and, where asked, gradient checkpointing.

    Raises ConfigError for fp16 without a GPU, and for a strategy or architecture that cannot be checkpointed.
    """
    if options.precision == "fp16" and device.type != "cuda":
        raise ConfigError("optimisation.precision: fp16 needs a CUDA device, and there is none; use bf16 or float32")
    encoder.precision = _TYPES[options.precision]
    if options.checkpoint_gradients:
        encoder.checkpoint_gradients()
