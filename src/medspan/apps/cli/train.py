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
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", metavar="1,2,3", help="Train from each seed into RUN/seedN; summary.json has the spread."
        ),
    ] = None,
    search: Annotated[
        bool,
        typer.Option("--search", help="Try settings within the recipe's `search`; RUN/best.yaml has the best ones."),
    ] = False,
    trials: Annotated[int, typer.Option("--trials", min=1, help="With --search: how many settings to try.")] = 20,
) -> None:
    """Train a model by a recipe. Needs the extra `train`."""
    from medspan.training.config import load_recipe

    chosen = tuple(settings or ())
    resolved = load_recipe(recipe, chosen)
    if sum((dry_run, search, seeds is not None)) > 1:
        raise ConfigError("--dry-run, --search and --seeds are things to do one at a time")
    need_torch()
    if dry_run:
        from medspan.apps.plan import plan_training

        for line in plan_training(resolved).lines():
            typer.echo(line)
    elif search:
        from medspan.training.search import search as run_search

        best = run_search(recipe, output, trials, settings=chosen, resume=resume)
        typer.echo(f"best of {best['trials']} trials: number {best['number']}, {best['measure']:.3f} on tune")
        for key, value in best["settings"].items():
            typer.echo(f"  {key}: {value}")
        typer.echo(f"train it: medspan train {output / 'best.yaml'} -o RUN")
    elif seeds is not None:
        from medspan.training.seeds import train_seeds

        told = train_seeds(resolved, output, _numbers(seeds), resume=resume)["tune"]["measure"]
        if _is_first():
            values = ", ".join(f"{value:.3f}" for value in told["values"])
            typer.echo(
                f"mean strict F1 on tune: {told['mean']:.3f}, standard deviation {told['spread']:.3f} ({values})"
            )
    else:
        from medspan.training.state import steps_made

        # A run that was killed before its first score has a state alone.
        if not resume and ((output / "config.json").exists() or steps_made(output / "state")):
            raise ConfigError(f"{output} already holds a run; give --resume to go on with it, or another folder")
        from medspan.training.loop import train as run_training

        metrics = run_training(resolved, output, resume=resume)
        if _is_first():
            typer.echo(f"mean strict F1 on tune: {metrics['tune']['measure']:.3f} after {metrics['steps']} steps")
            if not metrics["ceiling"]["measure"]:
                typer.echo("nothing on tune could be scored, so the last weights were kept")
            given = resolved.formulation == "pair_classification" and resolved.entities is None
            notes = "ANNOTATED_NOTES" if given else "NOTES"
            typer.echo(f"try it: medspan extract {notes} -o OUT --model {output} --engine torch")
            typer.echo(f"ship it: medspan export {output} -o FOLDER")


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds {seeds}: expected whole numbers with commas between, as in 1,2,3") from None


def _is_first() -> bool:
    """Tell whether this process speaks for those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


def need_torch() -> None:
    """Raise MissingExtraError where the extra `train` is not installed, before anything slow is done."""
    from importlib import import_module

    from medspan.errors import MissingExtraError

    for package in ("torch", "transformers"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError(package, "train") from error
