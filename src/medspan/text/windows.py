"""Windows: slices of a document with the annotations they hold whole, and what no window holds."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from medspan.annotation import Document, Event, Span
from medspan.errors import AnnotationError
from medspan.text.boundaries import sentences

__all__ = ["Window", "cut", "unreachable"]


@dataclass(frozen=True)
class Window:
    """A slice of a document that starts at character `origin`; offsets inside are relative to it.

    `cuts_left` and `cuts_right` say that this edge falls inside a sentence, where a mention may be cut off.
    """

    document: Document
    origin: int
    cuts_left: bool = False
    cuts_right: bool = False

    @property
    def span(self) -> Span:
        """The characters of the whole document that this window shows."""
        return Span(self.origin, self.origin + len(self.document.text))


def cut(document: Document, spans: Sequence[Span], breaks: Sequence[Span] | None = None) -> list[Window]:
    """Slice a document along `spans`, as `plan_windows` gives them.

    A window keeps id and metadata of the document and holds entities with all fragments inside, relations with both
    ends, events with their trigger (arguments elsewhere are left out), and groups with all members; ids and file
    order stay. Facts between concepts belong to the whole document and are left out. `breaks` are the sentences of
    the text, found anew if not given and needed. Raises AnnotationError for spans out of order or past the end.
    """
    reach = _Reach(document, spans)
    inside = _inside_sentences(document.text, spans, breaks)
    parts: list[tuple[list, list, list, list]] = [([], [], [], []) for _ in spans]  # type: ignore[type-arg]
    for entity in document.entities:
        for w in reach.of(entity.id):
            origin = spans[w].start
            fragments = tuple(f.shift(-origin) for f in entity.fragments) if origin else entity.fragments
            parts[w][0].append(replace(entity, fragments=fragments))
    for relation in document.relations:
        for w in reach.of(relation.id):
            parts[w][1].append(relation)
    for event in document.events:
        for w in reach.of(event.id):
            kept = tuple(a for a in event.arguments if w in reach.of(a.target))
            parts[w][2].append(replace(event, arguments=kept))
    for group in document.groups:
        for w in reach.of(group.id):
            parts[w][3].append(group)
    return [
        Window(
            Document(
                document.id,
                document.text[span.start : span.end],
                entities=tuple(entities),
                relations=tuple(relations),
                events=tuple(events),
                groups=tuple(groups),
                metadata=document.metadata,
            ),
            span.start,
            cuts_left=span.start in inside,
            cuts_right=span.end in inside,
        )
        for span, (entities, relations, events, groups) in zip(spans, parts, strict=True)
    ]


def unreachable(document: Document, spans: Sequence[Span]) -> dict[str, int]:
    """Count the annotations that no window holds whole: what windowing costs before any model is asked.

    Keys: `entities`, `relations`, `events` (their trigger is lost), `arguments` (no window holds trigger and target)
    and `groups`.
    """
    reach = _Reach(document, spans)

    def lost(ids: Iterable[str]) -> int:
        return sum(not reach.of(i) for i in ids)

    return {
        "entities": lost(e.id for e in document.entities),
        "relations": lost(r.id for r in document.relations),
        "events": lost(e.id for e in document.events),
        "arguments": sum(not reach.of_argument(e, a.target) for e in document.events for a in e.arguments),
        "groups": lost(g.id for g in document.groups),
    }


class _Reach:
    """For every annotation the run of windows that hold it: with windows in order it is one range of indices."""

    def __init__(self, document: Document, spans: Sequence[Span]) -> None:
        _check(document, spans)
        starts, ends = [s.start for s in spans], [s.end for s in spans]
        self._ranges: dict[str, range] = {}
        for entity in document.entities:
            low = bisect_left(ends, entity.end)  # the first window that ends late enough
            high = bisect_right(starts, entity.start)  # one past the last that starts early enough
            self._ranges[entity.id] = range(low, max(low, high))
        for event in document.events:
            self._ranges[event.id] = self._ranges[event.trigger]
        for relation in document.relations:
            self._ranges[relation.id] = self._common((relation.head, relation.tail))
        # Groups may hold groups, in any order: narrow until nothing changes.
        self._ranges.update((group.id, range(len(spans))) for group in document.groups)
        changed = True
        while changed:
            changed = False
            for group in document.groups:
                narrowed = self._common((group.id, *group.members))
                changed = changed or narrowed != self._ranges[group.id]
                self._ranges[group.id] = narrowed

    def _common(self, ids: Iterable[str]) -> range:
        ranges = [self._ranges[i] for i in ids]
        start = max(r.start for r in ranges)
        return range(start, max(start, min(r.stop for r in ranges)))

    def of(self, annotation: str) -> range:
        return self._ranges[annotation]

    def of_argument(self, event: Event, target: str) -> range:
        return self._common((event.trigger, target))


def _check(document: Document, spans: Sequence[Span]) -> None:
    if any(a.start >= b.start or a.end >= b.end for a, b in pairwise(spans)):
        raise AnnotationError(f"document {document.id!r}: windows must start and end in increasing order")
    if spans and spans[-1].end > len(document.text):
        raise AnnotationError(
            f"document {document.id!r}: a window ends at {spans[-1].end}, past the text's end {len(document.text)}"
        )


def _inside_sentences(text: str, spans: Sequence[Span], breaks: Sequence[Span] | None) -> set[int]:
    """Return the window edges that fall inside a sentence. They matter only where windows overlap."""
    if all(a.end <= b.start for a, b in pairwise(spans)):
        return set()
    breaks = sentences(text) if breaks is None else breaks
    starts = [s.start for s in breaks]
    inside = set()
    for edge in {e for s in spans for e in (s.start, s.end)}:
        k = bisect_left(starts, edge) - 1  # the last sentence that starts before the edge
        if k >= 0 and edge < breaks[k].end:
            inside.add(edge)
    return inside
