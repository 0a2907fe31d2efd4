"""Which position ids an encoder's text may take: where they start and how many there are."""

from typing import Any

__all__ = ["first_position", "last_length"]

# Positions of these model types start after the padding id, which is a position of its own.
_AFTER_PADDING = frozenset({"camembert", "longformer", "roberta", "xlm-roberta", "xlm-roberta-xl"})


def first_position(config: Any) -> int:
    """Return the position id of a row's first token."""
    return int(config.pad_token_id) + 1 if config.model_type in _AFTER_PADDING else 0


def last_length(config: Any) -> int | None:
    """Return how many tokens a row may have, special and virtual ones included; None without a limit.

    DeBERTa without absolute positions has none: distances beyond its range fall into the last bucket.
    """
    if config.model_type == "deberta-v2" and not getattr(config, "position_biased_input", True):
        return None
    limit = getattr(config, "max_position_embeddings", None)
    return None if limit is None else int(limit) - first_position(config)
