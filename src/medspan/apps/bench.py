"""Speed and memory of `medspan extract`, measured from outside on a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from medspan.annotation import Document
from medspan.apps.documents import CORPUS_PREFIX
from medspan.apps.extract import Columns, open_sources
from medspan.corpora import catalog_entry, load_corpus
from medspan.errors import ConfigError, MedspanError

__all__ = ["Figures", "measure"]

STAGES = ("tokenize", "encode", "decode", "read", "write")


@dataclass(frozen=True)
class Figures:
    """What one run took. Seconds are those of the clock for the whole process; `startup` is until the model is ready.

    `shares` divides the CPU time after start-up among the stages, which overlap by the clock.
    """

    notes: int
    characters: int
    tokens: int
    seconds: float
    startup: float
    shares: dict[str, float]
    padding_share: float
    peak_mb: float
    engine: str

    @property
    def characters_per_second(self) -> float:
        """Characters a second, start-up included."""
        return self.characters / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Word pieces a second, start-up included."""
        return self.tokens / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        rates = {"characters_per_second": self.characters_per_second, "tokens_per_second": self.tokens_per_second}
        return {key: round(v, 3) if isinstance(v, float) else v for key, v in (asdict(self) | rates).items()}

    def lines(self) -> Iterator[str]:
        """Yield the figures as text."""
        yield f"{self.notes:,} notes, {self.characters:,} characters, {self.tokens:,} tokens; engine {self.engine}"
        yield f"whole process     {self.seconds:.2f} s, of which start-up {self.startup:.2f} s"
        yield f"characters        {self.characters_per_second:,.0f} a second, start-up included"
        after = self.seconds - self.startup
        yield f"                  {self.characters / after if after > 0 else 0:,.0f} a second without it"
        yield f"tokens            {self.tokens_per_second:,.0f} a second, start-up included"
        yield "CPU time          " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.shares.items())
        yield f"padding           {100 * self.padding_share:.1f} % of computed tokens"
        yield f"peak memory       {self.peak_mb:,.0f} MB"


def measure(
    source: str | None,
    *,
    repeat: int = 10,
    model: str = "default",
    schema: str | None = None,
    engine: str = "auto",
    threads: int | None = None,
) -> Figures:
    """Write the notes of `source`, repeated, as text files into a temporary folder and extract them to Parquet.

    Raises ConfigError for a source without notes, MedspanError when the process fails.
    """
    with tempfile.TemporaryDirectory(prefix="medspan-bench-") as scratch:
        notes, output, report = Path(scratch) / "notes", Path(scratch) / "out", Path(scratch) / "report"
        _lay_out(_documents(source), notes, repeat)
        command = [
            sys.executable,
            "-m",
            "medspan.apps.cli",
            "extract",
            str(notes),
            "-o",
            str(output),
            "--to",
            "parquet",
        ]
        command += ["--model", model, "--engine", engine]
        command += ["--schema", schema] if schema else []
        command += ["--threads", str(threads)] if threads else []
        began, seconds = time.time(), _run(command, report)
        manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    startup = datetime.fromisoformat(manifest["ready"]).timestamp() - began
    stages = {name: manifest["seconds"][name] for name in STAGES}
    return Figures(
        notes=manifest["notes"]["done"],
        characters=manifest["characters"],
        tokens=manifest["encoder"]["tokens"],
        seconds=seconds,
        startup=startup,
        shares={name: used / max(1e-9, sum(stages.values())) for name, used in stages.items()},
        padding_share=manifest["encoder"]["padding_share"],
        peak_mb=manifest["peak_memory_mb"],
        engine=manifest["model"]["engine"],
    )


def _documents(source: str | None) -> Iterator[Document]:
    if source is not None and source.startswith(CORPUS_PREFIX):
        name = source.removeprefix(CORPUS_PREFIX)
        for split in catalog_entry(name).splits:
            yield from load_corpus(name, split)
        return
    if source is None:
        from medspan.examples import example_paths

        names = [str(path) for path in example_paths()]
    else:
        names = [source]
    for opened in open_sources(names, Columns()):
        yield from (item for item in opened if isinstance(item, Document))


def _lay_out(documents: Iterator[Document], folder: Path, repeat: int) -> None:
    folder.mkdir()
    n = 0
    for n, document in enumerate(documents, start=1):
        for turn in range(repeat):
            (folder / f"{turn:04d}-{n:06d}.txt").write_bytes(document.text.encode("utf-8"))
    if n == 0:
        raise ConfigError("there are no notes to measure with")


def _run(command: list[str], report: Path) -> float:
    """Run a command and return its seconds by the clock; raises MedspanError with its last line where it fails."""
    began = time.perf_counter()
    with report.open("wb") as sink:
        code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=sink, check=False).returncode
    seconds = time.perf_counter() - began
    if code != 0:
        last = report.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise MedspanError(f"the measured process ended with code {code}: {' '.join(last)}")
    return seconds
