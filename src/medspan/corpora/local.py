"""Corpora of one's own: a `corpus.yaml` in a folder under the data folder makes a corpus known by the folder's name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medspan.corpora.location import corpora_root
from medspan.errors import ConfigError

__all__ = ["ENTRY_NAME", "local_content", "local_names"]

ENTRY_NAME = "corpus.yaml"


def local_names(root: str | Path | None = None) -> list[str]:
    """Names of the folders under `root` ($MEDSPAN_DATA when not given) that hold a corpus.yaml, sorted."""
    folder = corpora_root(root)
    return sorted(file.parent.name for file in folder.glob(f"*/{ENTRY_NAME}")) if folder.is_dir() else []


def local_content(name: str, root: str | Path | None = None) -> Mapping[str, Any]:
    """Return what the corpus.yaml of a corpus says; raises ConfigError, with the line, for what is no such file."""
    import yaml

    path = corpora_root(root) / name / ENTRY_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" line {error.problem_mark.line + 1}"
        raise ConfigError(f"{path}{line}: not readable as YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not readable as YAML in UTF-8 ({type(error).__name__})") from None
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"{path}: a mapping of keys such as name, format and splits is expected")
    if content.get("name") != name:
        raise ConfigError(f"{path}: name is {content.get('name')!r}; it must be the folder's, {name!r}")
    return content
