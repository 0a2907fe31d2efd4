"""A tiny trained model and a way to run the command line in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from medspan.apps.cli import app

NOTES = {
    "ward/a": "Denies fever or chest pain. Takes aspirin 81 mg daily.",
    "ward/b": "Crohn’s disease 😀; no cough.\r\nSmokes daily. Metformin 500 mg by mouth twice daily.",
    "c": "Family history of diabetes mellitus.\n\nLives alone. Retired.",
    "empty": "",
}
"""Invented. CRLF, characters beyond ASCII and beyond the basic plane, and a note without a word."""

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint as `medspan train` leaves it."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tiny import tiny_checkpoint

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def model(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint exported, so that it runs without torch."""
    pytest.importorskip("onnx")
    from tiny import export_tiny

    return export_tiny(trained, tmp_path_factory.mktemp("exported") / "tiny")


@pytest.fixture
def run() -> Run:
    """Run `medspan` with arguments given as anything printable."""

    def call(*arguments: Any, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return call


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of text notes, one of them in a folder of its own."""
    folder = tmp_path / "notes"
    for name, text in NOTES.items():
        path = folder / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    return folder


def records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def read_records() -> Callable[[Path], list[dict[str, Any]]]:
    """`records` as a fixture, since test modules cannot import each other."""
    return records


@pytest.fixture
def texts() -> dict[str, str]:
    """The notes of the folder `notes` by id."""
    return dict(NOTES)
