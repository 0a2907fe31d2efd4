"""Invented patient notes that ship with the package: nobody's, and from no corpus.

They differ in kind, length, layout and line endings, so that a first run meets what real folders hold.
"""

from importlib.resources import files
from pathlib import Path

__all__ = ["example_paths"]


def example_paths() -> list[Path]:
    """Return the paths of the example notes, UTF-8 text files, sorted by name.

    Open them with `newline=""` where offsets matter: one note has CRLF line endings.
    """
    # The package is installed as plain files (never run from a zip), so that a resource is a path.
    return sorted(Path(str(entry)) for entry in files(__name__).iterdir() if entry.name.endswith(".txt"))
