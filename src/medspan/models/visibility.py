"""Token-to-token masks: from "who attends to whom" to what a transformers encoder takes.

Shapes: B rows, T tokens, N virtual tokens.
"""

from typing import Any

import torch
from torch import Tensor

from medspan.errors import ConfigError

__all__ = ["behind_deep_prompt", "behind_prompt", "has_local_layers", "model_mask", "takes_token_masks"]

# Model types that hand a four-dimensional mask on to their attention and take position ids.
_TAKING = frozenset({"bert", "electra", "megatron-bert", "modernbert", "roberta", "xlm-roberta"})


def takes_token_masks(config: Any) -> bool:
    """Tell whether rows may say which token attends to which, and place tokens by position ids."""
    return config.model_type in _TAKING and config._attn_implementation in {"eager", "sdpa"}


def has_local_layers(config: Any) -> bool:
    """Tell whether some layers see only a window of the row, and take a mask that says otherwise."""
    return config.model_type == "modernbert" and takes_token_masks(config)


def behind_deep_prompt(visible: Tensor, n: int) -> Tensor:
    """Let every token see `n` virtual keys: (B, T, N + T) of (B, T, T)."""
    return torch.cat([visible.new_ones(*visible.shape[:2], n), visible], 2)


def behind_prompt(visible: Tensor, n: int) -> Tensor:
    """Put `n` virtual tokens in front: (B, N + T, N + T) of (B, T, T).

    Every token sees them. They see each other and those tokens that all others see, so that nothing passes through them
    between tokens hidden from each other. Tokens that see one token only (padding sees itself) have no say in that.
    """
    seen = visible != 0
    alone = seen.sum(2, keepdim=True) <= 1  # (B, T, 1)
    common = (seen | alone).all(1) & (seen & ~alone).any(1)  # (B, T)
    top = common.to(visible.dtype).unsqueeze(1).expand(-1, n, -1)  # (B, N, T)
    return behind_deep_prompt(torch.cat([top, visible], 1), n)


def model_mask(visible: Tensor, positions: Tensor | None, config: Any, dtype: torch.dtype, n: int = 0) -> Any:
    """Return the mask argument of a transformers encoder for `visible` (B, T, keys), 1 = attend.

    positions: (B, T), in whose distance local layers measure their window; None: the order in the row. n: how many
    leading tokens are virtual, which local layers let see and be seen over any distance. Raises ConfigError for a model
    type that cannot be told who attends to whom.
    """
    if not takes_token_masks(config):
        raise ConfigError(
            f"{config.model_type} with {config._attn_implementation} attention takes no token-to-token mask: use one "
            "passage a row, or one of " + ", ".join(sorted(_TAKING))
        )
    allowed = (visible != 0).unsqueeze(1)  # (B, 1, T, keys)
    full = _as_taken(allowed, config, dtype)
    if config.model_type != "modernbert":
        return full
    if positions is None:
        positions = torch.arange(visible.shape[1], device=visible.device).unsqueeze(0)
    near = (positions.unsqueeze(2) - positions.unsqueeze(1)).abs() <= config.sliding_window  # (B, T, T)
    if n:
        virtual = torch.arange(near.shape[1], device=near.device) < n
        near = near | virtual.unsqueeze(0) | virtual.unsqueeze(1)
    return {"full_attention": full, "sliding_attention": _as_taken(allowed & near.unsqueeze(1), config, dtype)}


def _as_taken(allowed: Tensor, config: Any, dtype: torch.dtype) -> Tensor:
    """Make the mask boolean for fused attention, or the term that plain attention adds to its scores."""
    allowed = allowed | ~allowed.any(-1, keepdim=True)  # a softmax over nothing is not a number
    if config._attn_implementation == "sdpa":
        return allowed
    return torch.zeros_like(allowed, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)
