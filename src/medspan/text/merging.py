"""Annotated windows of one document joined to one document again.

Every annotation found gets a key that does not depend on the window: what it is and where in the whole text. The same
key in two windows is one annotation. Exact duplicates inside one window are legal and stay apart: the key counts them.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from medspan.annotation import Argument, Document, Entity, Event, Group, Relation
from medspan.errors import AnnotationError
from medspan.text.order import in_order_of
from medspan.text.windows import Window

__all__ = ["merge"]

_Key = tuple[Hashable, ...]
_Found = TypeVar("_Found", Entity, Relation, Event, Group)
_Scored = TypeVar("_Scored", Entity, Relation, Event, Argument)


def merge(document: Document, windows: Sequence[Window]) -> Document:
    """Join annotated windows of `document` back together; text, metadata and concept facts come from `document`.

    Offsets are shifted by each window's origin. An entity found by two windows (same label and fragments) is kept
    once, as the window with the higher score gave it; relations are joined by label and ends, events by label and
    trigger, with the arguments of both. A mention that touches an edge inside a sentence, and so may be cut off, is
    left to the neighbour that sees it whole: what the neighbour found there under the same label takes its place in
    relations and events, and if it found nothing they go as well.

    Ids are kept if every annotation has one id and no two share it, as for gold cut apart: then
    `merge(document, cut(document, spans)) == document`, file order included, if nothing crosses a window. Otherwise
    they are given anew in text order: T1.., R1.., E1.., G1... Relations across windows cannot exist here;
    `unreachable` counts them in the gold. Raises AnnotationError if a window is not a slice of this text.
    """
    for window in windows:
        if document.text[window.origin : window.origin + len(window.document.text)] != window.document.text:
            raise AnnotationError(
                f"document {document.id!r}: the window at {window.origin} holds other text; "
                "merge windows with the document they were cut from"
            )
    return _named(document, _Merged(windows), is_single=len(windows) == 1)


class _Merged:
    """What the windows hold together, by key, in the order of discovery."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.entities: dict[_Key, Entity] = {}
        self.relations: dict[_Key, tuple[Relation, _Key, _Key]] = {}
        self.events: dict[_Key, tuple[Event, _Key]] = {}
        self.arguments: dict[_Key, dict[_Key, tuple[Argument, _Key]]] = {}
        self.groups: dict[_Key, tuple[Group, list[_Key]]] = {}
        self.ids: dict[_Key, set[str]] = {}
        # Per window: id there -> key. An id that is missing belongs to a mention left to a neighbour.
        self.places: list[dict[str, _Key]] = [{} for _ in windows]
        self._join_entities(windows)
        for window, place in zip(windows, self.places, strict=True):
            self._join_events(window.document, place)
            self._join_relations(window.document, place)
            self._join_groups(window.document, place)

    def _join_entities(self, windows: Sequence[Window]) -> None:
        edges = [_clear_edges(w) for w in windows]
        left_out: list[tuple[int, int, Entity, _Key]] = []  # window, neighbour, ...
        by_window: list[list[tuple[Entity, _Key]]] = []
        for w, window in enumerate(windows):
            seen: Counter[_Key] = Counter()
            kept: list[tuple[Entity, _Key]] = []
            for local in window.document.entities:
                entity = replace(local, fragments=tuple(f.shift(window.origin) for f in local.fragments))
                key = _counted(seen, ("T", entity.label, entity.fragments))
                neighbour = _better_neighbour(entity, w, edges)
                if neighbour is not None:
                    left_out.append((w, neighbour, entity, key))
                    continue
                known = self.entities.get(key)
                self.entities[key] = entity if known is None else _higher(known, entity)
                self._place(w, local.id, key)
                kept.append((entity, key))
            by_window.append(kept)
        for w, neighbour, entity, key in left_out:
            target = key if key in self.entities else _most_overlapping(entity, by_window[neighbour])
            if target is not None:
                self.places[w][entity.id] = target

    def _place(self, window: int, local_id: str, key: _Key) -> None:
        self.places[window][local_id] = key
        self.ids.setdefault(key, set()).add(local_id)

    def _join_events(self, document: Document, place: dict[str, _Key]) -> None:
        seen: Counter[_Key] = Counter()
        keys: list[tuple[Event, _Key]] = []
        for event in document.events:
            trigger = place.get(event.trigger)
            if trigger is None:
                continue
            key = _counted(seen, ("E", event.label, trigger))
            known = self.events.get(key)
            self.events[key] = (event if known is None else _higher(known[0], event), trigger)
            place[event.id] = key
            self.ids.setdefault(key, set()).add(event.id)
            keys.append((event, key))
        for event, key in keys:  # once all events have a place: arguments may be events
            arguments = self.arguments.setdefault(key, {})
            seen = Counter()
            for argument in event.arguments:
                target = place.get(argument.target)
                if target is not None:
                    slot = _counted(seen, (argument.role, target))
                    known_argument = arguments.get(slot)
                    best = argument if known_argument is None else _higher(known_argument[0], argument)
                    arguments[slot] = (best, target)

    def _join_relations(self, document: Document, place: dict[str, _Key]) -> None:
        seen: Counter[_Key] = Counter()
        for relation in document.relations:
            head, tail = place.get(relation.head), place.get(relation.tail)
            # Two cut-off mentions may turn out to be one whole mention of the neighbour: no pair is left.
            if head is None or tail is None or (head == tail and relation.head != relation.tail):
                continue
            key = _counted(seen, ("R", relation.label, head, tail))
            known = self.relations.get(key)
            self.relations[key] = (relation if known is None else _higher(known[0], relation), head, tail)
            place[relation.id] = key
            self.ids.setdefault(key, set()).add(relation.id)

    def _join_groups(self, document: Document, place: dict[str, _Key]) -> None:
        groups = {group.id: group for group in document.groups}
        seen: Counter[_Key] = Counter()
        for group in document.groups:
            leaves = tuple(_leaves(group, groups))
            if all(leaf in place for leaf in leaves):
                place[group.id] = _counted(seen, ("G", group.label, *(place[leaf] for leaf in leaves)))
        for group in document.groups:
            key = place.get(group.id)
            if key is not None:
                self.groups.setdefault(key, (group, [place[m] for m in group.members]))
                self.ids.setdefault(key, set()).add(group.id)

    def sort(self) -> None:
        """Put everything in text order: entities by place, the rest by the entities they link."""
        self.entities = dict(sorted(self.entities.items(), key=lambda item: (item[1].start, item[1].end)))
        rank: dict[_Key, int] = {key: n for n, key in enumerate(self.entities)}
        self.events = dict(sorted(self.events.items(), key=lambda item: rank[item[1][1]]))
        rank.update((key, rank[trigger]) for key, (_, trigger) in self.events.items())
        self.relations = dict(sorted(self.relations.items(), key=lambda item: (rank[item[1][1]], rank[item[1][2]])))
        rank.update((key, rank[head]) for key, (_, head, _) in self.relations.items())
        # A group's key ends with what it holds, and a count.
        self.groups = dict(sorted(self.groups.items(), key=lambda item: [rank[leaf] for leaf in item[0][2:-1]]))  # type: ignore[index]


