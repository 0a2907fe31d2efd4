"""What a formulation makes of documents to learn from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medspan.formulations.inputs import EncoderInput

__all__ = ["Encoded", "Example"]


@dataclass(frozen=True)
class Example:
    """One encoder row with its gold.

    gold: whatever the formulation's `collate` understands. repeat: how often it is seen in an epoch; 0.3 means in
    three epochs of ten, drawn at random, 2.5 means two or three times.
    """

    row: EncoderInput
    gold: Any
    repeat: float = 1.0


@dataclass
class Encoded:
    """The examples of some documents, and by head set how much gold they hold and, by reason, do not hold."""

    examples: list[Example] = field(default_factory=list)
    held: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, Counter[str]] = field(default_factory=dict)
