"""What flows in and out of a job: notes that could not be read, and places that results go to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from medspan.annotation.document import Document

__all__ = ["Quarantine", "Sink"]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A note set aside, so that counts reconcile. `reason` says where and why, never in the note's own words."""

    id: str
    reason: str


class Sink(Protocol):
    """A place that documents are written to, piece by piece, with bounded memory.

    Nothing stands under its final name before `close`. What is written depends on the documents and their order
    alone, not on how they were divided among calls of `write`.
    """

    def write(self, documents: Iterable[Document]) -> None:
        """Add documents."""

    def close(self) -> None:
        """Finish and publish the result; calling it again does nothing."""
