"""A progress bar on stderr, where that is a terminal."""

import time
from types import TracebackType
from typing import Self

from medspan.apps.cli.console import stderr

__all__ = ["NoteProgress"]


class NoteProgress:
    """Shows notes, characters a second and the time left; silent where stderr is no terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = stderr()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("notes  {task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("loading the model", total=None, rate="")
        self._began = time.perf_counter()
        self._characters = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start(self, total: int | None) -> None:
        """Begin to count notes."""
        self._began = time.perf_counter()
        self._progress.update(self._task, description="annotating", total=total)

    def advance(self, notes: int, characters: int) -> None:
        """Count further notes."""
        self._characters += characters
        rate = self._characters / max(1e-9, time.perf_counter() - self._began)
        self._progress.update(self._task, advance=notes, rate=f"{rate:,.0f} characters/s")
