"""Rows that an export is calibrated and checked with: those that the formulation sends to its encoder."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Layout, Supervision
from medspan.training.examples import Example
from medspan.training.sources import Material
from medspan.training.tasks import Task

__all__ = ["calibration_rows"]


def calibration_rows(
    material: Material, task: Task, layouts: Mapping[str, Layout], n_rows: int, seed: int
) -> list[EncoderInput]:
    """Draw rows of the `tune` documents, evenly from every corpus; of the training examples where there are none.

    A row is what the network would see of an example: a question with its window, a text with marked pairs.
    """
    by_corpus: dict[str, list[Example]] = {}
    for part in material.tune:
        gold, everything = {part.head: part.documents}, {part.head: Supervision.of(layouts[part.head])}
        by_corpus.setdefault(part.corpus, []).extend(task.encode(gold, everything, 1.0).examples)
    if not any(by_corpus.values()):
        by_corpus = {"": material.examples}
    rng = np.random.default_rng(seed)
    share = max(1, n_rows // len(by_corpus))
    return [
        _row(task, examples[number])
        for examples in by_corpus.values()
        for number in rng.permutation(len(examples))[:share]
    ]


def _row(task: Task, example: Example) -> EncoderInput:
    seen = {name: tensor[0].numpy() for name, tensor in task.collate([example]).inputs.items()}

    def ids(name: str) -> Any:
        return seen[name].astype(np.int32) if name in seen else None

    mask = seen["attention_mask"]
    return EncoderInput(
        ids("input_ids"), ids("token_type_ids"), ids("position_ids"), mask > 0 if mask.ndim == 2 else None
    )
