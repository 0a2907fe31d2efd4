"""Study files: what they may say, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medspan.errors import ConfigError
from medspan.studies import expand, load_study
from medspan.studies.grid import CELL_PREFIX, chosen, in_order, left_out
from medspan.studies.keeping import asked, asked_hash, pace, stale
from studies.tiny_study import tiny_study

Write = Callable[[dict[str, Any]], Path]
AXES = {
    "formulation": {
        "joint": {"formulation": "joint"},
        "tagging": {"formulation": "tagging"},
        "pair": {"formulation": "pair_classification", "entities": {"cell": {"formulation": "tagging"}}},
    },
    "strategy": ["full", "lora"],
    "seed": [1, 2],
}


def test_cells_are_all_combinations_with_first_seeds_first(write_study: Write) -> None:
    cells = expand(load_study(write_study(tiny_study(group={"axes": AXES}))))
    names = [cell.name for cell in cells]
    assert names[:4] == [
        "ward-joint-full-seed1",
        "ward-tagging-full-seed1",
        "ward-pair-full-seed1",
        "ward-joint-lora-seed1",
    ]
    assert len(set(names)) == len(names) == 12
    assert all(name.endswith("seed1") for name in names[:6])
    recipe = next(cell for cell in cells if cell.name == "ward-tagging-lora-seed2").recipe
    assert (recipe.formulation, recipe.strategy, recipe.seed) == ("tagging", "lora", 2)
    assert recipe.held_out == ("ward:dev",)
    assert recipe.optimisation.steps == 12  # shared by the study's base


def test_first_seeds_of_every_group_come_before_second_ones(write_study: Write) -> None:
    study = tiny_study()
    study["groups"].append({**study["groups"][0], "name": "other"})
    names = [cell.name for cell in expand(load_study(write_study(study)))]
    assert names == ["ward-fast-seed1", "other-fast-seed1", "ward-fast-seed2", "other-fast-seed2"]


def test_a_cell_names_the_cell_whose_run_it_needs_and_comes_after_it(write_study: Write) -> None:
    cells = expand(load_study(write_study(tiny_study(group={"axes": AXES}))))
    pair = next(cell for cell in cells if cell.name == "ward-pair-lora-seed2")
    assert pair.needs == ("ward-tagging-lora-seed2",)
    assert str(pair.recipe.entities) == CELL_PREFIX + "ward-tagging-lora-seed2"
    assert [cell.name for cell in in_order([pair], cells)] == ["ward-tagging-lora-seed2", "ward-pair-lora-seed2"]
    assert [cell.name for cell in chosen(cells, "*joint*seed2")] == ["ward-joint-full-seed2", "ward-joint-lora-seed2"]


def test_a_measure_that_no_report_has_is_refused_with_its_neighbour(write_study: Write) -> None:
    scored: dict[str, Any] = {"documents": "ward:dev", "measures": ["entities.strct"]}
    with pytest.raises(ConfigError, match=r": unknown measure 'entities\.strct'; did you mean 'entities\.strict'"):
        load_study(write_study(tiny_study(group={"score": scored})))
    asked_about = {"axis": "rate", "baseline": "fast", "measure": "relations.strict"}
    with pytest.raises(ConfigError, match=r"groups\.0: unknown measure 'relations\.strict'; [^;]*$"):
        load_study(write_study(tiny_study(group={"compare": [asked_about]})))
    scored["measures"] = ["attributes.assertion.strict", "relations.end_to_end.lenient"]
    assert load_study(write_study(tiny_study(group={"score": scored}))).groups[0].scored.measures[1].endswith("lenient")


@pytest.mark.parametrize(
    ("entities", "message"),
    [
        ({"cell": {"formulation": "reading"}}, "fits none"),
        ({"cell": {"group": "elsewhere", "formulation": "tagging"}}, "fits none"),
        ({"cell": {"formulation": "pair"}}, "fits none"),
        ({"run": "somewhere"}, "expected a run folder"),
    ],
)
def test_a_cell_that_needs_what_the_study_lacks_is_refused(write_study: Write, entities: Any, message: str) -> None:
    formulations = {**AXES["formulation"], "pair": {"formulation": "pair_classification", "entities": entities}}  # type: ignore[dict-item]
    study = load_study(write_study(tiny_study(group={"axes": {**AXES, "formulation": formulations}})))
    with pytest.raises(ConfigError, match=f"cell ward-pair-full-seed1: .*{message}"):
        expand(study)


def test_cells_that_need_each_other_are_refused(write_study: Write) -> None:
    axes = {"side": {side: {"entities": {"cell": {"side": other}}} for side, other in (("a", "b"), ("b", "a"))}}
    with pytest.raises(ConfigError, match="in a circle: ward-a -> ward-b -> ward-a"):
        expand(load_study(write_study(tiny_study(group={"axes": axes}))))


def test_adjustments_set_keys_of_the_cells_they_name_in_order(write_study: Write) -> None:
    study = tiny_study(group={"axes": AXES})
    study["adjust"] = [{"where": {"strategy": "lora"}, "set": {"optimisation.learning_rate": 0.01, "adapter.rank": 2}}]
    study["groups"][0]["adjust"] = [
        {"where": {"strategy": ["lora"], "formulation": ["pair", "joint"]}, "set": {"optimisation.learning_rate": 0.02}}
    ]
    cells = {cell.name: cell for cell in expand(load_study(write_study(study)))}
    rates = {name: cell.recipe.optimisation.learning_rate for name, cell in cells.items() if name.endswith("seed1")}
    assert rates["ward-tagging-lora-seed1"] == 0.01
    assert rates["ward-joint-lora-seed1"] == rates["ward-pair-lora-seed1"] == 0.02
    assert rates["ward-joint-full-seed1"] == 3e-4
    assert cells["ward-joint-lora-seed1"].recipe.adapter.rank == 2
    assert cells["ward-joint-lora-seed1"].settings["optimisation.learning_rate"] == 0.02


def test_what_is_left_out_is_not_run_and_says_why(write_study: Write) -> None:
    leave_out = [
        {"where": {"strategy": "lora", "seed": [2]}},
        {"where": {"formulation": "pair"}, "because": "there is nothing to join"},
    ]
    study = load_study(write_study(tiny_study(group={"axes": AXES, "leave_out": leave_out})))
    names = [cell.name for cell in expand(study)]
    assert len(names) == 6
    assert not [name for name in names if "pair" in name or name.endswith("lora-seed2")]
    assert {why for _, why in left_out(study.groups[0])} == {"there is nothing to join"}
    assert len(left_out(study.groups[0])) == 4


def test_a_base_may_be_a_recipe_beside_the_study(write_study: Write, tmp_path: Path) -> None:
    study = tiny_study()
    inline = study["groups"][0]["base"]
    (tmp_path / "ward.yaml").write_text(str(inline), encoding="utf-8")  # flow style is YAML, too
    study["groups"][0]["base"] = "ward.yaml"
    assert load_study(write_study(study)).groups[0].base == inline


def change(**keys: Any) -> Callable[[dict[str, Any]], None]:
    return lambda study: study.update(keys)


def in_group(**keys: Any) -> Callable[[dict[str, Any]], None]:
    return lambda study: study["groups"][0].update(keys)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(budgets=3), "budgets: unknown key, did you mean 'budget'"),
        (in_group(compares=[]), "compares: unknown key, did you mean 'compare'"),
        (in_group(score={"documents": "ward"}), "'ward' names no split; write it as in phee:dev"),
        (
            in_group(score={"documents": "ward:dev", "scorer": "strickt"}),
            "unknown scorer 'strickt'; did you mean 'strict'",
        ),
        (in_group(axes={"seed": 3}), "axes.seed: expected a list of values"),
        (in_group(axes={"a b": [1]}), "names become file names"),
        (in_group(compare=[{"axis": "rates", "baseline": "fast"}]), "unknown axis 'rates'; did you mean 'rate'"),
        (in_group(compare=[{"axis": "rate", "baseline": "slow"}]), "unknown value of axis rate 'slow'; known: fast"),
        (in_group(base="nowhere.yaml"), "nowhere.yaml does not exist"),
        (change(adjust=[{"where": {"rate": "slow"}, "set": {"seed": 1}}]), "no group has these axes and values"),
        (lambda study: study["groups"].append(study["groups"][0]), "two groups are called 'ward'"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_by_its_key(
    write_study: Write, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    study = tiny_study()
    spoil(study)
    with pytest.raises(ConfigError) as caught:
        load_study(write_study(study))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("optimisation.learning_rat", "optimisation.learning_rat: unknown key, did you mean 'learning_rate'"),
        ("sources.3.repeat", "there is no '3' to set; name an item by its number"),
        ("name.first", "there is no 'first' to set"),
    ],
)
def test_a_setting_that_no_recipe_has_is_refused_with_the_cell(write_study: Write, key: str, message: str) -> None:
    study = load_study(write_study(tiny_study(group={"axes": {"rate": {"fast": {key: 1}}}})))
    with pytest.raises(ConfigError) as caught:
        expand(study)
    assert "cell ward-fast" in str(caught.value)
    assert message in str(caught.value)


def test_seeds_have_one_pace_and_other_settings_another(write_study: Write) -> None:
    study = load_study(write_study(tiny_study(group={"axes": AXES})))
    demanded = {cell.name: asked(study, cell) for cell in expand(study)}
    paces = {name: pace(data) for name, data in demanded.items()}
    assert paces["ward-pair-full-seed1"] == paces["ward-pair-full-seed2"]
    assert len(set(paces.values())) == 6
    assert len({asked_hash(data) for data in demanded.values()}) == 12


def test_a_kept_cell_is_stale_when_and_only_when_something_asked_has_changed(write_study: Write) -> None:
    plain = tiny_study(group={"axes": AXES})
    study = load_study(write_study(plain))
    cell = next(cell for cell in expand(study) if cell.name == "ward-pair-full-seed1")
    need = cell.needs[0]
    kept = {"asked": asked(study, cell), "needs": {need: "first"}}
    assert stale(study, cell, kept, {need: {"asked_hash": "first"}}) == ""
    assert stale(study, cell, kept, {need: {"asked_hash": "second"}}) == f"its entity model, {need}, was run anew"
    # Keys that a recipe has gained since the cell was kept had their defaults then.
    older = {**kept["asked"], "recipe": {k: v for k, v in kept["asked"]["recipe"].items() if k != "evaluation"}}
    assert stale(study, cell, {**kept, "asked": older}, {}) == ""
    plain["base"]["optimisation"]["clip"] = 0.5
    plain["budget"] = 6
    changed = load_study(write_study(plain))
    again = next(other for other in expand(changed) if other.name == cell.name)
    assert stale(changed, again, kept, {}) == "changed since: budget, optimisation.clip"
    broken = {**kept["asked"], "recipe": {**kept["asked"]["recipe"], "gone": 1}}
    assert "no longer exist" in stale(study, cell, {**kept, "asked": broken}, {})


def test_pages_and_measures_may_change_without_making_cells_stale(write_study: Write) -> None:
    plain = tiny_study()
    study = load_study(write_study(plain))
    cell = expand(study)[0]
    kept = {"asked": asked(study, cell)}
    plain |= {"preface": "Other words.", "bootstrap": 10, "exchanges": 10, "title": "Other"}
    plain["groups"][0]["score"]["measures"] = ["entities.lenient"]
    changed = load_study(write_study(plain))
    assert stale(changed, expand(changed)[0], kept, {}) == ""
