"""Where corpora live on this machine."""

import os
from pathlib import Path

__all__ = ["corpora_root"]


def corpora_root(root: str | Path | None = None) -> Path:
    """Return `root`, or else $MEDSPAN_DATA, or else the user's cache folder; each corpus has a folder in it."""
    if root is not None:
        return Path(root)
    if chosen := os.environ.get("MEDSPAN_DATA"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "medspan"
