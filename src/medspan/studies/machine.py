"""What a run was measured on: versions, cores, memory, processor time."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["hardware", "peak_memory", "versions"]

PACKAGES = ("medspan", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what a run gives."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """Say how many cores there are, of which kind, and which of their instructions matter to matrix products."""
    parts = [f"{os.cpu_count() or 1} cores ({platform.machine()})"]
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text(encoding="utf-8").split()) if info.is_file() else set()
    known = (("avx512f", "AVX-512"), ("avx512_vnni", "VNNI"), ("avx512_bf16", "bf16"), ("amx_tile", "AMX"))
    if named := [label for flag, label in known if flag in flags]:
        parts.append(" ".join(named))
    return ", ".join(parts)


def peak_memory() -> int:
    """Return the most memory this process has held so far, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    # Linux counts kilobytes, macOS bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
