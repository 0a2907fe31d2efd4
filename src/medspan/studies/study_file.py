"""A study file: which recipes a study runs, on what it scores them and which differences it asks about.

Field descriptions are the help text. Unknown keys fail with a suggestion.
"""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from medspan.errors import ConfigError
from medspan.registry import unknown_name
from medspan.scoring import SCORERS
from medspan.training.extends import read_extended
from medspan.training.typed import read_mapping, validated

__all__ = ["SEED", "Adjustment", "Choice", "Comparison", "Group", "LeftOut", "Scored", "Study", "load_study", "matches"]

SEED = "seed"
"""The axis whose cells are repetitions of one another."""

_MEASURES = (
    "entities.strict",
    "entities.lenient",
    "entities.span.strict",
    "entities.span.lenient",
    "entities.token",
    "relations.end_to_end.strict",
    "relations.end_to_end.lenient",
    "relations.gold_entities.strict",
    "events.triggers.strict",
    "events.triggers.lenient",
    "events.arguments.strict",
    "events.arguments.lenient",
    "events.arguments_by_role.strict",
    "events.arguments_by_role.lenient",
    "events.values.strict",
    "events.values.lenient",
)
"""Measures of the scorer `strict`, beside those of attributes; a task's own scorer has its own."""

_OF_ATTRIBUTE = re.compile(r"attributes\..+\.(strict|lenient)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: names become file names; use letters, digits and . _ + - only")
    return name


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


Name = Annotated[str, AfterValidator(_named)]
Choice = dict[str, Annotated[tuple[str | int | float, ...], BeforeValidator(_listed)]]
"""Values of axes, each one value or a list of them: what all named axes allow is chosen."""


def matches(choice: Choice, values: dict[str, str]) -> bool:
    """Say whether the values of a cell lie in a choice; an empty one takes every cell."""
    return all(values.get(axis) in {str(value) for value in allowed} for axis, allowed in choice.items())


class Scored(_Part):
    """What the finished runs of a group are scored on."""

    documents: str = Field(description="corpus:split that is scored; its documents are never trained on")
    head: str | None = Field(None, description="head set or composed schema that answers; none: the model's default")
    mapping: str | None = Field(None, description="mapping from the corpus's labels to the schema; none: as they are")
    scorer: str = Field("strict", description="strict (with lenient beside it), lenient, or a task's own rules")
    labels: str = Field("all", pattern="^(all|gold)$", description="gold leaves out predicted labels gold never uses")
    measures: tuple[str, ...] = Field(
        ("entities.strict", "entities.lenient"),
        min_length=1,
        description="measures shown in tables, the main one first",
    )

    def model_post_init(self, _context: Any) -> None:
        """Check the parts that tell a split from a corpus, and the scorer's name."""
        corpus, _, split = self.documents.partition(":")
        if not corpus or not split:
            raise ValueError(f"documents: {self.documents!r} names no split; write it as in phee:dev")
        if self.scorer not in SCORERS:
            raise ValueError(str(unknown_name("scorer", self.scorer, sorted(SCORERS))))
        for measure in self.measures:
            self.check_measure(measure)

    def check_measure(self, measure: str) -> None:
        """Raise ValueError for a measure that the scorer does not give: it would read as 0 in every cell."""
        if self.scorer == "strict" and measure not in _MEASURES and not _OF_ATTRIBUTE.fullmatch(measure):
            raise ValueError(str(unknown_name("measure", measure, [*_MEASURES, "attributes.NAME.strict"])))


class Comparison(_Part):
    """A question about differences: every value of one axis against a baseline, all else being equal.

    The differences asked for by one comparison are one family for the correction.
    """

    axis: str = Field(description="axis whose values are compared")
    baseline: str = Field(description="the value that all others are compared with")
    where: Choice = Field(default_factory=dict, description="only cells with these values of other axes")
    measure: str | None = Field(None, description="measure that is compared; none: the group's first one")


class Adjustment(_Part):
    """Settings for some of the cells."""

    where: Choice = Field(default_factory=dict, description="values of axes that a cell must have; empty: every cell")
    settings: dict[str, Any] = Field(alias="set", min_length=1, description="dotted recipe keys and their values")


class LeftOut(_Part):
    """Cells of the full grid that are not run."""

    where: Choice = Field(min_length=1, description="values of axes that a cell must have to be left out")
    because: str = Field("", description="why; shown in the report, unless empty")


