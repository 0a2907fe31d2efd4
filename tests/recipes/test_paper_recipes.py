"""The paper's recipes: each is loaded and built, and the weights that learn are counted."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.models.architectures import build_backbone  # noqa: E402
from medspan.models.strategies import apply, learning  # noqa: E402
from medspan.models.tiny import tiny_tokenizer  # noqa: E402
from medspan.training.config import Recipe, load_recipe  # noqa: E402
from medspan.training.setup import build_task  # noqa: E402
from medspan.training.sources import build_layouts  # noqa: E402

FOLDER = Path(__file__).parents[2] / "recipes" / "paper"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

DATASETS = ("i2b2-2010", "n2c2-2018", "n2c2-2022", "radgraph")
WEIGHTS = {
    "bert-large": 332_529_664,
    "clinicalbert": 107_719_680,
    "spanbert-large": 332_529_664,
    "gatortron-345m": 354_217_984,
    "gatortron-3.9b": 3_906_242_560,
    "gatortron-8.9b": 8_816_166_912,
}
"""Of each model's encoder without pooling layer: all that full fine-tuning changes below the head."""
DEEP_PROMPT = {
    "bert-large": 32 * 24 * 2 * 1024,
    "clinicalbert": 32 * 12 * 2 * 768,
    "spanbert-large": 32 * 24 * 2 * 1024,
    "gatortron-345m": 32 * 24 * 2 * 1024,
    "gatortron-3.9b": 32 * 48 * 2 * 2560,
    "gatortron-8.9b": 32 * 56 * 2 * 3584,
}
"""Of 32 virtual tokens, a key and a value in each layer."""
WIDTHS = {
    "bert-large": 1024,
    "clinicalbert": 768,
    "spanbert-large": 1024,
    "gatortron-345m": 1024,
    "gatortron-3.9b": 2560,
    "gatortron-8.9b": 3584,
}


def _input_prompt(width: int) -> int:
    """Of 10 virtual tokens and the network of width 1024, three linear layers, that makes them."""
    return 10 * width + (width * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 * width + width)


def _model(name: str) -> str:
    return next(model for model in WEIGHTS if f"-{model}-" in f"{name}-")


@cache
def _recipe(name: str) -> Recipe:
    return load_recipe(FOLDER / f"{name}.yaml")


@cache
def _tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer("megatron-bert", ["the patient takes aspirin 81 mg daily for chest pain"] * 3))


def _encoder(recipe: Recipe) -> Any:
    assert recipe.architecture is not None
    return apply(build_backbone(recipe.architecture, "meta"), recipe.strategy, recipe.adapter)


def test_every_model_meets_every_dataset_in_both_tasks() -> None:
    expected = {
        f"{dataset}-{task}-{model}"
        for dataset in DATASETS
        for task in ("ce-tagging", "re-pair-classification", "ce-re-reading-comprehension")
        for model in WEIGHTS
    }
    prompts = {
        f"{dataset}-ce-re-reading-comprehension-{model}-{kind}-{backbone}"
        for dataset in ("n2c2-2018", "n2c2-2022")
        for model in WEIGHTS
        for kind in ("prefix", "p-tuning")
        for backbone in ("frozen", "unfrozen")
        if kind == "prefix" or model.startswith("gatortron")
    }
    assert set(NAMES) == expected | prompts


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_what_its_name_says(name: str) -> None:
    recipe = _recipe(name)
    assert recipe.name == name
    assert recipe.formulation.replace("_", "-") in name
    (source,) = recipe.sources
    assert name.startswith(source.corpus)
    assert all(part.startswith(f"{source.corpus}:") for part in recipe.held_out)
    assert {head.label_schema for head in recipe.heads.values()} == {source.corpus}
    strategy = next((kind for kind in ("prefix", "p-tuning") if f"-{kind}-" in name), "full")
    assert recipe.strategy == strategy
    assert recipe.adapter.freeze_backbone == (not name.endswith("-unfrozen"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_and_its_windows_fit(name: str) -> None:
    recipe = _recipe(name)
    encoder = _encoder(recipe)
    size = WindowSize(recipe.window.budget, recipe.window.overlap)
    assert encoder.max_tokens == 512 - encoder.n_virtual
    assert size.budget + _tokenizer().n_special <= encoder.max_tokens
    with torch.device("meta"):
        network = build_task(recipe, _tokenizer(), build_layouts(recipe), size).build(encoder)
    outside = [parameter for name_, parameter in network.named_parameters() if not name_.startswith("encoder.")]
    assert outside
    assert all(parameter.requires_grad for parameter in outside)


def _trainable(name: str) -> tuple[int, bool, bool]:
    """How many weights of the encoder learn, and whether any do in the backbone and in the prompt."""
    encoder = _encoder(_recipe(name))
    named = learning(encoder)
    prompt = [parameter for parameter in named if "prompt_encoder" in parameter]
    count = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    return count, len(prompt) < len(named), bool(prompt)


COUNTS: dict[str, Callable[[str], tuple[int, bool, bool]]] = {
    "": lambda model: (WEIGHTS[model], True, False),
    "-prefix-frozen": lambda model: (DEEP_PROMPT[model], False, True),
    "-prefix-unfrozen": lambda model: (WEIGHTS[model] + DEEP_PROMPT[model], True, True),
    "-p-tuning-frozen": lambda model: (_input_prompt(WIDTHS[model]), False, True),
    "-p-tuning-unfrozen": lambda model: (WEIGHTS[model] + _input_prompt(WIDTHS[model]), True, True),
}


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("model", WEIGHTS)
def test_the_weights_that_learn_are_those_of_the_strategy(model: str, kind: str) -> None:
    name = f"n2c2-2018-ce-re-reading-comprehension-{model}{kind}"
    if name in NAMES:
        assert _trainable(name) == COUNTS[kind](model)
    else:
        assert kind.startswith("-p-tuning")


@pytest.mark.parametrize("model", WEIGHTS)
def test_low_rank_updates_find_their_matrices_in_every_model(model: str) -> None:
    recipe = load_recipe(FOLDER / f"n2c2-2018-ce-tagging-{model}.yaml", ("strategy=lora", "adapter.rank=8"))
    assert recipe.architecture is not None
    layers, width = recipe.architecture["num_hidden_layers"], recipe.architecture["hidden_size"]
    encoder = _encoder(recipe)
    named = [name for name in learning(encoder) if "lora_A" in name]
    assert len(named) == layers * 3
    assert all(any(part in name for part in ("query", "key", "value")) for name in named)
    assert sum(p.numel() for p in encoder.parameters() if p.requires_grad) == layers * 3 * 2 * 8 * width


def test_every_file_of_the_base_folder_is_used() -> None:
    used = {base for name in NAMES for base in (FOLDER / f"{name}.yaml").read_text().splitlines()[0].split("base/")[1:]}
    stems = {base.partition(".yaml")[0] for base in used}
    assert stems == {path.stem for path in (FOLDER / "base").glob("*.yaml")}
