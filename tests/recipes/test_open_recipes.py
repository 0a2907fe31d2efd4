"""Recipes for corpora that anyone may get: each is loaded and built."""

from functools import cache
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from medspan.corpora import catalog_entry  # noqa: E402
from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.models.architectures import build_backbone  # noqa: E402
from medspan.models.strategies import apply  # noqa: E402
from medspan.models.tiny import tiny_tokenizer  # noqa: E402
from medspan.training.config import Recipe, load_recipe  # noqa: E402
from medspan.training.setup import build_task  # noqa: E402
from medspan.training.sources import build_layouts  # noqa: E402

FOLDER = Path(__file__).parents[2] / "recipes" / "open"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
FORMULATIONS = ("joint", "tagging", "reading-comprehension", "pair-classification")
CORPORA = ("ade", "bc5cdr", "chia", "clin-mts", "maccrobat", "phee", "sdoh-mts")
MINILM = {
    "model_type": "bert",
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}


@cache
def _recipe(name: str) -> Recipe:
    return load_recipe(FOLDER / f"{name}.yaml")


@cache
def _tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny_tokenizer("bert", ["the patient takes aspirin 81 mg daily for chest pain"] * 3))


def test_every_corpus_has_every_formulation_that_can_express_it() -> None:
    expected = {f"{corpus}-{formulation}" for corpus in CORPORA for formulation in FORMULATIONS}
    assert set(NAMES) == expected - {"bc5cdr-pair-classification"}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_on_its_corpus_and_holds_out_what_it_is_scored_on(name: str) -> None:
    recipe = _recipe(name)
    (source,) = recipe.sources
    entry = catalog_entry(source.corpus)
    assert recipe.name == name == f"{source.corpus}-{recipe.formulation.replace('_', '-')}"
    assert recipe.heads[source.corpus].label_schema == entry.schema
    assert recipe.backbone.startswith("pkg:")
    held_out = [part.partition(":") for part in recipe.held_out]
    assert [corpus for corpus, _, _ in held_out] == [source.corpus]
    assert {split for _, _, split in held_out} | set(source.splits) == set(entry.splits)
    assert not {split for _, _, split in held_out} & set(source.splits)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_and_its_windows_fit(name: str) -> None:
    recipe = _recipe(name)
    encoder = apply(build_backbone(MINILM, "meta"), recipe.strategy, recipe.adapter)
    assert sum(p.numel() for p in encoder.parameters() if p.requires_grad) == 22_565_376
    size = WindowSize(recipe.window.budget, recipe.window.overlap)
    assert encoder.max_tokens is not None
    assert size.budget + _tokenizer().n_special <= encoder.max_tokens
    with torch.device("meta"):
        network = build_task(recipe, _tokenizer(), build_layouts(recipe), size).build(encoder)
    assert [name_ for name_, _ in network.named_parameters() if not name_.startswith("encoder.")]


def test_every_file_of_the_base_folder_is_used() -> None:
    used = {base for name in NAMES for base in (FOLDER / f"{name}.yaml").read_text().splitlines()[0].split("base/")[1:]}
    stems = {base.partition(".yaml")[0] for base in used}
    assert stems == {path.stem for path in (FOLDER / "base").glob("*.yaml")}
