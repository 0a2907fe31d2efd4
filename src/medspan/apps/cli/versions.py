"""Several files or folders that hold the same notes: what to call each, and reading them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medspan.apps.cli.failures import complain
from medspan.errors import ConfigError

if TYPE_CHECKING:
    from medspan.annotation import Document
    from medspan.apps.documents import Reading

__all__ = ["mention_problems", "read_versions", "version_names"]


def version_names(paths: Sequence[Path]) -> list[str]:
    """Name each path by its last part, a file's without suffix, or by the whole path where that would name two.

    Raises ConfigError for a path given twice.
    """
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ConfigError(f"{twice} is given twice")
    short = [path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def read_versions(paths: Sequence[Path], file_format: str | None) -> "dict[str, tuple[Document, ...]]":
    """Read each path under its name."""
    from medspan.apps.documents import read_any

    found = {}
    for name, path in zip(version_names(paths), paths, strict=True):
        reading = read_any(path, file_format)
        mention_problems(name, reading)
        found[name] = reading.documents
    return found


def mention_problems(side: str, reading: "Reading") -> None:
    """Say on stderr how many problems reading had."""
    counts: dict[str, int] = {}
    for problem in reading.problems:
        counts[problem.action] = counts.get(problem.action, 0) + 1
    if counts:
        listed = ", ".join(f"{n} {action}" for action, n in counts.items())
        complain(f"while reading {side}: {listed}; medspan convert lists them")
