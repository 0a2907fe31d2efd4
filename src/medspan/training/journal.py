"""What a run tells while it goes: `log.jsonl`, a line an event, and the loggers a recipe asks for."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medspan.training.loggers import Logger, numbers

__all__ = ["Journal"]


class Journal:
    """Writes events of a run into its folder; on devices beside the first it writes nothing."""

    def __init__(self, folder: Path, *, is_silent: bool = False) -> None:
        self._path = folder / "log.jsonl"
        self._loggers: Sequence[Logger] = ()
        self._is_silent = is_silent

    def send_to(self, loggers: Sequence[Logger]) -> None:
        """Hand the numbers of events `step`, `tune` and `end` to these from now on."""
        self._loggers = loggers

    def write(self, event: str, entry: Mapping[str, Any]) -> None:
        """Write an event; its values are names and numbers, never text of a document."""
        if self._is_silent:
            return
        line = json.dumps({"time": time.strftime("%H:%M:%S"), "event": event, **entry})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if event in {"step", "tune", "end"}:
            values = {f"{event}/{name}": value for name, value in numbers(entry).items() if name != "step"}
            for logger in self._loggers:
                logger.record(int(entry.get("step", entry.get("steps", 0))), values)

    def close(self) -> None:
        """Close the loggers."""
        for logger in self._loggers:
            logger.close()
        self._loggers = ()
