"""A study's cells: one for every combination of values that is not left out, each with its recipe."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from medspan.errors import ConfigError
from medspan.studies.study_file import SEED, Group, Study, matches
from medspan.training.config import Recipe
from medspan.training.extends import joined
from medspan.training.typed import assign, validated

__all__ = ["CELL_PREFIX", "Cell", "chosen", "expand", "in_order", "left_out"]

CELL_PREFIX = "cell:"
"""How a recipe in a study says that its entity model is the run of another cell."""


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    values: the value of each axis. settings: what axes and adjustments set, by dotted key. recipe: as asked for, before
    the budget sets the steps; its `entities` may name another cell. needs: the cells whose runs it needs.
    """

    name: str
    group: Group
    values: Mapping[str, str]
    settings: Mapping[str, Any]
    recipe: Recipe
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """A cell whose recipe is still plain data."""

    name: str
    group: Group
    values: Mapping[str, str]
    settings: Mapping[str, Any]
    data: dict[str, Any]


def expand(study: Study) -> list[Cell]:
    """Return all cells with checked recipes, in the order of the groups; but all first seeds before all second ones.

    Within a group the first axis changes fastest. Raises ConfigError for a recipe that makes no sense, and for a cell
    that needs one that the study does not have.
    """
    drafts = [
        _draft(study, group, values)
        for group in study.groups
        for values in _combinations(group)
        if not any(matches(part.where, values) for part in group.leave_out)
    ]
    drafts.sort(key=_round)
    names = [draft.name for draft in drafts]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"study {study.name}: two cells are called {name!r}; rename a group or a value")
    cells = [_checked(draft, drafts) for draft in drafts]
    in_order(cells, cells)  # finds circles
    return cells


def left_out(group: Group) -> list[tuple[str, str]]:
    """Return the cells of the full grid that a group leaves out and says why: name and reason."""
    found = []
    for values in _combinations(group):
        reasons = [part.because for part in group.leave_out if matches(part.where, values)]
        if reason := next(filter(None, reasons), ""):
            found.append((_name(group, values), reason))
    return found


def chosen(cells: Sequence[Cell], pattern: str | None) -> list[Cell]:
    """Return the cells whose names fit a glob; raises ConfigError where none does."""
    found = [cell for cell in cells if pattern is None or fnmatchcase(cell.name, pattern)]
    if not found:
        raise ConfigError(f"--only {pattern}: fits none of {len(cells)} cells, such as {cells[0].name}")
    return found


def in_order(wanted: Iterable[Cell], cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells wanted and those they need, each after what it needs; raises ConfigError for a circle."""
    by_name = {cell.name: cell for cell in cells}
    done: dict[str, Cell] = {}

    def visit(cell: Cell, way: tuple[str, ...]) -> None:
        if cell.name in way:
            raise ConfigError(f"cells need each other in a circle: {' -> '.join((*way, cell.name))}")
        if cell.name not in done:
            for name in cell.needs:
                visit(by_name[name], (*way, cell.name))
            done[cell.name] = cell

    for cell in wanted:
        visit(cell, ())
    return list(done.values())


def _round(draft: _Draft) -> int:
    seed = draft.values.get(SEED)
    return 0 if seed is None else list(draft.group.axes[SEED]).index(seed)


def _combinations(group: Group) -> Iterable[dict[str, str]]:
    axes = list(group.axes)
    for values in product(*(group.axes[axis] for axis in reversed(axes))):
        yield dict(zip(axes, reversed(values), strict=True))


def _name(group: Group, values: Mapping[str, str]) -> str:
    # A bare number would not say what it counts.
    parts = [f"{axis}{value}" if value.isdigit() else value for axis, value in values.items()]
    return "-".join((group.name, *parts))


def _draft(study: Study, group: Group, values: dict[str, str]) -> _Draft:
    name = _name(group, values)
    if not isinstance(group.base, dict):
        raise ConfigError(f"group {group.name}: base {group.base} was not read; load the study from its file")
    data = deepcopy(joined(study.base, group.base))
    data.setdefault("name", name)
    parts = [group.axes[axis][value] for axis, value in values.items()]
    parts += [part.settings for part in (*study.adjust, *group.adjust) if matches(part.where, values)]
    settings = {key: value for part in parts for key, value in part.items()}
    for key, value in settings.items():
        assign(data, key, deepcopy(value), f"cell {name}, {key}")
    held_out = list(data.get("held_out") or ())
    if group.scored.documents not in held_out:
        data["held_out"] = [*held_out, group.scored.documents]
    # Threads belong to the study: a cell's time is measured with them.
    assign(data, "optimisation.threads", study.threads, f"cell {name}")
    return _Draft(name, group, values, settings, data)


def _checked(draft: _Draft, drafts: Sequence[_Draft]) -> Cell:
    """Put a cell's name in the place of `entities: {cell: {axis: value}}`, and check the recipe."""
    needs: tuple[str, ...] = ()
    data = draft.data
    if isinstance(entities := data.get("entities"), dict):
        needs = (_needed(draft, entities, drafts),)
        data = {**data, "entities": CELL_PREFIX + needs[0]}
    recipe = validated(Recipe, data, f"cell {draft.name}")
    return Cell(draft.name, draft.group, draft.values, draft.settings, recipe, needs)


def _needed(draft: _Draft, entities: Mapping[str, Any], drafts: Sequence[_Draft]) -> str:
    change = entities.get("cell")
    if set(entities) != {"cell"} or not isinstance(change, dict):
        raise ConfigError(
            f"cell {draft.name}: entities: expected a run folder, or {{cell: {{axis: value}}}} for the cell whose axes "
            "have these values and otherwise those of this one"
        )
    group = str(change.get("group", draft.group.name))
    wanted = {**draft.values, **{axis: str(value) for axis, value in change.items() if axis != "group"}}
    found = [
        other.name
        for other in drafts
        if other.group.name == group
        and other is not draft
        and all(wanted.get(axis, value) == value for axis, value in other.values.items())
        and all(axis in other.values for axis in change if axis != "group")
    ]
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise ConfigError(f"cell {draft.name}: entities: {change} should fit exactly one other cell; it fits {names}")
    return found[0]
