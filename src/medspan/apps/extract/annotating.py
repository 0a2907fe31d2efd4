"""A stream of notes through the extractor; a note that it fails on is set aside, not the job."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

from medspan.annotation import Document, Quarantine
from medspan.errors import MedspanError

__all__ = ["Annotator", "annotate_all", "time_tokenizer"]

log = logging.getLogger(__name__)


class Annotator(Protocol):
    """What a job needs of an Extractor."""

    def annotate(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> list[Document]:
        """Return annotated documents, in order."""

    def stream(self, documents: Iterable[Document | str], schemas: Sequence[str] | None = None) -> Iterator[Document]:
        """Yield annotated documents, in order, lazily."""


def annotate_all(
    extractor: Annotator,
    notes: Iterable[Document],
    schemas: Sequence[str] | None,
    set_aside: Callable[[Quarantine], None],
) -> Iterator[Document]:
    """Yield every note annotated, in order; notes on which the extractor fails go to `set_aside`.

    A failure costs its shard a second pass, note by note. Errors of `notes` itself and medspan's own errors (an
    unknown schema, for example) are raised. Raises MedspanError when a whole shard fails before any note was done.
    """
    pending: deque[Document] = deque()
    reading = iter(notes)
    broken: list[BaseException] = []
    n_done = 0

    def feed() -> Iterator[Document]:
        try:
            for note in reading:
                pending.append(note)
                yield note
        except Exception as error:  # must not look like a failure of the extractor
            broken.append(error)

    while True:
        try:
            for document in extractor.stream(feed(), schemas):
                pending.popleft()
                n_done += 1
                yield document
            if broken:
                raise broken[0]
            return
        except Exception as error:
            if broken or isinstance(error, MedspanError):
                raise
            log.warning("a shard of %d notes failed (%s); its notes are tried one by one", len(pending), _kind(error))
            again = list(pending)
            pending.clear()
        failed = 0
        for note in again:
            try:
                (document,) = extractor.annotate([note], schemas)
            except Exception as error:
                failed += 1
                if failed == len(again) and n_done == 0 and failed > 1:
                    raise MedspanError(
                        f"the model fails on every note ({_kind(error)}); check it with: medspan doctor --model MODEL"
                    ) from None
                set_aside(Quarantine(note.id, f"the model failed on this note ({_kind(error)})"))
            else:
                n_done += 1
                yield document


def _kind(error: BaseException) -> str:
    """The type alone: a foreign exception's message may quote the note."""
    return type(error).__name__


class _TimedTokenizer:
    """Adds up the time that a tokenizer takes; everything else is the tokenizer's own."""

    def __init__(self, inner: Any) -> None:
        self.seconds = 0.0
        self._inner = inner

    def __call__(self, texts: Sequence[str]) -> Any:
        began = time.perf_counter()
        found = self._inner(texts)
        self.seconds += time.perf_counter() - began
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def time_tokenizer(extractor: Any) -> Callable[[], float]:
    """Measure the extractor's tokenizer from now on; returns how to ask for the seconds."""
    timed = _TimedTokenizer(extractor.tokenizer)
    extractor.tokenizer = cast(Any, timed)
    return lambda: timed.seconds
