"""Cells: the figures of one run in one JSON file, so that tables are made from them without measuring again."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["CELLS", "hardware", "read_cell", "rounded", "versions", "write_cell"]

CELLS = Path("docs/results/cells")


def read_cell(path: Path) -> dict[str, Any] | None:
    """Return a finished cell, or None where there is none."""
    if not path.is_file():
        return None
    cell: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return cell


def write_cell(path: Path, cell: dict[str, Any]) -> None:
    """Write a cell whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(rounded(cell), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path)


def rounded(value: Any) -> Any:
    """Round every float inside `value` to five decimals, which no figure here exceeds in precision."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of the installed ones among `packages`."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """Say how many cores there are and which instructions matter to matrix products."""
    cores = os.cpu_count() or 1
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text(encoding="utf-8").split()) if info.is_file() else set()
    known = [
        label for flag, label in (("avx512f", "AVX-512"), ("avx512_vnni", "VNNI"), ("amx_tile", "AMX")) if flag in flags
    ]
    return ", ".join([f"{cores} cores", *([" ".join(known)] if known else [])])
