"""Notes through reader, extractor and sinks, timed and counted."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Protocol, TypeVar

from medspan.annotation import Document, Quarantine
from medspan.apps.extract.admission import admit
from medspan.apps.extract.annotating import annotate_all, time_tokenizer
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
Some = TypeVar("Some", bound=Item)

_BATCH_NOTES = 64
_BATCH_CHARACTERS = 400_000
_BATCHES_AHEAD = 3


class Watcher(Protocol):
    """Someone who is told how a run goes on."""

    def start(self, total: int | None) -> None:
        """The model is loaded; `total` notes follow, where that is known."""

    def advance(self, notes: int, characters: int) -> None:
        """So many more notes and characters have been annotated."""


@dataclass
class Stages:
    """Seconds of a run. `read` and `write` are CPU time of threads of their own, the others wall time."""

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
        stats = self.extractor.encoder.stats
        tokenizing, encoded = time_tokenizer(self.extractor), stats.seconds
        reader = ReadAhead(_batches(admit(chain.from_iterable(sources), as_files=as_files)), _BATCHES_AHEAD)
        writer = WriteBehind(self._finish, _BATCHES_AHEAD)
        began, waited = time.perf_counter(), 0.0
        try:
            notes = self._admitted(reader)
            annotated = annotate_all(self.extractor, notes, list(self.schemas) or None, self._set_aside)
            for batch in _batches(annotated):
                waiting = time.perf_counter()
                writer.put(batch)
                waited += time.perf_counter() - waiting
                if watcher is not None:
                    watcher.advance(len(batch), sum(len(document.text) for document in batch))
            lasted = time.perf_counter() - began
            writer.close()
        finally:
            reader.stop()
            with suppress(BaseException):
                writer.close()
        self.stages.read, self.stages.write = reader.seconds, writer.seconds
        self.stages.tokenize, self.stages.encode = tokenizing(), stats.seconds - encoded
        self.stages.decode = max(0.0, lasted - waited - reader.waited - self.stages.tokenize - self.stages.encode)

    def _admitted(self, batches: Iterable[list[Item]]) -> Iterator[Document]:
        for batch in batches:
            for item in batch:
                if isinstance(item, Document):
                    yield item
                else:
                    self._set_aside(item)

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


def _batches(items: Iterable[Some]) -> Iterator[list[Some]]:
    """Group items so that threads exchange few things, and so that few characters wait."""
    batch: list[Some] = []
    characters = 0
    for item in items:
        batch.append(item)
        characters += len(item.text) if isinstance(item, Document) else 0
        if len(batch) >= _BATCH_NOTES or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
