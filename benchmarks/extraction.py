"""`medspan extract` as users run it: a process of its own, from files to files, with its time and memory."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Run", "medspan_command", "read_manifest", "run_measured"]


@dataclass(frozen=True, slots=True)
class Run:
    """What a finished process took: wall seconds, and peak resident memory with its children (0 where not Linux)."""

    seconds: float
    peak_bytes: int


def medspan_command() -> str:
    """Return the path of the `medspan` that belongs to this Python; ends the program where there is none."""
    command = Path(sys.executable).parent / "medspan"
    if not command.is_file():
        sys.exit(f"{command} is missing: install medspan into this environment first")
    return str(command)


def read_manifest(output: Path) -> dict[str, Any]:
    """Return the account that `medspan extract` leaves beside its results."""
    manifest: dict[str, Any] = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def run_measured(command: Sequence[str]) -> Run:
    """Run a command to its end; ends the program with the command's own message where it fails.

    Peak memory is the larger of the process's own peak and the highest sum over it and its children, looked at fifty
    times a second; pages that several processes share count several times there. The kernel's account of an ended
    child is of no use on Linux: it is at least what the parent held when starting it.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        peaks = [0]
        is_done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, is_done), daemon=True)
        watcher.start()
        exit_code = process.wait()
        seconds = time.perf_counter() - started
        is_done.set()
        watcher.join()
        if exit_code != 0:
            errors.seek(0)
            message = errors.read().decode("utf-8", "replace").strip()
            sys.exit(f"{' '.join(command)}\nended with exit code {exit_code}: {message[-2000:]}")
    return Run(seconds, peaks[0])


def _watch(root: int, peaks: list[int], is_done: threading.Event) -> None:
    while not is_done.wait(0.02):
        peaks[0] = max(peaks[0], _status(root, "VmHWM"), sum(_status(pid, "VmRSS") for pid in _tree(root)))


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            waiting += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:  # the process, or one of its threads, has ended meanwhile
            continue
    return found


def _status(pid: int, name: str) -> int:
    """Return a size in bytes from what Linux says about a process; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
