"""`medspan export`."""

from pathlib import Path
from typing import Annotated

import typer

from medspan.apps.cli.failures import reports_failures

__all__ = ["export"]


@reports_failures
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run of medspan train.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="New folder for the exported model.")],
    float32: Annotated[bool, typer.Option("--float32", help="Keep full precision: exact, larger and slower.")] = False,
) -> None:
    """Export a trained model so that extraction runs it without torch.

    The encoder becomes int8 unless --float32 is given; an export that loses more than 0.3 F1 points on the documents
    kept apart from training is refused. Needs the extra `train` and the recipe's corpora.
    """
    from medspan.apps.cli.train import need_torch

    need_torch()
    from medspan.training.release import release

    done = release(run, output, int8=not float32)
    typer.echo(f"{output}: {done.size / 1e6:.1f} MB")
    typer.echo(
        f"mean strict F1 on tune: {done.exact.measure:.4f} before, {done.exported.measure:.4f} exported "
        f"({0.0 - 100 * done.drop:+.2f} points)"
    )
