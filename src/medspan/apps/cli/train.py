"""`medspan train`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures
from medspan.errors import ConfigError

__all__ = ["need_torch", "train"]


@reports_failures
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="What to train, on what and how.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the run, a model folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe, as in optimisation.epochs=3; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN where it stopped.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show documents, tokens, steps, parameters, ceiling and time; train nothing."),
    ] = False,
) -> None:
    """Train a model by a recipe. Needs the extra `train`."""
    from medspan.training.config import load_recipe

    resolved = load_recipe(recipe, tuple(settings or ()))
    need_torch()
    if dry_run:
        from medspan.apps.plan import plan_training

        for line in plan_training(resolved).lines():
            typer.echo(line)
        return
    if not resume and (output / "config.json").exists():
        raise ConfigError(f"{output} already holds a run; give --resume to go on with it, or another folder")
    from medspan.training.loop import train as run_training

    metrics = run_training(resolved, output, resume=resume)
    if os.environ.get("RANK", "0") != "0":
        return
    typer.echo(f"mean strict F1 on tune: {metrics['tune']['measure']:.3f} after {metrics['steps']} steps")
    typer.echo(f"try it: medspan extract NOTES -o OUT --model {output} --engine torch")
    typer.echo(f"ship it: medspan export {output} -o FOLDER")


def need_torch() -> None:
    """Raise MissingExtraError where the extra `train` is not installed, before anything slow is done."""
    from importlib import import_module

    from medspan.errors import MissingExtraError

    for package in ("torch", "transformers"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError(package, "train") from error