class Group(_Part):
    """Cells that share a base recipe and a table."""

    name: Name = Field(description="short name; begins the names of its cells")
    title: str = Field("", description="heading of its table; none: the name")
    base: dict[str, Any] | Path = Field(default_factory=dict, description="recipe, inline or a path from here")
    axes: dict[Name, dict[Name, dict[str, Any]]] = Field(
        min_length=1,
        description="axis, value, and the recipe's dotted keys it sets; a plain list sets the key of the axis's name",
    )
    adjust: tuple[Adjustment, ...] = Field((), description="settings for some cells, applied in order after the axes")
    leave_out: tuple[LeftOut, ...] = Field((), description="cells of the full grid that are not run")
    scored: Scored = Field(alias="score", description="what finished runs are scored on")
    compare: tuple[Comparison, ...] = Field((), description="questions about differences")
    budget: float | None = Field(None, gt=0, description="CPU minutes a cell, in place of the study's")

    @property
    def heading(self) -> str:
        """The title, or else the name."""
        return self.title or self.name

    def model_post_init(self, _context: Any) -> None:
        """Check that what is said of axes and values is about ones that exist."""
        choices: list[Choice] = [part.where for part in self.adjust]
        choices += [part.where for part in self.leave_out]
        for comparison in self.compare:
            choices += [comparison.where, {comparison.axis: (comparison.baseline,)}]
            if comparison.measure:
                self.scored.check_measure(comparison.measure)
        for choice in choices:
            for axis, values in choice.items():
                _check(self.axes, axis, values)


def _check(axes: dict[str, dict[str, Any]], axis: str, values: tuple[Any, ...]) -> None:
    if axis not in axes:
        raise ValueError(str(unknown_name("axis", axis, sorted(axes))))
    for value in map(str, values):
        if value not in axes[axis]:
            raise ValueError(str(unknown_name(f"value of axis {axis}", value, sorted(axes[axis]))))


class Study(_Part):
    """A grid of runs, kept cell by cell, and the page made of it."""

    name: Name = Field(description="name; the folder of its kept cells")
    title: str = Field("", description="heading of the page; none: the name")
    preface: str = Field("", description="Markdown that opens the page")
    notes: str = Field("", description="Markdown that closes the page")
    budget: float = Field(10.0, gt=0, description="CPU minutes a cell trains, scores on tune not counted")
    evaluations: int = Field(5, ge=1, description="how often a cell is scored on tune, evenly spread: its curve")
    threads: int = Field(1, ge=1, description="CPU threads of a cell")
    bootstrap: int = Field(1000, ge=0, description="resamples for 95 % intervals; 0: none")
    exchanges: int = Field(10_000, ge=1, description="exchanges of the randomization test")
    base: dict[str, Any] = Field(default_factory=dict, description="recipe keys shared by all groups")
    adjust: tuple[Adjustment, ...] = Field((), description="settings for cells of any group, before the group's own")
    groups: tuple[Group, ...] = Field(min_length=1, description="groups of cells")

    def model_post_init(self, _context: Any) -> None:
        """Check that group names differ and that the study's adjustments fit at least one group."""
        names = [group.name for group in self.groups]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two groups are called {name!r}")
        for part in self.adjust:
            if not any(_fits(group, part.where) for group in self.groups):
                raise ValueError(f"adjust {part.where}: no group has these axes and values")


def _fits(group: Group, where: Choice) -> bool:
    return all(
        axis in group.axes and any(str(value) in group.axes[axis] for value in allowed)
        for axis, allowed in where.items()
    )


def load_study(path: Path) -> Study:
    """Read a study file; recipes that groups name by path are read into it. Raises ConfigError that names the key."""
    data = read_mapping(path, "study")
    groups = data.get("groups")
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, dict):
            continue
        if isinstance(base := group.get("base"), str):
            group["base"] = read_extended(path.parent / base)
        if isinstance(axes := group.get("axes"), dict):
            group["axes"] = {str(axis): _settings(str(axis), values) for axis, values in axes.items()}
    return validated(Study, data, path.name)


def _settings(axis: str, values: Any) -> Any:
    """Spell a plain list of values out: each sets the recipe's key of the axis's name."""
    if isinstance(values, list):
        return {str(value): {axis: value} for value in values}
    if isinstance(values, dict):
        return {str(value): {} if keys is None else keys for value, keys in values.items()}
    raise ConfigError(f"axes.{axis}: expected a list of values, or a mapping from values to the settings of each")
