"""What a recipe's run is set up with, before any document is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from medspan.errors import ConfigError
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import Layout
from medspan.models.backbone_tokenizer import backbone_tokenizer
from medspan.models.backbones import load_backbone
from medspan.models.encoder import Encoder
from medspan.models.strategies import apply
from medspan.models.tiny import tiny_backbone
from medspan.training.config import Recipe
from medspan.training.sources import build_layouts, read_source
from medspan.training.tasks import TASKS, Setting, Task

__all__ = ["Setup", "build_task", "prepare"]


@dataclass(frozen=True)
class Setup:
    """The parts of a run: tokenizer, numbered labels, windows, encoder under its strategy, and task."""

    tokenizer: TextTokenizer
    layouts: Mapping[str, Layout]
    size: WindowSize
    encoder: Encoder
    task: Task


def prepare(recipe: Recipe) -> Setup:
    """Load the backbone and build what the recipe asks; raises ConfigError where its windows do not fit the encoder."""
    with TemporaryDirectory() as scratch:
        name = _double(recipe, Path(scratch)) if recipe.backbone == "tiny" else recipe.backbone
        tokenizer = backbone_tokenizer(name, allow_download=recipe.allow_download)
        backbone = load_backbone(name, allow_download=recipe.allow_download)
    layouts = build_layouts(recipe)
    size = WindowSize(recipe.window.budget, recipe.window.overlap)
    encoder = apply(backbone, recipe.strategy, recipe.adapter)
    needed = size.budget + tokenizer.n_special
    if encoder.max_tokens is not None and needed > encoder.max_tokens:
        raise ConfigError(
            f"window.budget: rows of {needed} tokens, special ones included, do not fit the encoder, which takes "
            f"{encoder.max_tokens} with strategy {recipe.strategy}; "
            f"set it to {encoder.max_tokens - tokenizer.n_special}"
        )
    return Setup(tokenizer, layouts, size, encoder, build_task(recipe, tokenizer, layouts, size))


def build_task(recipe: Recipe, tokenizer: TextTokenizer, layouts: Mapping[str, Layout], size: WindowSize) -> Task:
    """Return the task of a recipe's formulation."""
    setting = Setting(tokenizer, layouts, size, recipe.options, recipe.optimisation.dropout, recipe.seed)
    return TASKS.get(recipe.formulation)(setting)


def _double(recipe: Recipe, folder: Path) -> str:
    """Write the random encoder that stands in for the recipe's backbone, its tokenizer made of the training texts."""
    texts = (document.text for source in recipe.sources for document in read_source(source, recipe.seed))
    return str(tiny_backbone(folder, recipe.architecture, texts, recipe.seed))
