"""Encoders as they are served: adapters merged into the weights, prompts fixed."""

import copy

from medspan.models.encoder import Encoder

__all__ = ["merge"]


def merge(encoder: Encoder) -> Encoder:
    """Return an encoder with the same outputs that needs no peft model.

    `lora` and `ia3` are folded into a copy of the backbone, a soft prompt becomes a constant in front of the same
    backbone, other encoders are returned as they are. The encoder given is not changed.
    """
    if not encoder.has_adapter:
        return encoder
    if encoder.n_virtual:
        prompt = encoder.virtual_tokens()
        served = Encoder(encoder.bare, encoder.strategy, None if prompt is None else prompt.detach().clone())
    else:
        served = Encoder(copy.deepcopy(encoder.backbone).merge_and_unload())
    served.precision = encoder.precision
    return served.train(encoder.training)
