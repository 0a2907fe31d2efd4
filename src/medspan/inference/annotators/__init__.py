"""Annotators: one for each formulation, the way from documents to what its head sets find in them.

An annotator is a dataclass built of the fields of `Parts`. Its `tokenizer` and `encoder` may be replaced by wrappers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import Layout, Thresholds
from medspan.inference.encoder_engine import EncoderEngine
from medspan.registry import Registry

__all__ = ["ANNOTATORS", "Annotator", "Parts"]


@dataclass(frozen=True)
class Parts:
    """What an annotator is built of.

    weights: the layers above the encoder by name, as the formulation's network calls them. options: the formulation's
    `Options` as plain data. shard_tokens: about how many tokens are scored together; answers do not depend on it.
    """

    tokenizer: TextTokenizer
    encoder: EncoderEngine
    weights: Mapping[str, npt.NDArray[np.float32]]
    layouts: Mapping[str, Layout]
    size: WindowSize
    options: Mapping[str, Any]
    shard_tokens: int = 8192


class Annotator(Protocol):
    """Annotates a chunk of documents with one formulation."""

    tokenizer: TextTokenizer
    encoder: EncoderEngine
    needs_entities: bool
    """Whether entities must be there before: they are kept, and what joins them is added."""
    has_thresholds: bool
    """Whether answers depend on thresholds, which are then fitted on `tune`."""

    def __init__(self, parts: Parts) -> None: ...

    def annotate(
        self, documents: Sequence[Document], heads: Sequence[str], thresholds: Mapping[str, Thresholds]
    ) -> dict[str, list[Document]]:
        """Return, for each head set asked, every document with its answers, in order.

        Documents are bare, unless `needs_entities`. A document's answers do not depend on the others.
        """
        ...


ANNOTATORS: Registry[type[Annotator]] = Registry(
    "formulation",
    {
        "joint": "medspan.inference.annotators.joint:JointAnnotator",
        "tagging": "medspan.inference.annotators.tagging:TaggingAnnotator",
        "reading_comprehension": "medspan.inference.annotators.reading_comprehension:ReadingAnnotator",
        "pair_classification": "medspan.inference.annotators.pair_classification:PairAnnotator",
    },
)
