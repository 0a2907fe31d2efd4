"""The encoder as every formulation sees it: a backbone under a strategy.

Shapes: B rows, T tokens, N virtual tokens, D hidden width.
"""

from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor, nn

from medspan.errors import ConfigError
from medspan.models.positions import first_position, last_length
from medspan.models.visibility import (
    behind_deep_prompt,
    behind_prompt,
    has_local_layers,
    model_mask,
    takes_token_masks,
)

__all__ = ["Encoder"]

_DEEP = "prefix"
_WITH_PROMPT = frozenset({"prompt", "p-tuning", _DEEP})


class Encoder(nn.Module):
    """Maps padded rows to hidden states; virtual tokens of the strategy never show.

    Built by `medspan.models.strategies.apply`; `Encoder(backbone)` is a backbone without additions.

    backbone: a transformers encoder, or a peft model of one. prompt: virtual tokens that learn no more, as peft saves
    them, (N, embedding width), or (N, layers * 2 * D) for `prefix`; None: the peft model makes them.

    config: of the transformers encoder. max_tokens: longest row of text with its special tokens, positions for virtual
    tokens already taken away; None: no limit. takes_token_masks: whether rows may say who attends to whom and give
    position ids. precision: arithmetic of the backbone in training; states come out in float32.
    """

    prompt: Tensor | None

    def __init__(self, backbone: Any, strategy: str = "full", prompt: Tensor | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.strategy = strategy
        self.register_buffer("prompt", prompt)
        if strategy not in _WITH_PROMPT:
            self.n_virtual = 0
        elif prompt is not None:
            self.n_virtual = len(prompt)
        else:
            self.n_virtual = int(backbone.peft_config["default"].num_virtual_tokens)
        self.config: Any = backbone.config
        self.hidden_size = int(self.config.hidden_size)
        self.takes_token_masks = takes_token_masks(self.config)
        self.precision: torch.dtype | None = None
        limit = last_length(self.config)
        self.max_tokens: int | None = None if limit is None else limit - self.n_virtual
        self._first_position = first_position(self.config)
        # Model types without segments of their own (RoBERTa, ModernBERT) would fail on a second one.
        self._has_segments = int(getattr(self.config, "type_vocab_size", 0) or 0) > 1

    @property
    def bare(self) -> Any:
        """The transformers encoder; with `lora` and `ia3` the adapters sit inside it."""
        return self.backbone.get_base_model() if self.has_adapter else self.backbone

    @property
    def has_adapter(self) -> bool:
        """Whether the backbone is a peft model; not so without additions, once merged, or with a fixed prompt."""
        return hasattr(self.backbone, "peft_config")

    @property
    def changes_backbone(self) -> bool:
        """Whether the backbone's own weights learn, so that they must be saved: `full`, and unfrozen soft prompts."""
        if self.has_adapter and not self.n_virtual:
            return False
        return any(parameter.requires_grad for parameter in self.bare.parameters())

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> Tensor:
        """Return hidden states (B, T, D) float32 of `input_ids` (B, T).

        attention_mask: (B, T), or (B, T, T) for who attends to whom; 1 means attend. token_type_ids: (B, T), left out
        for model types without segments. position_ids: (B, T), counted from 0 whatever the model type and the virtual
        tokens. Raises ConfigError for a mask or positions that the model type cannot take.
        """
        with torch.autocast(input_ids.device.type, self.precision, enabled=self.precision is not None):
            prompt = self.virtual_tokens()
            if prompt is None or self.strategy == _DEEP:
                call = self._as_is(prompt, input_ids, attention_mask, token_type_ids, position_ids)
                hidden = self.bare(**call).last_hidden_state
            else:
                call = self._behind_prompt(prompt, input_ids, attention_mask, token_type_ids, position_ids)
                hidden = self.bare(**call).last_hidden_state[:, self.n_virtual :]
        return cast(Tensor, hidden.float())

    def virtual_tokens(self) -> Tensor | None:
        """Return the virtual tokens as they are now, in the layout of `prompt`; None for strategies without."""
        if self.prompt is not None or not self.n_virtual:
            return self.prompt
        make = self.backbone.prompt_encoder["default"]
        numbers = torch.arange(self.n_virtual, device=make.embedding.weight.device)
        return cast(Tensor, make(numbers.unsqueeze(0))[0])

    def checkpoint_gradients(self) -> None:
        """Compute layers a second time in the backward pass instead of keeping their insides in memory.

        Raises ConfigError for `prefix`, whose keys and values transformers drops from checkpointed layers.
        """
        if self.strategy == _DEEP:
            raise ConfigError("strategy prefix does not work with gradient checkpointing; use prompt, p-tuning or lora")
        if not self.bare.supports_gradient_checkpointing:
            raise ConfigError(f"{self.config.model_type} does not support gradient checkpointing")
        enable = getattr(self.bare, "activation_checkpointing_enable", None) or self.bare.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        # Only the reentrant kind needs gradients at the input; they would cost a backward pass below the adapters.
        self.bare.disable_input_require_grads()

    def _as_is(
        self, prompt: Tensor | None, ids: Tensor, mask: Tensor, types: Tensor | None, positions: Tensor | None
    ) -> dict[str, Any]:
        """Arguments of the backbone for the text alone, with virtual keys and values, if any, as its cache."""
        call: dict[str, Any] = {"input_ids": ids}
        if types is not None and self._has_segments:
            call["token_type_ids"] = types
        if positions is not None:
            call["position_ids"] = self._placed(positions)
        n = self.n_virtual
        if mask.dim() == 3:
            visible = behind_deep_prompt(mask, n) if n else mask
            call["attention_mask"] = model_mask(visible, positions, self.config, torch.float32)
        else:
            call["attention_mask"] = torch.cat([mask.new_ones(mask.shape[0], n), mask], 1) if n else mask
        if prompt is not None:
            # Not len(ids): an exported graph would take that number of rows for the only one.
            call[_cache_name(self.bare)] = self._cache(prompt, ids.shape[0])
        return call

    def _behind_prompt(
        self, prompt: Tensor, ids: Tensor, mask: Tensor, types: Tensor | None, positions: Tensor | None
    ) -> dict[str, Any]:
        """Arguments of the backbone, with the virtual tokens in front of the text's embeddings."""
        n, (rows, width) = self.n_virtual, ids.shape
        embedded = self.bare.get_input_embeddings()(ids)  # (B, T, embedding width)
        call: dict[str, Any] = {
            "inputs_embeds": torch.cat([prompt.to(embedded.dtype).expand(rows, -1, -1), embedded], 1)
        }
        if types is not None and self._has_segments:
            call["token_type_ids"] = torch.cat([types.new_zeros(rows, n), types], 1)
        counted = torch.arange(n + width, device=ids.device).expand(rows, -1)
        if positions is not None:
            self._check_positions()
            counted = torch.cat([counted[:, :n], positions + n], 1)
        if "position_ids" in signature(self.bare.forward).parameters:
            call["position_ids"] = counted + self._first_position
        if mask.dim() == 2 and has_local_layers(self.config):
            mask = mask.unsqueeze(1).expand(-1, width, -1)
        if mask.dim() == 3:
            call["attention_mask"] = model_mask(behind_prompt(mask, n), counted, self.config, embedded.dtype, n)
        else:
            call["attention_mask"] = torch.cat([mask.new_ones(rows, n), mask], 1)
        if self.config.model_type == "longformer":
            # Virtual tokens would otherwise reach only the text within half a window.
            call["global_attention_mask"] = torch.cat([mask.new_ones(rows, n), torch.zeros_like(mask)], 1)
        return call

    def _placed(self, positions: Tensor) -> Tensor:
        self._check_positions()
        return positions + (self._first_position + self.n_virtual)

    def _check_positions(self) -> None:
        if not self.takes_token_masks:
            raise ConfigError(f"{self.config.model_type} places tokens by their order and takes no position ids")

    def _cache(self, prompt: Tensor, rows: int) -> Any:
        """Return the keys and values (rows, heads, N, head width) of every layer as transformers takes them."""
        from transformers import DynamicCache

        layers, heads = int(self.config.num_hidden_layers), int(self.config.num_attention_heads)
        prompt = prompt.to(self.precision or self.bare.dtype)
        parts = prompt.view(self.n_virtual, 2 * layers, heads, -1).permute(1, 2, 0, 3)  # (2 layers, heads, N, width)
        parts = parts.unsqueeze(1).expand(-1, rows, -1, -1, -1)
        return DynamicCache([(parts[2 * layer], parts[2 * layer + 1]) for layer in range(layers)])


def _cache_name(model: Any) -> str:
    """Name the argument for cached keys and values, which transformers renamed."""
    return "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
