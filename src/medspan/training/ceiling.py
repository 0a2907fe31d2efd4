"""The ceiling: what a model without fault would score, given how rows are cut and what the formulation can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medspan.annotation import Document
from medspan.formulations import TextTokenizer, WindowSize, rows
from medspan.formulations.joint import HeadLayout, HeadOutputs, Thresholds, decode, encode
from medspan.text import merge
from medspan.training.evaluation import TuneScores, strict_scores
from medspan.training.sources import TuneSet, by_head

__all__ = ["ceiling", "there_and_back", "tune_ceiling"]


def there_and_back(
    documents: Sequence[Document], tokenizer: TextTokenizer, layout: HeadLayout, size: WindowSize
) -> list[Document]:
    """Return each document as it comes back from windows, `encode`, `decode` and `merge`, in order."""
    returned = []
    for document, cut in zip(documents, rows(documents, tokenizer, size), strict=True):
        outputs = HeadOutputs.certain([encode(row.window.document, row.tokens, layout) for row in cut], layout)
        windows = [row.window.document.bare() for row in cut]
        decoded = decode(windows, [row.tokens for row in cut], outputs, layout, Thresholds())
        found = [replace(row.window, document=window) for row, window in zip(cut, decoded, strict=True)]
        returned.append(merge(document, found))
    return returned


def ceiling(
    documents: Sequence[Document], tokenizer: TextTokenizer, layout: HeadLayout, size: WindowSize
) -> dict[str, float]:
    """Return the best strict F1 that a head set can reach on gold documents, with the keys of `strict_scores`."""
    return strict_scores(documents, there_and_back(documents, tokenizer, layout, size), layout.schema)


def tune_ceiling(
    sets: Sequence[TuneSet], tokenizer: TextTokenizer, layouts: Mapping[str, HeadLayout], size: WindowSize
) -> TuneScores:
    """Return the ceiling of every head set on its kept-apart documents."""
    return TuneScores(
        {head: ceiling(documents, tokenizer, layouts[head], size) for head, documents in by_head(sets).items()}
    )
