"""Tiny random encoders of every architecture that medspan is tested with, and rows for them."""

from typing import Any

import torch
from torch import Tensor

from medspan.models.architectures import build_backbone

__all__ = ["MODEL_TYPES", "tiny_model", "tiny_rows"]

_SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
_FURTHER: dict[str, dict[str, Any]] = {
    "bert": {},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 8,
        "pos_att_type": ["c2p", "p2c"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "electra": {"embedding_size": 16},
    "longformer": {"attention_window": 8, "pad_token_id": 1, "max_position_embeddings": 66},
    "megatron-bert": {},
    "modernbert": {
        "layer_types": ["full_attention", "sliding_attention"],
        "local_attention": 8,
        "bos_token_id": 2,
        "cls_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
    },
    "roberta": {"pad_token_id": 1, "type_vocab_size": 1, "max_position_embeddings": 66},
}
MODEL_TYPES = tuple(_FURTHER)


def tiny_model(model_type: str = "bert", *, device: str = "cpu", dropout: float = 0.0, seed: int = 0) -> Any:
    """Return a random encoder of hidden width 32 and two layers, in training mode, with 64 positions for text.

    Weights are larger than new models have them, so that attention is not uniform and no output trivial.
    """
    off = dict.fromkeys(
        ("attention_dropout", "mlp_dropout", "embedding_dropout")
        if model_type == "modernbert"
        else ("hidden_dropout_prob", "attention_probs_dropout_prob"),
        dropout,
    )
    torch.manual_seed(seed)
    return build_backbone(
        {"model_type": model_type, **_SIZES, "initializer_range": 0.2, **_FURTHER[model_type], **off}, device
    )


def tiny_rows(lengths: tuple[int, ...] = (11, 7), seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return padded token ids and their mask, both (rows, longest)."""
    ids = torch.randint(5, 60, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(seed))
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    return ids.masked_fill(mask == 0, 1), mask
