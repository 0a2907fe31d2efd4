"""Recipes: every one in the repository loads, and what is wrong in one is named."""

from pathlib import Path

import pytest
import yaml

from medspan.corpora import corpus_names, load_corpus, schema
from medspan.corpora.invent import KINDS
from medspan.corpora.mapping import mapping
from medspan.errors import ConfigError, UnknownNameError
from medspan.training.config import Recipe, load_recipe
from tiny import tiny_recipe

RECIPES = sorted(p for p in (Path(__file__).parents[2] / "recipes").rglob("*.yaml") if p.parent.name != "base")


def written(folder: Path, **changes: object) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(Path("pkg:somewhere"), **changes)), encoding="utf-8")
    return path


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_names_what_exists(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.description
    for head in recipe.heads.values():
        assert schema(head.label_schema).name == head.label_schema
    for name in recipe.compose:
        assert schema(name).name == name
    for source in recipe.sources:
        kind = source.corpus.partition("invented:")[2]
        if kind:
            assert kind in KINDS
            assert source.count > 0
        else:
            assert source.corpus in corpus_names()
        for target in source.targets:
            if target.mapping is not None:
                assert mapping(target.mapping).annotates.entities
    for part in recipe.held_out:
        assert part.partition(":")[0] in corpus_names()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_no_recipe_trains_on_a_part_that_it_holds_out(path: Path) -> None:
    recipe = load_recipe(path)
    trained = {f"{source.corpus}:{split}" for source in recipe.sources for split in source.splits}
    assert trained.isdisjoint(recipe.held_out)


def test_what_is_loaded_is_what_was_written(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path))
    assert recipe == Recipe.model_validate(tiny_recipe(Path("pkg:somewhere")))
    assert Recipe.model_validate(recipe.model_dump(mode="json", by_alias=True)) == recipe


def test_settings_are_applied_by_their_path(tmp_path: Path) -> None:
    recipe = load_recipe(
        written(tmp_path), ("optimisation.epochs=3", "sources.0.repeat=2.5", "name=other", "evaluation.patience=2")
    )
    assert (recipe.optimisation.epochs, recipe.sources[0].repeat, recipe.name) == (3, 2.5, "other")
    assert recipe.evaluation.patience == 2
    assert load_recipe(written(tmp_path, held_out=["a:dev"]), ("held_out.0=b:dev",)).held_out == ("b:dev",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sede": 2}, r"recipe\.yaml: sede: unknown key, did you mean 'seed'\?"),
        ({"optimisation": {"epoch": 2}}, r"optimisation\.epoch: unknown key, did you mean 'epochs'\?"),
        ({"xyzzy": 2}, "xyzzy: unknown key$"),
        ({"seed": "many"}, "seed: .*integer"),
        ({"optimisation": {"epochs": 0}}, r"optimisation\.epochs: .*greater than or equal to 1"),
        ({"optimisation": {"precision": "int4"}}, r"optimisation\.precision: .*'bf16' or 'fp16'"),
        ({"sources": []}, "sources: "),
        (
            {"tagging": {"layers": "two"}},
            r"yaml: tagging\.layers: .*'one' or 'label', or .* a mapping of keys to values$",
        ),
        ({"evaluation": {"loggers": "wandb"}}, r"evaluation\.loggers: Input should be a list$"),
        ({"search": {"seed": {"low": 2, "high": 1}}}, r"yaml: search\.seed: low must be below high, or .* a list$"),
        ({"compose": {"clinical": ["x"]}}, r"yaml: compose clinical: head 'x'"),
        ({"heads": {"core": {}}}, r"heads\.core\.schema: Field required"),
        ({"compose": {"clinical": ["core", "cor"]}}, "compose clinical: head 'cor' is not under heads"),
        ({"heads": {"core": {"schema": "clinical"}}, "compose": {}}, "head 'sdoh' is not under heads"),
    ],
)
def test_a_recipe_that_makes_no_sense_says_which_key(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "--set seed: expected key=value"),
        ("=3", "expected key=value"),
        ("optimisation.epoch=3", "did you mean 'epochs'"),
        ("sources.9.repeat=2", "there is no '9' to set"),
        ("sources.first.repeat=2", "there is no 'first' to set"),
        ("sources.repeat=2", "name an item by its number"),
        ("seed.deep=2", "there is no 'deep' to set$"),
        ("name=[", "not valid YAML"),
        ("seed=x", "seed: "),
    ],
)
def test_a_setting_that_makes_no_sense_says_why(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(written(tmp_path, seed=1), (setting,))


def test_a_file_that_is_missing_broken_or_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    with pytest.raises(ConfigError, match="does not exist"):
        load_recipe(path)
    path.write_text("name: [1,\nsources: :", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"recipe\.yaml line \d+: not valid YAML"):
        load_recipe(path)
    path.write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="a recipe is a mapping"):
        load_recipe(path)
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"recipe\.yaml: not a text file in UTF-8"):
        load_recipe(path)
    with pytest.raises(ConfigError, match="is a folder; name the YAML file"):
        load_recipe(tmp_path)


def test_yaml_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    mark = tmp_path / "mark"
    path.write_text(f"name: !!python/object/apply:pathlib.Path.touch [{mark}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_recipe(path)
    assert not mark.exists()


def test_an_unknown_corpus_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="maccrobat"):
        load_corpus("macrobat", "train")
