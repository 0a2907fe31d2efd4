"""Begin, inside and outside tags over word pieces, as a plain token classifier uses them.

A tag sequence holds one label per piece, so what is nested, overlapping or discontinuous has to give way: a
discontinuous mention becomes the span it covers, and of two mentions that share a piece the longer one stays.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document, Entity, Span
from medspan.formulations import Row
from medspan.scoring.bio import mentions

__all__ = ["documents_of", "entities_of", "flat", "tag_names", "tags_of"]


def tag_names(labels: Sequence[str]) -> list[str]:
    """Return O, then B- and I- of each label: the tag of label i begins at 1 + 2 i."""
    return ["O", *(f"{place}-{label}" for label in labels for place in "BI")]


def flat(document: Document) -> list[tuple[Span, str]]:
    """Return covering spans with labels, none overlapping another: longest first come, then text order."""
    kept: list[tuple[Span, str]] = []
    for entity in sorted(document.entities, key=lambda e: (-len(e.span), e.start, e.label)):
        if not any(entity.span.overlaps(span) for span, _ in kept):
            kept.append((entity.span, entity.label))
    return sorted(kept)


def tags_of(row: Row, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the tag of each piece of a row, by its number in `tag_names`; a piece half inside a mention belongs."""
    tags = np.zeros(len(row.tokens), np.int64)
    number = {label: 1 + 2 * i for i, label in enumerate(labels)}
    for span, label in flat(row.window.document):
        first = int(np.searchsorted(row.tokens.ends, span.start, side="right"))
        last = int(np.searchsorted(row.tokens.starts, span.end, side="left"))
        if first < last and not tags[first]:
            tags[first] = number[label]
            inside = slice(first + 1, last)
            tags[inside] = np.where(tags[inside] == 0, number[label] + 1, tags[inside])
    return tags


def entities_of(row: Row, tags: Sequence[int], labels: Sequence[str], first_id: int) -> list[Entity]:
    """Return the mentions that a tag sequence stands for, in the offsets of the whole document; ids from `first_id`."""
    names = tag_names(labels)
    origin = row.window.origin
    return [
        Entity(
            f"T{first_id + i}", label, (Span(int(row.tokens.starts[a]) + origin, int(row.tokens.ends[b - 1]) + origin),)
        )
        for i, (label, ((a, b),)) in enumerate(mentions([names[tag] for tag in tags]))
    ]


def documents_of(
    documents: Sequence[Document], cut: Sequence[Sequence[Row]], tags: Sequence[Sequence[int]], labels: Sequence[str]
) -> list[Document]:
    """Return the documents with the mentions that the tags of their rows stand for; `tags` runs over all rows."""
    found, at = [], 0
    for document, document_rows in zip(documents, cut, strict=True):
        entities: list[Entity] = []
        for row in document_rows:
            entities += entities_of(row, tags[at], labels, len(entities) + 1)
            at += 1
        found.append(replace(document.bare(), entities=tuple(entities)))
    return found
