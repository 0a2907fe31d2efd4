"""`medspan study`: grids of runs, and the pages made of them."""

from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import FAILED, complain, reports_failures
from medspan.errors import ConfigError

__all__ = ["study"]

study = typer.Typer(
    name="study",
    help="Grids of runs: every cell is trained within a budget, scored, and kept in a small file.",
    no_args_is_help=True,
)

CELLS = Path("docs/results/cells")


@study.command()
@reports_failures
def run(
    file: Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="What to run and what to score it on.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the runs.")],
    cells: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the figures of finished cells are kept, by study.")
    ] = CELLS,
    only: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Run only cells whose names fit, and those they need.")
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Cells run at a time.")] = 1,
    stale: Annotated[bool, typer.Option("--stale", help="Run cells again whose recipe has changed since.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Run all cells chosen again, finished or not.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be run; run nothing.")] = False,
) -> None:
    """Run the cells of a study that have no figures yet; the same command goes on after a stop.

    A finished cell is never run again, unless asked. A cell that fails is named at the end, and the others are run
    all the same. Needs the extra `train`.
    """
    from medspan.apps.cli.train import need_torch
    from medspan.studies import load_study, run_study
    from medspan.studies.running import Again, survey, tasks

    loaded = load_study(file)
    asked: Again = "all" if again else "stale" if stale else "no"
    if dry_run:
        states = survey(loaded, cells)
        todo = tasks(loaded, states, output, only, asked)
        for state in states:
            if state.staleness:
                typer.echo(f"stale    {state.cell.name}: {state.staleness}")
        for task in todo:
            doing = "run" if task.do == "measure" else "retrain"
            typer.echo(f"{doing:<8} {task.cell.name}")
        minutes = sum(task.cell.group.budget or loaded.budget for task in todo)
        finished = sum(state.is_finished for state in states)
        typer.echo(
            f"{finished} of {len(states)} cells are finished; {len(todo)} to run, {minutes:g} CPU minutes at most"
        )
        return
    need_torch()
    outcome = run_study(loaded, output, cells, only=only, jobs=jobs, again=asked, say=typer.echo)
    typer.echo(f"{len(outcome.finished)} cells finished, {len(outcome.kept)} were before")
    if outcome.stale:
        complain(f"{len(outcome.stale)} cells are stale: {', '.join(outcome.stale)}; --stale runs them again")
    for name, reason in outcome.failed.items():
        complain(f"cell {name} failed: {reason}")
    if not outcome.is_whole:
        raise SystemExit(FAILED)


@study.command()
@reports_failures
def report(
    source: Annotated[
        Path, typer.Argument(metavar="STUDY.yaml|DIR", help="The study, or the folder that its runs are in.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the page goes.")],
    page: Annotated[
        str | None, typer.Option(metavar="NAME.md", help="Name of the page; none: the study's name.")
    ] = None,
    cells: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the figures of finished cells are kept.")
    ] = CELLS,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw plots. Needs the extra `study`.")] = True,
) -> None:
    """Write a study's page with its tables and plots from the cells that are finished; nothing is run.

    Tables come as CSV and LaTeX too, plots as SVG and PNG, in a folder of the page's name beside it.
    """
    from medspan.studies import load_study
    from medspan.studies.report import write_report
    from medspan.studies.study_file import Study

    if source.is_dir():
        saved = source / "study.json"
        if not saved.is_file():
            raise ConfigError(f"{source}: no study was run here; name the study's YAML file")
        loaded = Study.model_validate_json(saved.read_text(encoding="utf-8"))
    else:
        loaded = load_study(source)
    written = write_report(loaded, cells, output, page=page, plots=plots)
    for note in written.notes:
        typer.echo(note)
    typer.echo(f"{written.page}: {written.finished} of {written.planned} cells")
