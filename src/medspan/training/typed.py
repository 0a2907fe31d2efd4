"""Typed YAML files: reading them, settings by dotted keys, and errors that name the key and suggest the right one."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from medspan.errors import ConfigError

__all__ = ["assign", "known_keys", "read_mapping", "validated"]

Model = TypeVar("Model", bound=BaseModel)


def read_mapping(path: Path, kind: str, why: str = "") -> dict[str, Any]:
    """Read a YAML file that holds a mapping; `kind` says in errors what the file is, `why` who asked for it."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{kind} {path}{why} does not exist") from None
    except IsADirectoryError:
        raise ConfigError(f"{kind} {path}{why} is a folder; name the YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path.name}{where}: not valid YAML") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path.name}: a {kind} is a mapping of keys to values")
    return data


def assign(data: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set the place that a dotted key names, making mappings on the way; an item of a list goes by its number.

    Raises ConfigError, beginning with `where`, when the way leads through something that holds no such place.
    """
    *way, last = key.split(".")
    target: Any = data
    for part in way:
        if isinstance(target, dict) and target.get(part) is None:
            target[part] = {}
        target = target[_place(target, part, where)]
    target[_place(target, last, where)] = value


def _place(target: Any, key: str, where: str) -> str | int:
    if isinstance(target, dict):
        return key
    if isinstance(target, list) and key.isdigit() and int(key) < len(target):
        return int(key)
    hint = "; name an item by its number" if isinstance(target, list) else ""
    raise ConfigError(f"{where}: there is no {key!r} to set{hint}")


def known_keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a typed tree, those of its parts at any depth included."""
    found: dict[str, None] = {}
    waiting: list[Any] = [model]
    seen: set[type] = set()
    while waiting:
        kind = waiting.pop()
        waiting.extend(getattr(kind, "__args__", ()))
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
            seen.add(kind)
            for name, field in kind.model_fields.items():
                found[field.alias or name] = None
                waiting.append(field.annotation)
    return list(found)


def validated(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Build a typed tree from plain data; raises ConfigError that names every wrong key."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        keys = known_keys(model)
        raise ConfigError(f"{where}: " + "; ".join(_explained(error.errors(), keys, data))) from None


def _explained(errors: Sequence[Any], keys: list[str], data: Any) -> Iterable[str]:
    """Say what is wrong, a line a place; where a value may be of several kinds, what each of them says."""
    said: dict[str, list[str]] = {}
    for error in errors:
        if error["type"] == "too_short" and any(_is_within(other["loc"], error["loc"]) for other in errors):
            continue  # a list of which an item was wrong counts as one without it
        said.setdefault(_place_of(error, data), []).append(_reason(error, keys))
    for where, reasons in said.items():
        yield f"{where}: {', or '.join(reasons)}" if where else ", or ".join(reasons)


def _reason(error: Any, keys: list[str]) -> str:
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), keys, n=1)
        return "unknown key" + (f", did you mean {near[0]!r}?" if near else "")
    plain = {"tuple_type": "Input should be a list", "dict_type": "Input should be a mapping of keys to values"}
    return plain.get(error["type"], str(error["msg"]).removeprefix("Value error, "))


def _place_of(error: Any, data: Any) -> str:
    """Return the dotted place of an error, without the kinds of value that pydantic names among the keys."""
    found: list[str] = []
    for part in error["loc"]:
        is_key = isinstance(data, Mapping) and part in data
        if is_key or (isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)):
            data = data[part]
        elif error["type"] != "missing":
            continue
        found.append(str(part))
    return ".".join(found)


def _is_within(inner: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer
