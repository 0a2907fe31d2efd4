"""The word lists and templates in the package's data files."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

__all__ = ["DrugRecord", "directions", "drugs", "genre_templates", "symbols"]

_HERE = files("medspan.corpora.invent")


@dataclass(frozen=True)
class DrugRecord:
    """A drug as it may be written: names, how it is given, its strengths and what for."""

    names: tuple[str, ...]
    kind: str
    strengths: tuple[str, ...]
    reasons: tuple[str, ...]


@cache
def drugs() -> tuple[DrugRecord, ...]:
    """Return the drugs of drugs.csv, generic name first."""
    lines = (_HERE / "vocabulary" / "drugs.csv").read_text(encoding="utf-8").splitlines()
    return tuple(
        DrugRecord(
            names=(row["name"], *_parts(row["brands"])),
            kind=row["kind"],
            strengths=_parts(row["strengths"]),
            reasons=_parts(row["reasons"]),
        )
        for row in csv.DictReader(lines)
    )


@cache
def directions() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return, by kind of drug, the forms, routes, dosages and frequencies it takes."""
    listed = _load("vocabulary", "directions")
    common = {key: tuple(words) for key, words in listed.items() if isinstance(words, list)}
    return {
        kind: {**common, **{key: tuple(words) for key, words in slots.items()}}
        for kind, slots in listed.items()
        if isinstance(slots, dict)
    }


@cache
def symbols() -> Mapping[str, tuple[str, ...]]:
    """Return every word list and template by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for folder, names in (
        ("vocabulary", ("problems", "care", "people")),
        ("templates", ("medications", "plans", "social")),
    ):
        for name in names:
            for symbol, words in _load(folder, name).items():
                if symbol in found:
                    raise ValueError(f"{folder}/{name}.yaml: {symbol!r} is already declared")
                found[symbol] = tuple(words)
    return found


@cache
def genre_templates(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the templates of one genre by symbol, each in a scope of its own unless its name ends in _m.

    So a list can repeat a template that names its mentions. Raises KeyError where the genre has no section.
    """
    found: dict[str, tuple[str, ...]] = {}
    for symbol, words in _load("genres", name).items():
        is_bare = symbol.endswith(("_m", "_d")) or symbol in ("section", "opening", "closing")
        found[symbol] = tuple(w if is_bare or not ("#" in w or "_m}" in w) else f"‹{w}›" for w in words)
    return found


def _load(folder: str, name: str) -> dict[str, list[str] | dict[str, list[str]]]:
    loaded: dict[str, list[str] | dict[str, list[str]]] = yaml.safe_load(
        (_HERE / folder / f"{name}.yaml").read_text(encoding="utf-8")
    )
    return loaded


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split(";") if part)
