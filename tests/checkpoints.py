"""Whole checkpoints of every formulation and strategy, with random weights that find plenty; nothing is trained."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medspan.annotation import Document
from medspan.models.checkpoint import CheckpointConfig, write_config
from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_backbone, tiny_recipe

__all__ = ["NOTES", "random_checkpoint", "tiny_corpus"]

NOTES = [replace(note, id=f"{note.id}{copy}") for copy in "abcdef" for note in FIVE]
"""The corpus that recipes of these checkpoints read: five invented notes, six times."""


@contextmanager
def tiny_corpus(notes: Sequence[Document] = NOTES) -> Iterator[None]:
    """Let recipes read `notes`, whatever corpus they name, under the tiny schema."""
    from medspan.training import sources

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "load_corpus", lambda name, split: list(notes))
        patch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
        yield


def random_checkpoint(folder: Path, formulation: str, strategy: str, seed: int = 0, **options: Any) -> Path:
    """Write a run's folder as the loop would leave it; needs `tiny_corpus`. `options`: of the formulation."""
    import torch

    from medspan.models.weights import save_weights
    from medspan.training.config import Recipe
    from medspan.training.setup import prepare
    from medspan.training.sources import gather

    backbone = tiny_backbone(folder / "pretrained", [note.text for note in FIVE], layers=1)
    data = tiny_recipe(
        backbone,
        formulation=formulation,
        strategy=strategy,
        adapter={"tokens": 4},
        heads={"tiny": {"schema": "tiny", "fragmented": formulation != "tagging"}},
        compose={},
        sources=[{"corpus": "five", "targets": [{"head": "tiny"}]}],
    )
    recipe = Recipe.model_validate(data | ({formulation: options} if options else {}))
    torch.manual_seed(seed)
    setup = prepare(recipe)
    material = gather(recipe, setup.task, setup.layouts)
    network = setup.task.build(setup.encoder).eval()
    torch.manual_seed(seed)  # so that the encoder is the same under every formulation
    with torch.no_grad():
        for parameter in setup.encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        for name, parameter in network.named_parameters():
            if not name.startswith("encoder."):
                parameter.normal_(std=0.5)
    save_weights(folder, network)
    setup.tokenizer.save(folder)
    write_config(
        folder,
        CheckpointConfig(
            name="random",
            description="A double.",
            default_schema="tiny",
            window=setup.size,
            layouts=setup.layouts,
            thresholds={},
            compose={},
            schemas={"tiny": TINY_SCHEMA},
            formulation=formulation,
            options=setup.task.setting.options,
            strategy=strategy,
            recipe=recipe.model_dump(mode="json", by_alias=True),
            data={"documents": dict(material.documents)},
        ),
    )
    return folder