def _counted(seen: Counter[_Key], key: _Key) -> _Key:
    """Tell exact duplicates of one window apart: the first, the second..."""
    seen[key] += 1
    return (*key, seen[key])


def _score(item: Entity | Relation | Event | Argument) -> float:
    return -1.0 if item.score is None else item.score


def _higher(known: _Scored, other: _Scored) -> _Scored:
    return other if _score(other) > _score(known) else known


def _clear_edges(window: Window) -> tuple[int, int]:
    """Return the first start and the last end of mentions that are surely whole in this window."""
    text = window.document.text
    start, end = window.origin, window.origin + len(text)
    first = start + len(text) - len(text.lstrip()) + 1 if window.cuts_left else start
    last = start + len(text.rstrip()) - 1 if window.cuts_right else end
    return first, last


def _better_neighbour(entity: Entity, w: int, edges: Sequence[tuple[int, int]]) -> int | None:
    """Return the neighbour that sees a mention whole which window `w` may have cut off."""
    first, last = edges[w]
    if entity.end > last and w + 1 < len(edges) and _is_whole(entity, edges[w + 1]):
        return w + 1
    if entity.start < first and w > 0 and _is_whole(entity, edges[w - 1]):
        return w - 1
    return None


def _is_whole(entity: Entity, edges: tuple[int, int]) -> bool:
    first, last = edges
    return first <= entity.start and entity.end <= last


def _most_overlapping(entity: Entity, others: Iterable[tuple[Entity, _Key]]) -> _Key | None:
    best, most = None, 0
    for other, key in others:
        if other.label != entity.label or other.start >= entity.end or other.end <= entity.start:
            continue
        shared = sum(
            max(0, min(a.end, b.end) - max(a.start, b.start)) for a in entity.fragments for b in other.fragments
        )
        if shared > most:
            best, most = key, shared
    return best


def _leaves(group: Group, groups: dict[str, Group]) -> Iterator[str]:
    """Yield the members that are no groups, also those of groups inside; safe where groups hold each other."""
    visited = {group.id}
    waiting = list(reversed(group.members))
    while waiting:
        member = waiting.pop()
        if member not in groups:
            yield member
        elif member not in visited:
            visited.add(member)
            waiting.extend(reversed(groups[member].members))


def _named(document: Document, found: _Merged, is_single: bool) -> Document:
    """Turn keys into ids, kept or given anew, and choose the order of the lists."""
    ids = [local for locals_ in found.ids.values() for local in locals_]
    is_kept = len(ids) == len(found.ids) == len(set(ids))
    if not (is_kept and is_single):
        found.sort()
    if is_kept:
        names = {key: next(iter(locals_)) for key, locals_ in found.ids.items()}
        return in_order_of(document, _built(document, found, names))
    names = {}
    for prefix, kind in (("T", found.entities), ("R", found.relations), ("E", found.events), ("G", found.groups)):
        names.update((key, f"{prefix}{n}") for n, key in enumerate(kind, 1))
    return _built(document, found, names)


def _built(document: Document, found: _Merged, names: dict[_Key, str]) -> Document:
    return Document(
        document.id,
        document.text,
        entities=tuple(replace(e, id=names[key]) for key, e in found.entities.items()),
        relations=tuple(
            Relation(names[key], r.label, names[head], names[tail], r.score)
            for key, (r, head, tail) in found.relations.items()
        ),
        events=tuple(
            replace(
                event,
                id=names[key],
                trigger=names[trigger],
                arguments=tuple(
                    Argument(a.role, names[target], a.score) for a, target in found.arguments[key].values()
                ),
            )
            for key, (event, trigger) in found.events.items()
        ),
        groups=tuple(
            Group(names[key], g.label, tuple(names[m] for m in members)) for key, (g, members) in found.groups.items()
        ),
        concept_relations=document.concept_relations,
        metadata=document.metadata,
    )
