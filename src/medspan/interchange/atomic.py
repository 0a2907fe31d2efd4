"""Files that appear whole or not at all."""

import os
from pathlib import Path

__all__ = ["partial_path", "publish"]


def partial_path(path: Path) -> Path:
    """Return the hidden neighbour that `path` is written to first; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.partial")


def publish(path: Path) -> None:
    """Give the finished partial file its final name, on disk before the name changes."""
    partial = partial_path(path)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)
