"""All commands in one place; what they do is imported when one is run."""

from typing import Annotated

import typer

from medspan import __version__
from medspan.apps.cli.agreement import agreement
from medspan.apps.cli.bench import bench
from medspan.apps.cli.compare import compare
from medspan.apps.cli.convert import convert
from medspan.apps.cli.corpora import corpora
from medspan.apps.cli.doctor import doctor
from medspan.apps.cli.evaluate import evaluate
from medspan.apps.cli.export import export
from medspan.apps.cli.extract import extract
from medspan.apps.cli.logs import log_to_stderr, silence
from medspan.apps.cli.models import models
from medspan.apps.cli.study import study
from medspan.apps.cli.train import train

__all__ = ["app", "main"]

app = typer.Typer(
    name="medspan",
    help="Patient notes into entities, attributes, relations and events. Works offline; note text is never logged.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 finished, but some notes were set aside and are listed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"medspan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log what happens to stderr: ids and counts, never note text.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    silence()
    if verbose:
        log_to_stderr()


app.command()(extract)
app.command()(evaluate)
app.command()(compare)
app.command()(agreement)
app.command()(convert)
app.add_typer(corpora, name="corpora")
app.command()(train)
app.command()(export)
app.add_typer(models, name="models")
app.add_typer(study, name="study")
app.command()(bench)
app.command()(doctor)


def main() -> None:
    """Run the command line; the entry point of the package."""
    app()
