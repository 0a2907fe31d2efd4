"""Recipes that build on others."""

from pathlib import Path

import pytest

from medspan.errors import ConfigError
from medspan.training.config import load_recipe
from medspan.training.extends import joined, read_extended


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "recipe.yaml"


def test_later_bases_win_over_earlier_ones_and_the_file_itself_over_all(tmp_path: Path) -> None:
    recipe = _write(
        tmp_path,
        base__a="optimisation: {epochs: 1, clip: 2.0, dropout: 0.1}\nseed: 1\nbackbone: a\n",
        base__b="optimisation: {epochs: 2, clip: 3.0}\nseed: 2\n",
        recipe="extends: [base/a.yaml, base/b.yaml]\noptimisation: {epochs: 3}\n",
    )
    assert read_extended(recipe) == {
        "optimisation": {"epochs": 3, "clip": 3.0, "dropout": 0.1},
        "seed": 2,
        "backbone": "a",
    }


def test_a_base_may_extend_another_beside_it(tmp_path: Path) -> None:
    recipe = _write(
        tmp_path, base__a="seed: 1\nname: a\n", base__b="extends: a.yaml\nname: b\n", recipe="extends: base/b.yaml\n"
    )
    assert read_extended(recipe) == {"seed": 1, "name": "b"}


def test_two_bases_may_share_a_base(tmp_path: Path) -> None:
    recipe = _write(
        tmp_path, a="seed: 1\n", b="extends: a.yaml\n", c="extends: a.yaml\n", recipe="extends: [b.yaml, c.yaml]\n"
    )
    assert read_extended(recipe) == {"seed": 1}


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": 3}}}, {"a": {"b": {"c": 3, "d": 2}}}),
        ({}, {"a": 1}, {"a": 1}),
    ],
)
def test_mappings_are_joined_and_all_else_is_replaced(
    first: dict[str, object], then: dict[str, object], expected: dict[str, object]
) -> None:
    before = repr(first)
    assert joined(first, then) == expected
    assert repr(first) == before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"recipe": "extends: none.yaml\n"}, r"none\.yaml, which recipe\.yaml extends, does not exist"),
        ({"recipe": "extends: recipe.yaml\n"}, r"it extends itself: recipe\.yaml extends recipe\.yaml"),
        ({"recipe": "extends: a.yaml\n", "a": "extends: recipe.yaml\n"}, r"recipe\.yaml extends a\.yaml extends"),
        ({"recipe": "extends: {a: 1}\n"}, r"recipe\.yaml: extends is a path or a list of paths"),
        ({"recipe": "extends: [1]\n"}, "a path or a list of paths"),
        ({"recipe": "extends: a.yaml\n", "a": "- 1\n"}, r"a\.yaml: a recipe is a mapping"),
        ({"recipe": "extends: a.yaml\n", "a": "name: [\n"}, r"a\.yaml line \d+: not valid YAML"),
    ],
)
def test_a_faulty_chain_names_the_file_at_fault(files: dict[str, str], message: str, tmp_path: Path) -> None:
    recipe = _write(tmp_path, **files)
    with pytest.raises(ConfigError, match=message):
        read_extended(recipe)


def test_settings_come_after_all_that_is_extended(tmp_path: Path) -> None:
    recipe = _write(
        tmp_path,
        base="heads: {core: {schema: clinical}}\nsources: [{corpus: clin-mts, targets: [{head: core}]}]\nbackbone: x\n",
        recipe="extends: base.yaml\nname: mine\noptimisation: {epochs: 3}\n",
    )
    loaded = load_recipe(recipe, ("optimisation.epochs=4", "backbone=tiny"))
    assert (loaded.name, loaded.backbone, loaded.optimisation.epochs) == ("mine", "tiny", 4)
