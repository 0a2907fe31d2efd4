"""The account of a job: `manifest.json` with what was run and what came of it, `quarantine.jsonl` with what did not."""

import json
import platform
import resource
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medspan import __version__
from medspan.annotation import Quarantine
from medspan.apps.models import model_digest
from medspan.interchange.atomic import partial_path, publish

if TYPE_CHECKING:
    from medspan.apps.extract.job import ExtractResult
    from medspan.inference import Extractor

__all__ = ["QuarantineLog", "write_manifest"]

_PACKAGES = ("openvino", "tokenizers", "numpy", "pyarrow")


class QuarantineLog:
    """Writes one `{"id", "reason"}` a line for each note set aside; the file appears when closed, even empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = partial_path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def add(self, entry: Quarantine) -> None:
        """Add a note."""
        self._file.write(json.dumps({"id": entry.id, "reason": entry.reason}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Publish the file."""
        if not self._file.closed:
            self._file.close()
            publish(self._path)

    def discard(self) -> None:
        """Remove what was written so far."""
        if not self._file.closed:
            self._file.close()
            partial_path(self._path).unlink(missing_ok=True)


def write_manifest(
    path: Path, result: "ExtractResult", model: Path, extractor: "Extractor", times: tuple[datetime, datetime]
) -> None:
    """Write what was run, on what, with which model and packages, and how it ended. Never note text."""
    options, tally, stats = result.options, result.tally, extractor.annotator.encoder.stats
    manifest: dict[str, Any] = {
        "medspan": __version__,
        "started": times[0].isoformat(),
        "ready": times[1].isoformat(),
        "finished": datetime.now(UTC).isoformat(),
        "arguments": _plain(asdict(options)),
        "model": {
            "name": options.model,
            "sha256": model_digest(model),
            "engine": getattr(extractor.annotator.encoder, "name", type(extractor.annotator.encoder).__name__),
            "schemas": list(options.schemas) or [extractor.default_schema],
        },
        "notes": tally.notes(),
        "characters": tally.characters,
        "found": tally.found(),
        "coded": tally.coded,
        "ignored_files": result.ignored,
        "left_out_of_html": result.n_left_out_of_html,
        "seconds": {name: round(seconds, 3) for name, seconds in asdict(result.stages).items()},
        "encoder": {"rows": stats.rows, "tokens": stats.tokens, "padding_share": round(stats.padding_share, 4)},
        "peak_memory_mb": round(_peak_memory_mb(), 1),
        "versions": {"python": platform.python_version(), **_versions()},
    }
    with partial_path(path).open("w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.write("\n")
    publish(path)


def _peak_memory_mb() -> float:
    """The most memory this process has held. /proc knows it best: getrusage may count the parent before the start."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    # Linux counts in kilobytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
