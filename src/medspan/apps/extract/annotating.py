"""Notes through the extractor, two batches at a time; a note that it fails on is set aside, not the job.

While one batch is in the encoder, the other is tokenized, decoded and merged in a second thread: the encoder computes
outside Python, so both advance. One lock keeps the encoder to one batch at a time.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from medspan.annotation import Document, Quarantine
from medspan.errors import MedspanError

__all__ = ["WORKERS", "Annotator", "Clock", "annotate_batches", "share_between_threads"]

log = logging.getLogger(__name__)

WORKERS = 2


class Annotator(Protocol):
    """What a job needs of an Extractor."""

    def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
        """Return annotated documents, in order."""


@dataclass
class Clock:
    """Seconds by stage, added up from several threads.

    `tokenize` is wall time; `other` is what the workers compute themselves outside tokenizer and encoder, CPU time.
    """

    tokenize: float = 0.0
    other: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, tokenize: float = 0.0, other: float = 0.0) -> None:
        """Add seconds."""
        with self._lock:
            self.tokenize += tokenize
            self.other += other


@dataclass(frozen=True)
class _Answer:
    """A batch annotated, with the notes that failed and what the first failure was."""

    documents: list[Document]
    failed: list[Quarantine]
    kind: str = ""


def annotate_batches(
    extractor: Annotator,
    batches: Iterable[Sequence[Document]],
    schemas: Sequence[str] | None,
    set_aside: Callable[[Quarantine], None],
    clock: Clock | None = None,
) -> Iterator[list[Document]]:
    """Yield every batch annotated, in order, without the notes on which the extractor fails: those are set aside.

    A failure costs its batch a second pass, note by note. medspan's own errors (an unknown schema, for example) are
    raised, and so are those of `batches`. Raises MedspanError when all of the first notes fail.
    """
    waiting: deque[Future[_Answer]] = deque()
    n_done = 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="medspan-annotate") as pool:
        try:
            for answer in _in_order(pool, extractor, batches, schemas, clock or Clock(), waiting):
                n_done += len(answer.documents)
                if n_done == 0 and len(answer.failed) > 1:
                    raise MedspanError(
                        f"the model fails on every note ({answer.kind}); check it with: medspan doctor --model MODEL"
                    )
                for entry in answer.failed:
                    set_aside(entry)
                yield answer.documents
        finally:
            for future in waiting:
                future.cancel()


def _in_order(
    pool: ThreadPoolExecutor,
    extractor: Annotator,
    batches: Iterable[Sequence[Document]],
    schemas: Sequence[str] | None,
    clock: Clock,
    waiting: deque[Future[_Answer]],
) -> Iterator[_Answer]:
    for batch in batches:
        waiting.append(pool.submit(_annotate, extractor, batch, schemas, clock))
        if len(waiting) > WORKERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _annotate(extractor: Annotator, batch: Sequence[Document], schemas: Sequence[str] | None, clock: Clock) -> _Answer:
    began = time.thread_time()
    try:
        return _Answer(extractor.annotate(batch, schemas), [])
    except MedspanError:
        raise
    except Exception as error:
        # The type alone: a foreign exception's message may quote the note.
        kind = type(error).__name__
        log.warning("a batch of %d notes failed (%s); its notes are tried one by one", len(batch), kind)
        return _one_by_one(extractor, batch, schemas, kind)
    finally:
        clock.add(other=time.thread_time() - began)


def _one_by_one(extractor: Annotator, batch: Sequence[Document], schemas: Sequence[str] | None, kind: str) -> _Answer:
    documents: list[Document] = []
    failed: list[Quarantine] = []
    for note in batch:
        try:
            documents += extractor.annotate([note], schemas)
        except MedspanError:
            raise
        except Exception as error:
            failed.append(Quarantine(note.id, f"the model failed on this note ({type(error).__name__})"))
    return _Answer(documents, failed, kind)


class _TimedTokenizer:
    """Adds up the time that a tokenizer takes; everything else is the tokenizer's own."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def __call__(self, texts: Sequence[str]) -> Any:
        began, busy = time.perf_counter(), time.thread_time()
        found = self._inner(texts)
        # What counts as tokenizing must not count as a worker's other time too.
        self._clock.add(tokenize=time.perf_counter() - began, other=busy - time.thread_time())
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _LockedEncoder:
    """Lets one thread at a time into an encoder."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._lock = threading.Lock()
        self.name = type(inner).__name__

    def encode(self, rows: Sequence[Any]) -> Any:
        busy = time.thread_time()
        try:
            with self._lock:
                return self._inner.encode(rows)
        finally:
            self._clock.add(other=busy - time.thread_time())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def share_between_threads(extractor: Any, clock: Clock) -> None:
    """Make an extractor safe for several threads, and let the clock see its tokenizer."""
    while extractor is not None:
        annotator = extractor.annotator
        annotator.tokenizer = _TimedTokenizer(annotator.tokenizer, clock)
        annotator.encoder = _LockedEncoder(annotator.encoder, clock)
        extractor = extractor.entities
