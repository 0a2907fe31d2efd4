"""A data folder with one invented corpus, a tiny backbone, and study files on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from medspan.corpora import write
from tiny import tiny_backbone, tiny_notes

CORPUS = """\
name: ward
format: jsonl
schema: clin
splits:
  train: [{file: train.jsonl}]
  dev: [{file: dev.jsonl}]
"""


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny study with some changes and return its file."""

    def make(study: dict[str, Any]) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds the corpus `ward`: 30 invented notes to train on and 8 to score."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "ward").mkdir()
    (folder / "ward" / "corpus.yaml").write_text(CORPUS, encoding="utf-8")
    write(tiny_notes("medications", 30, seed=3), folder / "ward" / "train.jsonl", "jsonl")
    write(tiny_notes("medications", 8, seed=4), folder / "ward" / "dev.jsonl", "jsonl")
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random encoder whose word pieces are those of the notes."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    texts = [note.text for note in tiny_notes("medications", 30, seed=3)]
    return tiny_backbone(tmp_path_factory.mktemp("backbone"), texts)
