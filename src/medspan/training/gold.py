"""What gold windows hold, and what comes back of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from medspan.annotation import Document
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from medspan.formulations.mentions import Layout, Outputs, Thresholds, decode, encode
from medspan.inference.completeness import only_complete
from medspan.text import merge, unreachable

__all__ = ["lost_across", "there_and_back", "unannotated"]


def there_and_back(
    documents: Sequence[Document], tokenizer: TextTokenizer, size: WindowSize, layout: Layout
) -> list[Document]:
    """Return documents as they come back from windows, `encode`, `decode` and `merge`, without incomplete events."""
    found = []
    for document, cut in zip(documents, rows(documents, tokenizer, size), strict=True):
        outputs = Outputs.certain([encode(row.window.document, row.tokens, layout) for row in cut], layout)
        windows = [row.window.document.bare() for row in cut]
        decoded = decode(windows, [row.tokens for row in cut], outputs, layout, Thresholds())
        annotated = [replace(row.window, document=window) for row, window in zip(cut, decoded, strict=True)]
        found.append(only_complete(merge(document, annotated), layout.schema))
    return found


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
