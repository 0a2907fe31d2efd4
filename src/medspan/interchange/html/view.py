"""What the page is told about one document: its text in segments, and everything else by number.

The text is cut here, at every start and end of a fragment, so that the page joins strings and never counts
characters: offsets are code points, JavaScript's strings are UTF-16.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from medspan.annotation import Attribute, Document

__all__ = ["Segment", "document_view", "lanes", "segments", "shown_metadata"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text between two neighbouring ends of fragments.

    `covering` numbers the entities that hold it, outermost first; `bridging` those that have a fragment on either side
    but not here.
    """

    text: str
    covering: tuple[int, ...] = ()
    bridging: tuple[int, ...] = ()


def segments(document: Document) -> list[Segment]:
    """Cut the text so that each piece is covered by the same entities throughout; joined, they are the text."""
    entities = document.entities
    opening: dict[int, list[int]] = {}
    closing: dict[int, list[int]] = {}
    cuts = {0, len(document.text)}
    for number, entity in enumerate(entities):
        opening.setdefault(entity.start, []).append(number)
        closing.setdefault(entity.end, []).append(number)
        cuts.update(place for f in entity.fragments for place in (f.start, f.end))
    order = {n: rank for rank, n in enumerate(_outermost_first(document))}
    places = sorted(cuts)
    active: set[int] = set()
    found = []
    for start, end in pairwise(places):
        active.difference_update(closing.get(start, ()))
        active.update(opening.get(start, ()))
        inside = {n for n in active if any(f.start <= start and end <= f.end for f in entities[n].fragments)}
        found.append(
            Segment(
                document.text[start:end],
                tuple(sorted(inside, key=order.__getitem__)),
                tuple(sorted(active - inside, key=order.__getitem__)),
            )
        )
    return found


def lanes(document: Document) -> list[int]:
    """Give each entity an underline level, so that entities that share a character never share a level.

    Shorter mentions choose first: level 0 lies nearest to the text, and what encloses lies below what is enclosed.
    """
    entities = document.entities
    level_of = [0] * len(entities)
    levels: list[list[tuple[int, int]]] = []
    for number in sorted(range(len(entities)), key=lambda n: (len(entities[n].span), entities[n].start, n)):
        place = (entities[number].start, entities[number].end)
        level = next((i for i, taken in enumerate(levels) if _is_free(taken, place)), len(levels))
        if level == len(levels):
            levels.append([])
        insort(levels[level], place)
        level_of[number] = level
    return level_of


def document_view(document: Document, keep_columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Return plain data for the page; entities are referred to by their place in the list.

    An event used as the end of a relation or as an argument is shown as its trigger.
    """
    number = {entity.id: i for i, entity in enumerate(document.entities)}
    number.update({event.id: number[event.trigger] for event in document.events})
    relation_ends = {r.id: [number[r.head], number[r.tail]] for r in document.relations}
    levels = lanes(document)
    return {
        "id": document.id,
        "metadata": shown_metadata(document.metadata, keep_columns),
        "segments": [
            [s.text, s.covering, s.bridging] if s.covering or s.bridging else s.text for s in segments(document)
        ],
        "entities": [
            {
                "id": e.id,
                "label": e.label,
                "mention": document.mention(e),
                "fragments": [[f.start, f.end] for f in e.fragments],
                "attributes": _pairs(e.attributes),
                "code": e.code,
                "score": e.score,
                "lane": levels[i],
            }
            for i, e in enumerate(document.entities)
        ],
        "relations": [
            {"label": r.label, "head": number[r.head], "tail": number[r.tail], "score": r.score}
            for r in document.relations
        ],
        "events": [
            {
                "label": e.label,
                "trigger": number[e.trigger],
                "arguments": [[a.role, number[a.target], a.score] for a in e.arguments],
                "attributes": _pairs(e.attributes),
                "score": e.score,
            }
            for e in document.events
        ],
        "groups": _groups(document, number, relation_ends),
        "facts": [[c.label, c.head_code, c.tail_code, *c.extra] for c in document.concept_relations],
    }


def shown_metadata(metadata: Mapping[str, Any], keep_columns: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return what stands above the note: the columns asked for, or all."""
    names = metadata if keep_columns is None else keep_columns
    return [(name, str(metadata[name])) for name in names if metadata.get(name) is not None]


def _is_free(taken: list[tuple[int, int]], place: tuple[int, int]) -> bool:
    """Say whether a range touches none of the sorted, disjoint ranges."""
    at = bisect_left(taken, place)
    return (at == 0 or taken[at - 1][1] <= place[0]) and (at == len(taken) or place[1] <= taken[at][0])


def _outermost_first(document: Document) -> list[int]:
    entities = document.entities
    return sorted(range(len(entities)), key=lambda n: (entities[n].start, -entities[n].end, n))


def _pairs(attributes: Sequence[Attribute]) -> list[tuple[str, str]]:
    return [(a.name, a.value) for a in attributes]


def _groups(
    document: Document, number: Mapping[str, int], relation_ends: Mapping[str, list[int]]
) -> list[dict[str, Any]]:
    """Groups with their members as entities: a relation stands for its two ends, a group for its own members."""
    groups = {group.id: group for group in document.groups}

    def members(group_id: str, seen: frozenset[str]) -> list[int]:
        found: list[int] = []
        for member in groups[group_id].members:
            if member in number:
                found.append(number[member])
            elif member in relation_ends:
                found.extend(relation_ends[member])
            elif member not in seen:
                found.extend(members(member, seen | {member}))
        return list(dict.fromkeys(found))

    return [{"label": g.label, "members": members(g.id, frozenset({g.id}))} for g in document.groups]
