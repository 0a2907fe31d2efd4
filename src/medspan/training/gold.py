"""What gold a window does not hold."""

from collections import Counter
from collections.abc import Sequence

from medspan.annotation import Document
from medspan.formulations import Row
from medspan.text import unreachable

__all__ = ["lost_across", "unannotated"]


def unannotated(row: Row) -> list[tuple[int, int]]:
    """The character ranges of a row, relative to it, where a mapped corpus does not say what the head's schema asks."""
    ranges = row.window.document.metadata.get("unannotated", ())
    return [(start - row.window.origin, end - row.window.origin) for start, end in ranges]


def lost_across(documents: Sequence[Document], cut: Sequence[Sequence[Row]]) -> Counter[str]:
    """Count the gold that no row holds whole."""
    lost: Counter[str] = Counter()
    for document, document_rows in zip(documents, cut, strict=True):
        for kind, n in unreachable(document, [row.window.span for row in document_rows]).items():
            if n:
                lost[f"{kind} across windows"] += n
    return lost
