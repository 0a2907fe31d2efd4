"""Fine-tuning strategies: which weights of an encoder learn, and which small ones are added.

Importing this needs neither torch nor peft; `apply` and what follows do.
"""

from collections.abc import Callable
from pathlib import Path
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
    "load_adapter",
    "merged",
    "save_adapter",
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


def save_adapter(encoder: "Encoder", folder: Path) -> None:
    """Write `adapter_config.json` and `adapter_model.safetensors` into `folder` (`adapter/` in a checkpoint).

    Any peft program loads them; no path of this machine is inside. The virtual tokens of `p-tuning`, and of `prefix`
    with a network, are written as they come out of the network: to go on training resume the run. Raises
    ConfigError for an encoder without adapter (`full`, `head`, merged, loaded with a fixed prompt).
    """
    from medspan.models.strategies.files import save

    save(encoder, folder)


def load_adapter(backbone: Any, folder: Path) -> "Encoder":
    """Put the adapter saved in `folder` on a transformers encoder, to be served: nothing learns any more.

    Raises CheckpointError for anything but JSON and safetensors, and for an adapter of another backbone.
    """
    try:
        from medspan.models.strategies.files import load
    except ImportError as error:
        raise MissingExtraError(error.name or "peft", "train") from error
    return load(backbone, folder)


def merged(encoder: "Encoder") -> "Encoder":
    """Return an encoder of the same outputs, as it is served and exported.

    `lora` and `ia3` are folded into a copy of the backbone; a soft prompt becomes a constant before the same backbone;
    others are returned as they are.
    """
    from medspan.models.strategies.merging import merge

    return merge(encoder)
