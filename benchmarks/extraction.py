"""`medspan extract` as users run it: a process of its own, from files to files, with its time and memory."""

import json
import os
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
    """What a finished process took: wall seconds, and its peak resident memory with that of its children."""

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

    Peak memory is the larger of what the kernel kept for the process and the highest sum seen over the process and
    its children, looked at twenty times a second: pages that several processes share count several times there.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        peaks = [0]
        is_done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peaks, is_done), daemon=True)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        is_done.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            message = errors.read().decode("utf-8", "replace").strip()
            sys.exit(f"{' '.join(command)}\nended with exit code {process.returncode}: {message[-2000:]}")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, max(usage.ru_maxrss * kilobyte, peaks[0]))


def _watch(root: int, peaks: list[int], is_done: threading.Event) -> None:
    while not is_done.wait(0.05):
        peaks[0] = max(peaks[0], sum(_resident(pid) for pid in _tree(root)))


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


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
