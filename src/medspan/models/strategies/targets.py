"""Which matrices LoRA and IA3 adapt, by model type and by role."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from medspan.errors import ConfigError

__all__ = ["GROUPS", "module_pattern"]

_AFTER_BERT = {
    "query": r"attention\.self\.query",
    "key": r"attention\.self\.key",
    "value": r"attention\.self\.value",
    "output": r"attention\.output\.dense",
    "up": r"intermediate\.dense",
    "down": r"output\.dense",
}
_ROLES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("bert", "electra", "longformer", "megatron-bert", "roberta", "xlm-roberta"), _AFTER_BERT),
    "deberta-v2": _AFTER_BERT
    | {
        "query": r"attention\.self\.query_proj",
        "key": r"attention\.self\.key_proj",
        "value": r"attention\.self\.value_proj",
    },
    # One matrix makes queries, keys and values.
    "modernbert": {
        "query": r"attn\.Wqkv",
        "key": r"attn\.Wqkv",
        "value": r"attn\.Wqkv",
        "output": r"attn\.Wo",
        "up": r"mlp\.Wi",
        "down": r"mlp\.Wo",
    },
}

GROUPS: Mapping[str, tuple[str, ...]] = {
    **{role: (role,) for role in _AFTER_BERT},
    "attention": ("query", "key", "value"),
    "all": tuple(_AFTER_BERT),
}
"""Names for targets: the roles of a layer's matrices, and sets of them."""


def module_pattern(backbone: Any, targets: Iterable[str]) -> str:
    """Return the pattern that the full names of the targeted modules match, as peft takes it.

    A target is one of GROUPS or the end of a module name. Raises ConfigError for one that matches no linear layer, and
    for a group on a model type whose layers are not known here.
    """
    patterns = [_pattern(backbone.config.model_type, target) for target in targets]
    linear = [name for name, module in backbone.named_modules() if _is_linear(module)]
    for target, pattern in zip(targets, patterns, strict=True):
        if not any(re.fullmatch(pattern, name) for name in linear):
            ends = sorted({re.sub(r"^.*?layers?\.\d+\.", "", name) for name in linear})
            raise ConfigError(
                f"adapter.targets: no linear layer of {backbone.config.model_type} is called {target!r}; "
                f"there are {', '.join(ends[:20])}"
            )
    return "|".join(dict.fromkeys(patterns))


def _pattern(model_type: str, target: str) -> str:
    if target not in GROUPS:
        return rf"(?:.*\.)?{re.escape(target)}"
    if model_type not in _ROLES:
        raise ConfigError(
            f"adapter.targets: the layers of {model_type} are not known here; give ends of module names instead of "
            f"{target!r}, or use one of {', '.join(sorted(_ROLES))}"
        )
    names = dict.fromkeys(_ROLES[model_type][role] for role in GROUPS[target])
    return rf"(?:.*\.)?layers?\.\d+\.(?:{'|'.join(names)})"


def _is_linear(module: Any) -> bool:
    return hasattr(module, "in_features") and hasattr(module, "out_features")
