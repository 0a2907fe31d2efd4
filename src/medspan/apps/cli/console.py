"""Where text goes: results to stdout, everything else to stderr."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["stderr", "stdout"]


def stdout() -> "Console":
    """Return a console on standard output."""
    from rich.console import Console

    return Console()


def stderr() -> "Console":
    """Return a console on standard error."""
    from rich.console import Console

    return Console(stderr=True)
