"""What a read returns: documents, and an account of everything that was not plain."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from medspan.annotation import Document

__all__ = ["Problem", "Problems", "ReadResult"]

log = logging.getLogger(__name__)

Action = Literal["kept", "repaired", "skipped"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a file that did not follow its format.

    `kept`: taken as it stands, though doubtful. `repaired`: read after a correction. `skipped`: not in the result.
    The reason holds ids, offsets and counts, never note text.
    """

    document: str
    line: int | None
    action: Action
    reason: str

    def __str__(self) -> str:
        place = self.document if self.line is None else f"{self.document} line {self.line}"
        return f"{place}: {self.action}: {self.reason}"


class Problems(list[Problem]):
    """Problems of one document, or of a file of several, while it is being read.

    `line` is where the document begins that is being read, for what is said of it as a whole.
    """

    def __init__(self, document: str, items: Iterable[Problem] = ()) -> None:
        super().__init__(items)
        self.document = document
        self.line: int | None = None

    def kept(self, line: int | None, reason: str) -> None:
        """Note something doubtful that was taken as it stands."""
        self.append(Problem(self.document, line, "kept", reason))

    def repaired(self, line: int | None, reason: str) -> None:
        """Note something that was read after a correction."""
        self.append(Problem(self.document, line, "repaired", reason))

    def skipped(self, line: int | None, reason: str) -> None:
        """Note something that could not be read."""
        self.append(Problem(self.document, line, "skipped", reason))


@dataclass(frozen=True)
class ReadResult:
    """The documents of one read, in file order, with what was repaired, skipped or doubtful."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...] = ()
    counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = {"read": len(self.documents), "kept": 0, "repaired": 0, "skipped": 0}
        for problem in self.problems:
            counts[problem.action] += 1
        object.__setattr__(self, "counts", counts)

    @classmethod
    def of(cls, documents: Sequence[Document], problems: Iterable[Problem], source: str) -> "ReadResult":
        """Build the result of reading `source` and log its counts."""
        result = cls(tuple(documents), tuple(problems))
        level = logging.WARNING if result.counts["skipped"] else logging.INFO
        log.log(
            level,
            "%s: %d documents read; %d things kept in doubt, %d repaired, %d skipped",
            source,
            *(result.counts[key] for key in ("read", "kept", "repaired", "skipped")),
        )
        return result
