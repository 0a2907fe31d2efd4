"""Processes are timed whole, and their memory is seen wherever it is."""

import sys

import pytest

from extraction import run_measured

GRAB = "import time; held = bytearray(120_000_000); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.4)"
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def test_a_process_is_timed_from_start_to_end() -> None:
    assert 0.4 < run_measured([sys.executable, "-c", "import time; time.sleep(0.4)"]).seconds < 30


@needs_proc
def test_peak_memory_of_a_process_is_its_own_and_not_that_of_its_parent() -> None:
    held = b"x" * 400_000_000
    run = run_measured([sys.executable, "-c", GRAB])
    assert 120_000_000 < run.peak_bytes < len(held) - 100_000_000


@needs_proc
def test_a_peak_that_is_over_before_the_end_is_seen() -> None:
    run = run_measured([sys.executable, "-c", f"{GRAB}; del held; time.sleep(0.4)"])
    assert run.peak_bytes > 120_000_000


@needs_proc
def test_memory_of_child_processes_counts_together() -> None:
    start = f"import subprocess, sys; two = [subprocess.Popen([sys.executable, '-c', {GRAB!r}]) for _ in 'ab']; "
    run = run_measured([sys.executable, "-c", start + "[child.wait() for child in two]"])
    assert run.peak_bytes > 240_000_000


def test_a_failing_command_ends_the_program_with_its_message() -> None:
    with pytest.raises(SystemExit, match=r"exit code 2: it did not work"):
        run_measured([sys.executable, "-c", "import sys; print('it did not work', file=sys.stderr); sys.exit(2)"])
