"""A transformers encoder inside a peft model, whatever the versions of both."""

import warnings
from typing import Any

from peft import PeftConfig, get_peft_model

__all__ = ["wrapped"]


def wrapped(backbone: Any, config: PeftConfig) -> Any:
    """Return the peft model of a backbone; on device "meta" the adapter is there too, without memory."""
    on_meta = next(backbone.parameters()).is_meta
    with warnings.catch_warnings():
        # peft asks transformers for `is_gradient_checkpointing`, which transformers renamed.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        model = get_peft_model(backbone, config, low_cpu_mem_usage=on_meta)
    if on_meta:
        model.to("meta")  # peft makes prompts on the CPU
    if config.is_prompt_learning:
        # peft keeps the word embeddings under a second name, and every state dict would hold them twice.
        del model.word_embeddings
    return model
