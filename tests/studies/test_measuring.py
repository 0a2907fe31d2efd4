"""What a study says of a finished run beside its scores."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from checkpoints import random_checkpoint, tiny_corpus
from medspan.models.checkpoint import read_config, write_config
from medspan.studies.measuring import ceiling
from medspan.studies.study_file import Scored
from pair_notes import note

SCORED = Scored(documents="five:dev")
ALLERGIES = [
    note(
        str(number),
        "Penicillin allergy. Takes aspirin.",
        ("Problem", "Penicillin allergy"),
        ("Drug", "Penicillin"),
        ("Drug", "aspirin"),
    )
    for number in range(12)
]


def test_the_ceiling_is_that_of_the_run_with_what_training_settled(tmp_path: Path) -> None:
    with tiny_corpus(ALLERGIES):
        run = random_checkpoint(tmp_path, "tagging", "full")
    config = read_config(run)
    assert len(config.options["layers"]["tiny"]) == 2  # the recipe says auto; a problem holds a drug in the gold
    assert ceiling(run, ALLERGIES, SCORED)["entities.strict"] == 1.0
    write_config(run, replace(config, options={**config.options, "layers": "one"}))
    assert ceiling(run, ALLERGIES, SCORED)["entities.strict"] == pytest.approx(0.8)


def test_head_sets_that_answer_together_have_no_ceiling(tmp_path: Path) -> None:
    with tiny_corpus():
        run = random_checkpoint(tmp_path, "joint", "full")
    config = read_config(run)
    both = {"compose": {"both": ("tiny",)}, "default_schema": "both"}
    write_config(run, replace(config, schemas={**config.schemas, "both": config.schemas["tiny"]}, **both))
    assert ceiling(run, ALLERGIES, SCORED) == {}
    assert ceiling(run, ALLERGIES, SCORED.model_copy(update={"head": "tiny"}))["entities.strict"] == 1.0
