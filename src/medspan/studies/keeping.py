"""Kept cells: the figures of one finished run in one small JSON file, written once and never measured again."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medspan.errors import FormatError
from medspan.interchange.atomic import partial_path, publish
from medspan.studies.grid import Cell
from medspan.studies.study_file import Scored, Study
from medspan.training.config import Recipe

__all__ = ["Kept", "asked", "asked_hash", "cell_file", "pace", "read_kept", "rounded", "stale", "write_kept"]

Kept = Mapping[str, Any]
"""A kept cell as plain data; docs/studies.md lists its keys."""


def cell_file(cells: Path, study: Study, name: str) -> Path:
    """Say where a cell of a study is kept under the folder of kept cells."""
    return cells / study.name / f"{name}.json"


def read_kept(path: Path) -> Kept | None:
    """Return a kept cell, or None where there is none; raises FormatError for a file that holds something else."""
    if not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path} line {error.lineno}: not valid JSON; delete it to run the cell again") from error
    if not isinstance(kept, dict) or not {"asked", "asked_hash", "metrics", "training"} <= kept.keys():
        raise FormatError(f"{path}: not a kept cell of a study; delete it to run the cell again")
    return kept


def write_kept(path: Path, kept: Kept) -> None:
    """Write a cell whole or not at all: a line for each key, so that changes can be read."""
    lines = (f"{json.dumps(key)}: {_compact(value)}" for key, value in rounded(kept).items())
    partial_path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    publish(path)


def rounded(value: Any) -> Any:
    """Round every float inside `value` to five decimals, which no figure here exceeds in precision."""
    if isinstance(value, float):
        return round(value, 5) if abs(value) >= 0.001 else float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def asked(study: Study, cell: Cell) -> dict[str, Any]:
    """Return what a study asks of a cell, as plain data: everything that its figures depend on.

    The recipe stands there with all defaults, before the budget sets its steps.
    """
    return {
        "recipe": cell.recipe.model_dump(mode="json", by_alias=True),
        "score": cell.group.scored.model_dump(mode="json", exclude={"measures"}),
        "budget": cell.group.budget or study.budget,
        "evaluations": study.evaluations,
        "threads": study.threads,
    }


def asked_hash(data: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of plain data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def pace(data: Mapping[str, Any]) -> str:
    """Return a hash of what decides how many steps fit a budget: all that is asked, but name, seed and entity model.

    Cells of one pace take the same number of steps, so that seeds differ in nothing but the seed.
    """
    recipe = {key: value for key, value in data["recipe"].items() if key not in {"name", "seed", "entities"}}
    return asked_hash({**data, "recipe": recipe})


def stale(study: Study, cell: Cell, kept: Kept, needed: Mapping[str, Kept | None]) -> str:
    """Say why a kept cell is no longer what the study asks for; empty where it is.

    A recipe key that is newer than the kept cell counts as having had its default. needed: the kept cells of those
    that the cell needs; where such a cell was measured anew, what was built on the former one is stale.
    """
    now, then = asked(study, cell), dict(kept["asked"])
    try:
        then["recipe"] = Recipe.model_validate(then["recipe"]).model_dump(mode="json", by_alias=True)
        then["score"] = Scored.model_validate(then["score"]).model_dump(mode="json", exclude={"measures"})
    except ValidationError:
        return "its recipe has keys or values that no longer exist"
    changed = sorted(_differences(now, then))
    if changed:
        more = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
        return f"changed since: {', '.join(changed[:4])}{more}"
    for name, other in needed.items():
        if other is not None and other["asked_hash"] != kept.get("needs", {}).get(name):
            return f"its entity model, {name}, was run anew"
    return ""


def _differences(a: Any, b: Any, place: str = "") -> set[str]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return {
            found
            for key in a.keys() | b.keys()
            for found in _differences(a.get(key), b.get(key), f"{place}.{key}" if place else str(key))
        }
    return set() if a == b else {place.removeprefix("recipe.")}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
