"""Between numpy, where gold is kept, and the device of the model."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["as_array", "as_tensor"]


def as_tensor(array: npt.NDArray[Any], like: Tensor) -> Tensor:
    """Return an array as a tensor on the device of `like`."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(like.device)


def as_array(tensor: Tensor) -> npt.NDArray[Any]:
    """Return the values of a tensor, whatever its device, without its history."""
    return tensor.detach().cpu().numpy()
