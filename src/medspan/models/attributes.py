"""The loss of attribute values, the same in every formulation that scores them on mentions."""

import torch
from torch import Tensor

from medspan.formulations.mentions import Layout
from medspan.models.objective import Criterion

__all__ = ["value_loss"]


def value_loss(layout: Layout, logits: Tensor, values: Tensor, criterion: Criterion) -> Tensor:
    """Return the summed loss of the attribute values of mentions.

    logits: (mentions, attribute columns). values: (mentions, attributes) as in `Targets`: the value's index + 1, 0 for
    "none", -1 where nothing is to be learnt.
    """
    total = logits.new_zeros(())
    for number, columns in enumerate(layout.attribute_columns):
        value = values[:, number]
        chosen = torch.nonzero(value >= 0).squeeze(1)
        if len(chosen) == 0:
            continue
        block, value = logits[chosen, columns], value[chosen]
        if not layout.attributes[number].is_optional:
            block, value = block[:, 1:], value - 1
        total = total + criterion.categorical(block, value)
    return total
