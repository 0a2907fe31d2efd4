"""A document as columns, and what they cannot hold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from medspan.annotation import Document, Entity
from medspan.corpora.formats.conll.reading import DOCUMENT_START, GAP_LIMIT
from medspan.corpora.formats.losses import Loss, unheld
from medspan.errors import FormatError

__all__ = ["losses", "rows"]

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class _Layout:
    """Tokens with their tags, the line ends after each, and what the tags do not hold of the mentions."""

    spans: list[tuple[int, int]]
    tags: list[str]
    ends: list[int]
    lost: list[Loss]


def rows(document: Document) -> Iterator[str]:
    """Yield the lines of a document. Raises FormatError for a label or id that cannot stand in one."""
    for label in {entity.label for entity in document.entities}:
        if re.search(r"[\t\r\n]", label) or label != label.strip() or not label:
            raise FormatError(f"document {document.id!r}: label {label!r} is empty or holds a tab or line end")
    if re.search(r"[\t\r\n]", document.id) or not document.id:
        raise FormatError(f"document id {document.id!r} is empty or holds a tab or line end; rename the document")
    layout = _layout(document)
    yield f"{DOCUMENT_START} ({document.id})\t0\t{len(document.text)}\tO"
    yield ""
    yield from [""] * _line_ends(document.text[: layout.spans[0][0]] if layout.spans else document.text)
    for (start, end), tag, n_ends in zip(layout.spans, layout.tags, layout.ends, strict=True):
        yield f"{document.text[start:end]}\t{start}\t{end}\t{tag}"
        yield from [""] * n_ends
    if layout.spans and layout.spans[-1][1] == len(document.text):
        yield ""


def losses(document: Document) -> Iterator[Loss]:
    """Name what the columns have no place for; see the description of the format."""
    layout = _layout(document)
    n_changed = sum(space != _read_back(space, n_ends) for space, n_ends in _spaces(document.text, layout))
    if n_changed:
        yield Loss(document.id, "text", None, f"{n_changed} places of white space read back as spaces and line ends")
    places = [(entity.start, entity.end) for entity in document.entities]
    if places != sorted(places):
        yield Loss(document.id, "order", None, "entities are read back in text order")
    yield from layout.lost
    yield from unheld(document, frozenset({"gaps", "nesting"}))


def _spaces(text: str, layout: _Layout) -> Iterator[tuple[str, int]]:
    """Yield what lies before, between and after the tokens, with the number of line ends written for it."""
    at = 0
    n_ends = _line_ends(text[: layout.spans[0][0]] if layout.spans else text)
    for (start, end), after in zip(layout.spans, layout.ends, strict=True):
        yield text[at:start], n_ends
        at, n_ends = end, after
    yield text[at:], n_ends


def _read_back(space: str, n_ends: int) -> str | None:
    if len(space) > GAP_LIMIT:
        return None
    return "\n" * n_ends + " " * (len(space) - n_ends)


def _line_ends(space: str) -> int:
    return space.count("\n")


def _layout(document: Document) -> _Layout:
    text = document.text
    spans = [match.span() for match in _TOKEN.finditer(text)]
    following = [*(start for start, _ in spans[1:]), len(text)][: len(spans)]
    ends = [_line_ends(text[end:after]) for (_, end), after in zip(spans, following, strict=True)]
    layout = _Layout(spans, ["O"] * len(spans), ends, [])
    # The longest of those that begin together comes first, as in `losses.unheld`.
    for entity in sorted(document.entities, key=lambda entity: (entity.start, -entity.end)):
        _place(document.id, entity, layout)
    order = {entity.id: n for n, entity in enumerate(document.entities)}
    lost = sorted(layout.lost, key=lambda loss: order[loss.id or ""])
    return replace(layout, lost=lost)


def _place(document_id: str, entity: Entity, layout: _Layout) -> None:
    """Tag the tokens of a mention unless one of them is taken, and note what is lost of it."""
    inside = [n for n, (start, end) in enumerate(layout.spans) if start < entity.end and end > entity.start]
    if len(entity.fragments) > 1:
        layout.lost.append(Loss(document_id, "gaps", entity.id, "a mention in fragments becomes its covering range"))
    if not inside:
        layout.lost.append(Loss(document_id, "entities", entity.id, "left out: white space alone"))
        return
    if any(layout.tags[n] != "O" for n in inside):
        layout.lost.append(Loss(document_id, "nesting", entity.id, "left out: it shares a token with another mention"))
        return
    if (layout.spans[inside[0]][0], layout.spans[inside[-1]][1]) != (entity.start, entity.end):
        layout.lost.append(Loss(document_id, "entities", entity.id, "widened to whole tokens"))
    for n in inside:
        layout.tags[n] = f"{'B' if n == inside[0] else 'I'}-{entity.label}"
    for n in inside[:-1]:
        # A blank line would cut the mention; the line end is read back as a space instead.
        layout.ends[n] = 0
