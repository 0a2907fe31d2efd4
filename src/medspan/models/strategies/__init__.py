"""Fine-tuning strategies: which weights of an encoder learn, and which small ones are added.

Importing this needs neither torch nor peft; `apply` and what follows do.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medspan.errors import MissingExtraError
from medspan.models.strategies.options import AdapterOptions
from medspan.models.strategies.parameters import ParameterCount, count_parameters, learning
from medspan.registry import Registry

if TYPE_CHECKING:
    from medspan.models.encoder import Encoder

__all__ = [
    "STRATEGIES",
    "AdapterOptions",
    "ParameterCount",
    "apply",
    "count_parameters",
    "learning",
]

STRATEGIES: Registry[Callable[[Any, AdapterOptions], "Encoder"]] = Registry(
    "strategy",
    {
        "full": "medspan.models.strategies.whole:full",
        "head": "medspan.models.strategies.whole:head",
        "prompt": "medspan.models.strategies.soft_prompts:prompt",
        "p-tuning": "medspan.models.strategies.soft_prompts:p_tuning",
        "prefix": "medspan.models.strategies.soft_prompts:prefix",
        "lora": "medspan.models.strategies.injected:lora",
        "ia3": "medspan.models.strategies.injected:ia3",
    },
)
"""By name, the function that puts a transformers encoder under a strategy."""


def apply(backbone: Any, strategy: str, options: AdapterOptions | None = None) -> "Encoder":
    """Put a transformers encoder (`AutoModel`, on any device, "meta" included) under a strategy.

    The backbone is changed in place. New weights are drawn from torch's global generator. Raises UnknownNameError, and
    ConfigError for options or a model type that the strategy cannot take.
    """
    try:
        build = STRATEGIES.get(strategy)
    except ImportError as error:
        raise MissingExtraError(error.name or "peft", "train") from error
    return build(backbone, options or AdapterOptions())
