"""Groups of annotations, scored when asked: a group is its label and what its members are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from medspan.annotation import Document, Event, Group, Relation
from medspan.scoring.align import Pair
from medspan.scoring.counts import Tally, count_equal, tally
from medspan.scoring.facts import Mention, facts

__all__ = ["groups"]

# A member without its id: kind, label, and the mentions it stands on.
Member: TypeAlias = tuple[str, str, tuple[Mention, ...]]


class GroupFact(NamedTuple):
    """A label and how often each member occurs; order means nothing."""

    label: str
    members: frozenset[tuple[Member, int]]


def groups(pairs: Iterable[Pair]) -> Tally:
    """Score groups of equal label and equal members, one to one; a row per label.

    Mentions are equal in label and fragments, relations in label and both ends, events in label and trigger, and a
    group inside a group in its label alone.
    """
    return tally([count_equal(_stated(p.gold), _stated(p.predicted), lambda group: group.label) for p in pairs])


def _stated(document: Document) -> list[GroupFact]:
    if not document.groups:
        return []
    mentions = dict(zip((e.id for e in document.entities), facts(document, with_carriers=False).entities, strict=True))
    triggers = {event.id: mentions[event.trigger] for event in document.events}
    places = {**mentions, **triggers}
    members: dict[str, Member] = {key: ("entity", m.label, (m,)) for key, m in mentions.items()}
    others: tuple[Relation | Event | Group, ...] = (*document.relations, *document.events, *document.groups)
    for item in others:
        members[item.id] = _member(item, places)
    return [GroupFact(g.label, frozenset(Counter(members[key] for key in g.members).items())) for g in document.groups]


def _member(item: Relation | Event | Group, places: Mapping[str, Mention]) -> Member:
    if isinstance(item, Relation):
        return "relation", item.label, (places[item.head], places[item.tail])
    if isinstance(item, Event):
        return "event", item.label, (places[item.trigger],)
    return "group", item.label, ()
