"""The extraction job itself: sources, extractor and sinks joined, and the manifest that says what was done."""

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from medspan.apps.extract.given import open_annotated
from medspan.apps.extract.manifest import QuarantineLog, write_manifest
from medspan.apps.extract.notes import Columns, Source, ignored_files, open_sources
from medspan.apps.extract.outputs import (
    FORMATS,
    MANIFEST_NAME,
    QUARANTINE_NAME,
    ResultSink,
    check_output,
    open_sinks,
    stale_outputs,
)
from medspan.apps.extract.running import Run, Stages, Watcher
from medspan.apps.extract.tables import column_types
from medspan.apps.extract.tally import Tally
from medspan.errors import ConfigError
from medspan.registry import unknown_name

if TYPE_CHECKING:
    from medspan.inference import Extractor
    from medspan.interchange import TermList

__all__ = ["ExtractOptions", "ExtractResult", "Stages", "run_extract"]

ENGINES = ("auto", "onnx", "torch")


@dataclass(frozen=True)
class ExtractOptions:
    """Everything `medspan extract` can be told."""

    inputs: tuple[str, ...]
    output: Path
    model: str = "default"
    schemas: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("jsonl",)
    columns: Columns = field(default_factory=Columns)
    min_score: float | None = None
    codes: Path | None = None
    engine: str = "auto"
    threads: int | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class ExtractResult:
    """What a finished job did."""

    options: ExtractOptions
    tally: Tally
    stages: Stages
    ignored: dict[str, int]
    n_left_out_of_html: int

    @property
    def characters_per_second(self) -> float:
        """Characters of annotated notes a second, start-up not counted."""
        seconds = self.stages.total - self.stages.startup
        return self.tally.characters / seconds if seconds > 0 else 0.0


def run_extract(
    options: ExtractOptions,
    *,
    watcher: Watcher | None = None,
    stdin: BinaryIO | None = None,
) -> ExtractResult:
    """Annotate every note of the inputs and write the results; memory does not grow with their number.

    Raises ConfigError before any work for options that cannot be carried out, other MedspanError where the job cannot
    go on; then no result file appears, and those of an earlier run stay.
    """
    began, started = time.perf_counter(), datetime.now(UTC)
    _check(options)
    sources = open_sources(options.inputs, options.columns, stdin)
    terms = _terms(options.codes)
    extractor, model = _load(options)
    if extractor.keeps_entities:
        sources = open_annotated(options.inputs, options.columns.keep)
    sinks = _open(options, sources, extractor)
    quarantine = QuarantineLog(options.output / QUARANTINE_NAME)
    stages, ready = Stages(startup=time.perf_counter() - began), datetime.now(UTC)
    is_complete = False
    try:
        if watcher is not None:
            watcher.start(_total(sources))
        run = Run(extractor, options.schemas, terms, options.min_score, sinks, quarantine, stages)
        run.over(sources, as_files="brat" in options.formats, watcher=watcher)
        # While results are exchanged there is no manifest, so that one is never beside files it does not describe.
        (options.output / MANIFEST_NAME).unlink(missing_ok=True)
        for sink in sinks:
            sink.close()
        quarantine.close()
        is_complete = True
    finally:
        if not is_complete:
            for discard in (*(sink.discard for sink in sinks), quarantine.discard):
                with suppress(OSError):
                    discard()
    for path in stale_outputs(options.output, options.formats):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    stages.total = time.perf_counter() - began
    left_out = sum(getattr(sink, "n_left_out", 0) for sink in sinks)
    result = ExtractResult(options, run.tally, stages, ignored_files(sources), left_out)
    write_manifest(options.output / MANIFEST_NAME, result, model, extractor, (started, ready))
    return result


def _check(options: ExtractOptions) -> None:
    for name in options.formats:
        if name not in FORMATS:
            raise unknown_name("output format", name, list(FORMATS))
    if len(set(options.formats)) != len(options.formats):
        raise ConfigError("--to names a format twice")
    if options.min_score is not None and not 0 <= options.min_score <= 1:
        raise ConfigError(f"--min-score must lie between 0 and 1, not {options.min_score}")
    if options.threads is not None and options.threads < 1:
        raise ConfigError(f"--threads must be at least 1, not {options.threads}")
    if options.engine not in ENGINES:
        raise ConfigError(f"--engine is one of {', '.join(ENGINES)}, not {options.engine!r}")
    check_output(options.output, overwrite=options.overwrite)


def _terms(path: Path | None) -> "TermList | None":
    from medspan.interchange import TermList

    return None if path is None else TermList.read(path)


def _load(options: ExtractOptions) -> tuple["Extractor", Path]:
    from medspan.inference import load, model_folder

    extractor = load(options.model, engine=options.engine, threads=options.threads)
    for name in options.schemas:
        if name not in extractor.schemas:
            raise unknown_name(f"schema of model {options.model}", name, sorted(extractor.schemas))
    return extractor, model_folder(options.model)


def _open(options: ExtractOptions, sources: list[Source], extractor: "Extractor") -> list[ResultSink]:
    asked = options.schemas or (extractor.default_schema,)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        return open_sinks(
            options.output,
            options.formats,
            extractor.schemas[asked[0]] if len(asked) == 1 else None,
            column_types(sources, options.columns.keep),
        )
    except OSError as error:
        raise ConfigError(f"{options.output}: cannot be written: {error.strerror}") from error


def _total(sources: list[Source]) -> int | None:
    total = 0
    for source in sources:
        n = source.count()
        if n is None:
            return None
        total += n
    return total
