"""Processes are timed whole, and their memory is seen wherever it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from extraction import run_measured

GRAB = "import time; held = bytearray(120_000_000); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.4)"


def test_peak_memory_and_seconds_of_a_process_are_measured() -> None:
    # In an interpreter of its own: to Linux, a child's peak is at least what its parent held when starting it, and the
    # tests' process may have grown by then.
    code = (
        "import sys; from extraction import run_measured;"
        f"run = run_measured([sys.executable, '-c', {GRAB!r}]); print(run.seconds, run.peak_bytes)"
    )
    folder = Path(__file__).parents[2] / "benchmarks"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    seconds, peak_bytes = map(float, done.stdout.split())
    assert 120_000_000 < peak_bytes < 300_000_000
    assert seconds > 0.4


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_memory_of_child_processes_counts_together() -> None:
    start = f"import subprocess, sys; two = [subprocess.Popen([sys.executable, '-c', {GRAB!r}]) for _ in 'ab']; "
    run = run_measured([sys.executable, "-c", start + "[child.wait() for child in two]"])
    assert run.peak_bytes > 240_000_000


def test_a_failing_command_ends_the_program_with_its_message() -> None:
    with pytest.raises(SystemExit, match=r"exit code 2: it did not work"):
        run_measured([sys.executable, "-c", "import sys; print('it did not work', file=sys.stderr); sys.exit(2)"])
