"""Checks of an installation, each one line."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from medspan import __version__
from medspan.errors import MedspanError

__all__ = ["Check", "examine"]

BASE = ("numpy", "openvino", "tokenizers", "pyarrow", "safetensors", "pydantic", "jinja2", "structlog", "typer", "rich")
EXTRAS = {"train": ("torch", "transformers", "accelerate", "peft", "onnx", "onnxscript", "nncf")}

SENTENCE = "She denies fever. Takes aspirin 81 mg daily for chest pain and smokes daily."
"""Invented; the model must find something in it."""


@dataclass(frozen=True)
class Check:
    """One finding; `is_well` is False where something does not work."""

    name: str
    is_well: bool
    found: str


def examine(model: str = "default") -> Iterator[Check]:
    """Yield the checks one by one, the self-check of the model last."""
    yield Check("medspan", True, __version__)
    yield Check("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}")
    yield from (_package(name) for name in BASE)
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if find_spec(name) is None]
        state = "complete" if not missing else f"not installed: {', '.join(missing)} (pip install 'medspan[{extra}]')"
        yield Check(f"extra {extra}", True, state)
    yield Check("CPUs", True, _cpus())
    yield Check("memory", True, _memory())
    free = shutil.disk_usage(Path.cwd()).free
    yield Check("free disk here", free > 1e8, f"{free / 1e9:.1f} GB")
    yield from _model(model)


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed: pip install medspan")


def _cpus() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = Path("/proc/cpuinfo")
    text = flags.read_text(encoding="utf-8", errors="replace") if flags.is_file() else ""
    has = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if f" {name}" in text]
    return f"{usable} usable" + (f"; {', '.join(has)}" if has else "")


def _memory() -> str:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (ValueError, AttributeError, OSError):
        return "unknown"
    return f"{pages * size / 1e9:.1f} GB"


def _model(name: str) -> Iterator[Check]:
    from medspan.apps.models import model_digest
    from medspan.inference import load, model_folder

    try:
        folder = model_folder(name)
        yield Check("model", True, f"{name}, sha256 {model_digest(folder)}")
        began = time.perf_counter()
        extractor = load(name)
        engine = type(extractor.annotator.encoder).__name__
        yield Check("model loads", True, f"{engine} in {time.perf_counter() - began:.1f} s")
        (document,) = extractor.annotate([SENTENCE])
    except (MedspanError, OSError) as error:
        yield Check("model", False, str(error))
        return
    except Exception as error:
        yield Check("model", False, f"fails on an invented sentence: {type(error).__name__}")
        return
    if extractor.keeps_entities:
        yield Check("model answers", True, "it joins entities that documents have; the invented sentence has none")
        return
    found = f"{len(document.entities)} entities, {len(document.relations)} relations, {len(document.events)} events"
    yield Check("model answers", bool(document.entities), f"{found} in an invented sentence")
