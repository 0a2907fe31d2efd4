"""Pair classification trained: five notes learnt by heart with every kind of marker, and served from the checkpoint."""

from pathlib import Path
from typing import Any

import pytest

from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_backbone, tiny_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.inference import load  # noqa: E402
from medspan.training import sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.evaluation import strict_scores  # noqa: E402
from medspan.training.loop import train  # noqa: E402


def five_notes_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: FIVE)
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    recipe = tiny_recipe(
        tiny_backbone(folder / "backbone", [document.text for document in FIVE], hidden=64),
        formulation="pair_classification",
        pair_classification=options,
        heads={"tiny": {"schema": "tiny"}},
        compose={},
        sources=[{"corpus": "five", "tune": False, "targets": [{"head": "tiny"}]}],
    )
    recipe["optimisation"] |= {"epochs": 40, "learning_rate": 2e-3, "head_learning_rate": 2e-3, "batch_tokens": 512}
    recipe["evaluation"] = {"every": 40}
    return recipe


@pytest.mark.parametrize(
    "options",
    [
        {"markers": "plain", "text": "two_sentences"},
        {"markers": "typed", "text": "passage"},
        {"markers": "levitated", "pairs_per_row": 4},
    ],
    ids=lambda options: options["markers"],
)
def test_five_notes_are_learnt_by_heart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    train(Recipe.model_validate(five_notes_recipe(tmp_path, monkeypatch, **options)), tmp_path / "run", quiet=True)
    found = load(tmp_path / "run", engine="torch").annotate(FIVE)
    scores = strict_scores(FIVE, found, TINY_SCHEMA)
    assert (scores["relations"], scores["arguments"]) == (1.0, 1.0)
    assert [document.entities for document in found] == [document.entities for document in FIVE]
