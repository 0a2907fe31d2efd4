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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from medspan.annotation import Document
from medspan.scoring.official.i2b2_2012.time_graph import Link, TimeGraph

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


@dataclass(frozen=True)
class Tlinks:
    """The links of one side, what ends correspond to on the other, and the ids of section times."""

    stated: tuple[Tlink, ...]
    partners: Partners
    sections: frozenset[str]

    @property
    def has_no_mention(self) -> bool:
        """Whether there is nothing but the admission and the discharge to link."""
        return len(self.partners) == len(OUTSIDE)

    @cached_property
    def stated_links(self) -> frozenset[Link]:
        """The links as they are, each once."""
        return frozenset(link for link, _ in self.stated)

    @cached_property
    def further_links(self) -> tuple[Link, ...]:
        """What else follows between two intervals."""
        return tuple(link for link in TimeGraph(self.placed()).closure() if link not in self.stated_links)

    @cached_property
    def closed_links(self) -> frozenset[Link]:
        """The links as they are and what follows from them."""
        return self.stated_links.union(self.further_links)

    def placed(self) -> Iterator[Link]:
        """Leave out links that lack an end or a type."""
        return (link for link, _ in self.stated if all(link))


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
    return Tlink(link, not is_named and all(_is_plain(end, sections) for end in (head, tail)))


def _is_plain(end: str, sections: Collection[str]) -> bool:
    return bool(end) and "S" not in end and end not in sections


# --- oo, oc, cc -------------------------------------------------------------------------------------------------------


def look_up_links(side: Tlinks, other: Tlinks, *, closes_side: bool = False, closes_other: bool = False) -> Looked:
    """Look up the links of one side in those of the other; either may be closed first."""
    there = other.closed_links if closes_other else other.stated_links
    sought = [link for link, may_be_found in side.stated if may_be_found]
    n = len(side.stated)
    if closes_side:
        plain = {end: _is_plain(end, side.sections) for link in side.stated_links for end in link[:2]}
        sought += [link for link in side.further_links if plain[link.head] and plain[link.tail]]
        n += len(side.further_links)
    if side.has_no_mention:
        return Looked(n, sum(link in there for link in sought))
    n_found = 0
    for head, tail, kind in sought:
        heads, tails = side.partners.get(head, ()), side.partners.get(tail, ())
        n_found += any((a, b, kind) in there for a in heads for b in tails)
    return Looked(n, n_found)


# --- with temporal closure --------------------------------------------------------------------------------------------


def tempeval(gold: Tlinks, predicted: Tlinks) -> tuple[Looked, Looked]:
    """Look up the predicted links in what gold implies, and the other way round: for precision and for recall."""

    def of_predicted(end: str) -> str:
        return end if predicted.has_no_mention else predicted.partners.get(end, ("",))[0]

    def of_gold(end: str) -> str:
        there = end if gold.has_no_mention else gold.partners.get(end, ("",))[0]
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
        Link(name(link.head), name(link.tail), link.type.replace("OVERLAP", "SIMULTANEOUS")) for link in side.placed()
    )
    return [link for link in renamed if link.head and link.tail]
