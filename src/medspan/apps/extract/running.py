"""Notes through reader, extractor and sinks, timed and counted."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from medspan.annotation import Document, Quarantine
from medspan.apps.extract.admission import admit
from medspan.apps.extract.annotating import Clock, annotate_batches, share_between_threads
from medspan.apps.extract.manifest import QuarantineLog
from medspan.apps.extract.notes import Source
from medspan.apps.extract.outputs import ResultSink
from medspan.apps.extract.refine import drop_below
from medspan.apps.extract.tally import Tally
from medspan.apps.extract.threads import ReadAhead, WriteBehind

if TYPE_CHECKING:
    from medspan.inference import Extractor
    from medspan.interchange import TermList

__all__ = ["Run", "Stages", "Watcher"]

log = logging.getLogger(__name__)

Item = Document | Quarantine

_BATCH_NOTES = 64
_BATCH_CHARACTERS = 200_000
_BATCHES_AHEAD = 3


class Watcher(Protocol):
    """Someone who is told how a run goes on."""

    def start(self, total: int | None) -> None:
        """The model is loaded; `total` notes follow, where that is known."""

    def advance(self, notes: int, characters: int) -> None:
        """So many more notes and characters have been annotated."""


@dataclass
class Stages:
    """Seconds of a run: `startup` and `total` by the clock, the stages between them in CPU time of all cores.

    Stages overlap, so their clock times would not add up; their CPU times do. `encode` is what no other stage used.
    """

    startup: float = 0.0
    read: float = 0.0
    tokenize: float = 0.0
    encode: float = 0.0
    decode: float = 0.0
    write: float = 0.0
    total: float = 0.0


@dataclass
class Run:
    """One pass of notes through an extractor into sinks; `tally` and `stages` fill while it lasts."""

    extractor: "Extractor"
    schemas: Sequence[str]
    terms: "TermList | None"
    min_score: float | None
    sinks: Sequence[ResultSink]
    quarantine: QuarantineLog
    stages: Stages
    tally: Tally = field(default_factory=Tally)

    def over(self, sources: Iterable[Source], *, as_files: bool, watcher: Watcher | None) -> None:
        """Annotate and write every note of the sources; each ends as done or set aside."""
        clock = Clock()
        share_between_threads(self.extractor, clock)
        reader = ReadAhead(_batches(admit(chain.from_iterable(sources), as_files=as_files)), _BATCHES_AHEAD)
        writer = WriteBehind(self._finish, _BATCHES_AHEAD)
        used, here = time.process_time(), time.thread_time()
        try:
            annotated = annotate_batches(
                self.extractor, self._admitted(reader), list(self.schemas) or None, self._set_aside, clock
            )
            for batch in annotated:
                writer.put(batch)
                if watcher is not None:
                    watcher.advance(len(batch), sum(len(document.text) for document in batch))
            writer.close()
        finally:
            reader.stop()
            with suppress(BaseException):
                writer.close()
        found = self.stages
        found.read, found.write = reader.seconds, writer.seconds
        found.tokenize, found.decode = clock.tokenize, clock.other
        elsewhere = found.read + found.write + found.tokenize + found.decode + time.thread_time() - here
        found.encode = max(0.0, time.process_time() - used - elsewhere)

    def _admitted(self, batches: Iterable[list[Item]]) -> Iterator[list[Document]]:
        for batch in batches:
            notes = [item for item in batch if isinstance(item, Document)]
            for item in batch:
                if isinstance(item, Quarantine):
                    self._set_aside(item)
            if notes:
                yield notes

    def _set_aside(self, entry: Quarantine) -> None:
        self.tally.quarantined += 1
        self.quarantine.add(entry)
        log.warning("note set aside: %s: %s", entry.id, entry.reason)

    def _finish(self, batch: list[Document]) -> None:
        if self.min_score is not None:
            batch = [drop_below(document, self.min_score) for document in batch]
        if self.terms is not None:
            batch = [self.terms.apply(document) for document in batch]
        for document in batch:
            self.tally.add(document)
        for sink in self.sinks:
            sink.write(batch)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Group items: large enough to fill the encoder's batches, small enough that few characters wait."""
    batch: list[Item] = []
    characters = 0
    for item in items:
        batch.append(item)
        characters += len(item.text) if isinstance(item, Document) else 0
        if len(batch) >= _BATCH_NOTES or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
