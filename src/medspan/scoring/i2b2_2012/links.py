"""TLINKs compared under the rules of the 2012 i2b2 scripts.

Two mentions correspond when they meet (see `mentions`); a mention that meets nothing corresponds to its own id on the
other side, whatever that is there, and so do Admission and Discharge. On a side without any mention all ids do.

`oo`, `oc` and `cc` look each link of one side up in the links of the other: original in original, original in closure,
closure in closure. A link is found when some correspondent of its first end and some correspondent of its second have a
link of the same type there; what the inverse says does not count. A link whose id holds an R, or with an end that holds
an S or is a SECTIME, is never found but counts as one that was looked up. SIMULTANEOUS is written OVERLAP.

`tempeval` turns both sides into time graphs whose intervals go by gold ids: a predicted end is replaced by the first
gold mention that it corresponds to, a gold end by the first predicted one and then that one's first, so that mentions
that overlap each other come out as one on both sides. A predicted link with an end that corresponds to nothing is left
out (SECTIMEs do, for they are not looked up), a gold one keeps its id, and links without an end or type are left out on
both sides. What is looked up is each side's reduced links, the contradictory ones and those of types that a graph
cannot hold; a link is right when the other side states it, or its inverse, or implies it. OVERLAP means SIMULTANEOUS.

Not repeated: the weighted recall that the script computes and does not return, and SputLink, in whose place our own
closure stands for `oc` and `cc` too; it lists each ordered pair of intervals once, with the type that follows.

Ends and types are those of relations, and of metadata["i2b2-2012"]["links"] for links whose ends are no mention; the
former come first. Ids such as R1 number relations that no file of the corpus has named, and their R does not count.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from medspan.annotation import Document
from medspan.scoring.i2b2_2012.time_graph import Link, TimeGraph

__all__ = ["Looked", "Tlinks", "look_up_links", "tempeval", "tlinks"]

OUTSIDE = ("Admission", "Discharge")
OWN_NUMBER = re.compile(r"R\d+")
ENTRY_NAMES = ("id", "fromID", "toID", "type")
SECTIME = "SECTIME"

Partners: TypeAlias = Mapping[str, Sequence[str]]


class Looked(NamedTuple):
    """How many links were looked up, and how many of them were found."""

    n: int
    n_found: int


class Tlink(NamedTuple):
    """One link of a file: its ends and type, and whether a search for it may succeed at all."""

    link: Link
    may_be_found: bool


class Tlinks(NamedTuple):
    """The links of one side, what ends correspond to on the other, and the ids of section times."""

    stated: tuple[Tlink, ...]
    partners: Partners
    sections: frozenset[str]


def tlinks(document: Document, partners: Mapping[str, Sequence[str]]) -> Tlinks:
    """Collect the links of a document; `partners` holds, for all mentions, the ids of those they meet."""
    triggers = {event.id: event.trigger for event in document.events}
    sections = frozenset(entity.id for entity in document.entities if entity.label == SECTIME)
    rows = [(r.id, triggers.get(r.head, r.head), triggers.get(r.tail, r.tail), r.label) for r in document.relations]
    rows += _entries(document)
    known = {key: tuple(ids) or (key,) for key, ids in partners.items()}
    known.update((key, (key,)) for key in OUTSIDE)
    return Tlinks(tuple(_tlink(*row, sections) for row in rows), known, sections)


def _entries(document: Document) -> list[tuple[str, str, str, str]]:
    own: Any = document.metadata.get("i2b2-2012")
    entries = own.get("links", ()) if isinstance(own, Mapping) else ()
    if not isinstance(entries, Sequence):
        return []
    rows: list[tuple[str, str, str, str]] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            key, head, tail, kind = (str(entry.get(name) or "") for name in ENTRY_NAMES)
            rows.append((key, head, tail, kind))
    return rows


def _tlink(key: str, head: str, tail: str, kind: str, sections: Collection[str]) -> Tlink:
    link = Link(head, tail, kind.upper().replace("SIMULTANEOUS", "OVERLAP"))
    is_named = "R" in key and not OWN_NUMBER.fullmatch(key)
    return Tlink(link, not is_named and _has_plain_ends(link, sections))


def _has_plain_ends(link: Link, sections: Collection[str]) -> bool:
    return all(end and "S" not in end and end not in sections for end in (link.head, link.tail))


# --- oo, oc, cc -------------------------------------------------------------------------------------------------------


def look_up_links(side: Tlinks, other: Tlinks, *, closes_side: bool = False, closes_other: bool = False) -> Looked:
    """Look up the links of one side in those of the other; either may be closed first."""
    graph = TimeGraph(_placed(other)) if closes_other else None
    stated = {tlink.link for tlink in other.stated}
    sought = _closed(side) if closes_side else side.stated
    n_found = 0
    for link, may_be_found in sought:
        if not may_be_found:
            continue
        heads, tails = (
            (end,) if _has_no_mention(side) else side.partners.get(end, ()) for end in (link.head, link.tail)
        )
        wanted = [Link(head, tail, link.type) for head in heads for tail in tails]
        n_found += any(one in stated or (graph is not None and _follows(one, graph)) for one in wanted)
    return Looked(len(sought), n_found)


def _follows(link: Link, graph: TimeGraph) -> bool:
    """Say whether a link is in the closure, which holds no link of an interval to itself."""
    return link.head != link.tail and graph.implies(link)


def _has_no_mention(side: Tlinks) -> bool:
    return len(side.partners) == len(OUTSIDE)


def _placed(side: Tlinks) -> Iterable[Link]:
    """Leave out links that lack an end or a type."""
    return (tlink.link for tlink in side.stated if all(tlink.link))


def _closed(side: Tlinks) -> list[Tlink]:
    """List the links as they are and then whatever else follows between two intervals, each once."""
    closed = list(side.stated)
    seen = {tlink.link for tlink in closed}
    for link in TimeGraph(_placed(side)).closure():
        if link not in seen:
            closed.append(Tlink(link, _has_plain_ends(link, side.sections)))
    return closed


# --- with temporal closure --------------------------------------------------------------------------------------------


def tempeval(gold: Tlinks, predicted: Tlinks) -> tuple[Looked, Looked]:
    """Look up the predicted links in what gold implies, and the other way round: for precision and for recall."""

    def of_predicted(end: str) -> str:
        return end if _has_no_mention(predicted) else predicted.partners.get(end, ("",))[0]

    def of_gold(end: str) -> str:
        there = end if _has_no_mention(gold) else gold.partners.get(end, ("",))[0]
        return predicted.partners.get(there, (end,))[0]

    sides = [_renamed(gold, of_gold), _renamed(predicted, of_predicted)]
    graphs = [TimeGraph(side) for side in sides]
    stated = [{form for link in side for form in (link, link.inverse)} for side in sides]
    of_gold_links, of_predicted_links = (
        Looked(
            len(sought),
            sum(link in stated[1 - index] or graphs[1 - index].implies(link) for link in sought),
        )
        for index, graph in enumerate(graphs)
        for sought in [graph.reduced + graph.violated + graph.unplaced]
    )
    return of_predicted_links, of_gold_links


def _renamed(side: Tlinks, name: Callable[[str], str]) -> list[Link]:
    renamed = (
        Link(name(link.head), name(link.tail), link.type.replace("OVERLAP", "SIMULTANEOUS")) for link in _placed(side)
    )
    return [link for link in renamed if link.head and link.tail]
