"""Tasks: what the one loop needs to know of a formulation. One module each, registered here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from medspan.annotation import Document
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import Layout, Supervision
from medspan.models.encoder import Encoder
from medspan.models.objective import Criterion
from medspan.registry import Registry
from medspan.training.examples import Encoded, Example

__all__ = ["TASKS", "Batch", "Setting", "Task"]


@dataclass(frozen=True)
class Setting:
    """What every task is built of.

    options: the formulation's `Options` as plain data. size: windows that fit the encoder. dropout: above the encoder.
    """

    tokenizer: TextTokenizer
    layouts: Mapping[str, Layout]
    size: WindowSize
    options: Mapping[str, Any]
    dropout: float = 0.1
    seed: int = 1


class Batch(Protocol):
    """Examples put together: what losses are divided by, and whatever the task's losses understand."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """The padded rows by the names of the encoder's arguments, (rows, length, ...) each."""
        ...

    @property
    def n_units(self) -> int:
        """Tokens, questions or pairs: the loop divides the summed losses by their number in the whole step."""
        ...

    def to(self, device: Any) -> "Batch":
        """Return the batch with its tensors on a device."""
        ...


class Task(Protocol):
    """A formulation in training: documents to examples to batches to losses.

    setting: what the task was built of; its options, which the checkpoint keeps, may by and by hold what the training
    gold decides. All gold is encoded before `build`.
    """

    setting: Setting

    def __init__(self, setting: Setting) -> None: ...

    def build(self, encoder: Encoder) -> nn.Module:
        """Return the network: the encoder as its attribute `encoder`, heads beside it under other names."""
        ...

    def encode(
        self, versions: Mapping[str, Sequence[Document]], supervision: Mapping[str, Supervision], repeat: float
    ) -> Encoded:
        """Turn the same documents, annotated for each head set, into examples.

        Examples of documents with metadata `unannotated` learn nothing in those ranges.
        """
        ...

    def collate(self, examples: Sequence[Example]) -> Batch:
        """Put examples together; a pure function."""
        ...

    def losses(
        self, network: nn.Module, batch: Any, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return summed losses by part; their total over `n_units` is what the loop minimises."""
        ...

    def returned(self, documents: Sequence[Document], head: str) -> list[Document]:
        """Return gold documents as a model without fault would give them back: the ceiling."""
        ...


TASKS: Registry[type[Task]] = Registry(
    "formulation",
    {
        "joint": "medspan.training.tasks.joint:JointTask",
        "tagging": "medspan.training.tasks.tagging:TaggingTask",
        "reading_comprehension": "medspan.training.tasks.reading_comprehension:ReadingTask",
        "pair_classification": "medspan.training.tasks.pair_classification:PairTask",
    },
)
