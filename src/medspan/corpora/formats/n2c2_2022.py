"""The 2022 n2c2 task on social history (SHAC): brat's .txt and .ann with events, made fit for its official scorer.

It differs from plain brat where that scorer does. A mention across a line break is written as one fragment a line,
with a space for each line end, and read as one mention again. An attribute is always written with its value. A role
(Status) and the type of the entity that fills it (StatusTime) are different names; repeated roles carry digits in the
file (Type, Type2) and none in the document. Two values of one attribute on one mention are both kept, and noted, for
the official scorer refuses such a file.

Lines that the scorer reads or passes over are T, E, A, R and #, so relations, metadata and facts between codes are held
as in brat. Not held: codes, groups, mentions whose fragments something other than white space parts (the scorer takes
one range), and events as arguments of events.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Entity, Event, Span
from medspan.corpora.formats import brat
from medspan.corpora.formats.brat.meaning import rejoined
from medspan.corpora.formats.brat.writing import by_line
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem

__all__ = ["losses", "stream", "write"]

_DIALECT = brat.Dialect("n2c2-2022", splits_lines=True, single_values=True)
_HELD = frozenset({"attributes", "concept_relations", "events", "gaps", "metadata", "nesting", "relations"})


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a folder or archive of pairs, or of one pair, as the brat format does."""
    return brat.stream(path, problems, _DIALECT)


def losses(document: Document) -> Iterator[Loss]:
    """Name what the official scorer's files have no place for; see the module's description."""
    text = document.text
    for entity in document.entities:
        if not _is_range(text, entity):
            yield Loss(document.id, "gaps", entity.id, "more than white space between fragments: becomes one range")
        elif rejoined(text, by_line(text, entity.fragments)) != entity.fragments:
            yield Loss(document.id, "gaps", entity.id, "fragments or line ends that read as another range")
    for event in document.events:
        if any(argument.target not in document.by_id for argument in event.arguments):
            yield Loss(document.id, "events", event.id, "no place for an argument that is an event")
    for line in _refused(document):
        yield Loss(document.id, "metadata", None, f"a line of kind {line[:1]!r}, which the scorer refuses")
    yield from brat.losses(document)
    yield from unheld(document, _HELD)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write ID.txt and ID.ann for every document under the folder `path`."""
    brat.write((_fit(document) for document in documents), path, _DIALECT)


def _fit(document: Document) -> Document:
    """Return the document without what `losses` names."""
    own = document.metadata.get(_DIALECT.name, {})
    refused = set(_refused(document))
    kept: dict[str, Any] = {key: value for key, value in own.items() if key not in ("lines", "normalizations")}
    if lines := [line for line in own.get("lines", ()) if line not in refused]:
        kept["lines"] = lines
    metadata = {key: value for key, value in document.metadata.items() if key != _DIALECT.name}
    return replace(
        document,
        entities=tuple(replace(e, fragments=_fragments(document.text, e), code=None) for e in document.entities),
        events=tuple(_without_events(document, event) for event in document.events),
        groups=(),
        metadata={**metadata, **({_DIALECT.name: kept} if kept else {})},
    )


def _fragments(text: str, entity: Entity) -> tuple[Span, ...]:
    return entity.fragments if _is_range(text, entity) else (entity.span,)


def _is_range(text: str, entity: Entity) -> bool:
    """Say whether the fragments are one range in which white space alone is left out."""
    gaps = (text[left.end : right.start] for left, right in pairwise(entity.fragments))
    return all(gap.isspace() for gap in gaps)


def _without_events(document: Document, event: Event) -> Event:
    return replace(event, arguments=tuple(a for a in event.arguments if a.target in document.by_id))


def _refused(document: Document) -> list[str]:
    own = document.metadata.get(_DIALECT.name, {})
    lines = [*own.get("lines", ()), *own.get("normalizations", ())]
    return [line for line in lines if line[:1] not in ("#", "A")]
