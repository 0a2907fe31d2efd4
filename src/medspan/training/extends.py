"""Recipes that build on others: a file names the ones it starts from, and says only what is its own.

    extends: [base/gatortron-345m.yaml, base/tagging.yaml]
    name: n2c2-2018-ce-tagging-gatortron-345m

Paths are relative to the file that names them. Mappings are joined key by key, later files and the file itself
winning; lists and single values are replaced whole.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError
from medspan.training.typed import read_mapping

__all__ = ["joined", "read_extended"]

_KEY = "extends"


def read_extended(path: Path) -> dict[str, Any]:
    """Read a YAML recipe with all it extends, as plain data without the key `extends`.

    Raises ConfigError that names the file, for one that is missing, is not YAML or no mapping, or extends itself.
    """
    return _read(path, ())


def joined(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Join two mappings at every depth; where both have a value, `then` has the last word."""
    result = dict(first)
    for key, value in then.items():
        known = result.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = joined(known, value)
        else:
            result[key] = value
    return result


def _read(path: Path, within: tuple[Path, ...]) -> dict[str, Any]:
    here = path.resolve()
    if here in within:
        chain = " extends ".join(part.name for part in (*within[within.index(here) :], here))
        raise ConfigError(f"recipe {path}: it extends itself: {chain}")
    data = read_mapping(path, "recipe", f", which {within[-1].name} extends," if within else "")
    named = data.pop(_KEY, [])
    bases = [named] if isinstance(named, str) else named
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ConfigError(f"{path.name}: {_KEY} is a path or a list of paths")
    result: dict[str, Any] = {}
    for base in bases:
        result = joined(result, _read(path.parent / base, (*within, here)))
    return joined(result, data)
