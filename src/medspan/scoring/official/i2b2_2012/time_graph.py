"""Temporal links closed by reasoning over the end points of intervals.

An interval is two points, start before end. A link says which points are the same and which come before which:
A BEFORE B means that A's end comes before B's start. Points known to be equal form a class, and classes are ordered in
part; what follows from the links is what holds along chains of `=` and `<`. Links are taken in the order given. One
that contradicts those before it is `violated` and teaches nothing. One that already follows is redundant; so is, at the
end and from first to last, one that follows from the others that remain. The rest is the `reduced` set.

The published script relies on a module called timegraph that was not at hand; this is our own, from its description.
Links of a type that says nothing about end points cannot be placed: they are listed as `unplaced`.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias

__all__ = ["CONSTRAINTS", "INVERSES", "Link", "TimeGraph"]

START, END = 0, 1
Constraint: TypeAlias = tuple[int, int, bool, bool]  # point of A, point of B, are they the same, does A's come first

# A's point, B's point: the same (True, False), A's first (False, True) or B's first (False, False).
_SAME, _FIRST, _LAST = (True, False), (False, True), (False, False)
CONSTRAINTS: Final[dict[str, tuple[Constraint, ...]]] = {
    "BEFORE": ((END, START, *_FIRST),),
    "AFTER": ((START, END, *_LAST),),
    "IBEFORE": ((END, START, *_SAME),),
    "IAFTER": ((START, END, *_SAME),),
    "SIMULTANEOUS": ((START, START, *_SAME), (END, END, *_SAME)),
    "BEGINS": ((START, START, *_SAME), (END, END, *_FIRST)),
    "BEGUN_BY": ((START, START, *_SAME), (END, END, *_LAST)),
    "ENDS": ((START, START, *_LAST), (END, END, *_SAME)),
    "ENDED_BY": ((START, START, *_FIRST), (END, END, *_SAME)),
    "INCLUDES": ((START, START, *_FIRST), (END, END, *_LAST)),
    "IS_INCLUDED": ((START, START, *_LAST), (END, END, *_FIRST)),
}
CONSTRAINTS.update((name, CONSTRAINTS["SIMULTANEOUS"]) for name in ("OVERLAP", "DURING", "DURING_INV", "IDENTITY"))
_TURNED = (("BEFORE", "AFTER"), ("IBEFORE", "IAFTER"), ("BEGINS", "BEGUN_BY"), ("ENDS", "ENDED_BY"),
           ("INCLUDES", "IS_INCLUDED"), ("DURING", "DURING_INV"))  # fmt: skip
INVERSES: Final[dict[str, str]] = {a: b for pair in _TURNED for a, b in (pair, pair[::-1])}


PLAIN_TYPES = frozenset({"BEFORE", "AFTER", "SIMULTANEOUS", "OVERLAP"})
FINE_TYPES = ("IBEFORE", "IAFTER", "BEGINS", "BEGUN_BY", "ENDS", "ENDED_BY", "INCLUDES", "IS_INCLUDED")


class Link(NamedTuple):
    """A temporal link between two intervals, by id; the type is one of CONSTRAINTS or any other word."""

    head: str
    tail: str
    type: str

    @property
    def inverse(self) -> "Link":
        """The link that says the same from the other end."""
        return Link(self.tail, self.head, INVERSES.get(self.type, self.type))


class TimeGraph:
    """The closure of temporal links; sets of points are kept as the bits of whole numbers."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self.violated: list[Link] = []
        self.unplaced: list[Link] = []
        self._points: dict[str, int] = {}  # interval -> its start; its end is the next
        self._same: list[int] = []
        self._later: list[int] = []
        self._earlier: list[int] = []
        self._kept: list[Link] = []
        for link in links:
            self._add(link)
        # Links of no other type than these never let another type follow.
        self._is_plain = all(link.type in PLAIN_TYPES for link in self._kept)

    def implies(self, link: Link) -> bool:
        """Say whether a link follows; never for two intervals, or a type, that the graph does not know."""
        if link.type not in CONSTRAINTS:
            return False
        if link.head == link.tail:
            return all(is_same and a == b for a, b, is_same, _ in CONSTRAINTS[link.type])
        known = link.head in self._points and link.tail in self._points
        return known and all(self._holds(a, b, is_same=is_same) for a, b, is_same in self._pairs(link))

    def closure(self) -> Iterator[Link]:
        """Yield for each ordered pair of unlike intervals the link that follows, if any; equal ones OVERLAP."""
        for head, a in self._points.items():
            before, after = self._later[a + END], self._earlier[a] >> END
            same = self._same[a] & self._same[a + END] >> END
            for tail, b in self._points.items():
                if a == b:
                    continue
                if before >> b & 1:
                    yield Link(head, tail, "BEFORE")
                elif after >> b & 1:
                    yield Link(head, tail, "AFTER")
                elif same >> b & 1:
                    yield Link(head, tail, "OVERLAP")
                elif not self._is_plain:
                    found = (Link(head, tail, kind) for kind in FINE_TYPES)
                    yield from (link for link in found if self.implies(link))

    # --- points -------------------------------------------------------------------------------------------------------

    def _pairs(self, link: Link) -> Iterator[tuple[int, int, bool]]:
        """Yield the constraints of a link as (point, point, are they the same); else the first comes first."""
        head, tail = self._points[link.head], self._points[link.tail]
        for a, b, is_same, is_first in CONSTRAINTS[link.type]:
            ends = (head + a, tail + b)
            yield (*(ends if is_same or is_first else ends[::-1]), is_same)

    def _holds(self, a: int, b: int, *, is_same: bool) -> bool:
        return bool((self._same if is_same else self._later)[a] >> b & 1)

    def _contradicts(self, a: int, b: int, *, is_same: bool) -> bool:
        if is_same:
            return bool((self._later[a] | self._earlier[a]) >> b & 1)
        return bool((self._same[a] | self._earlier[a]) >> b & 1)

    def _interval(self, name: str) -> None:
        if name in self._points:
            return
        start = len(self._same)
        self._points[name] = start
        self._same += [1 << start, 1 << start + END]
        self._later += [1 << start + END, 0]
        self._earlier += [0, 1 << start]

    def _add(self, link: Link) -> None:
        if link.type not in CONSTRAINTS:
            self.unplaced.append(link)
            return
        self._interval(link.head)
        self._interval(link.tail)
        if self.implies(link):
            return
        # Each end of a link may fit while both do not, so that what the first taught is taken back.
        before = (self._same.copy(), self._later.copy(), self._earlier.copy())
        for a, b, is_same in self._pairs(link):
            if self._contradicts(a, b, is_same=is_same):
                self.violated.append(link)
                self._same, self._later, self._earlier = before
                return
            if is_same:
                self._join(a, b)
            else:
                self._order(a, b)
        self._kept.append(link)

    def _order(self, a: int, b: int) -> None:
        """Learn that a comes before b."""
        first, last = self._earlier[a] | self._same[a], self._later[b] | self._same[b]
        for point in _bits(first):
            self._later[point] |= last
        for point in _bits(last):
            self._earlier[point] |= first

    def _join(self, a: int, b: int) -> None:
        """Learn that a and b are the same."""
        same = self._same[a] | self._same[b]
        first, last = self._earlier[a] | self._earlier[b], self._later[a] | self._later[b]
        for point in _bits(same):
            self._same[point] = same
        for point in _bits(first | same):
            self._later[point] |= last if same >> point & 1 else last | same
        for point in _bits(last | same):
            self._earlier[point] |= first if same >> point & 1 else first | same

    # --- the reduced set ----------------------------------------------------------------------------------------------

    @cached_property
    def reduced(self) -> list[Link]:
        """The links that taught something, less, from first to last, those that follow from others that remain.

        What follows from all links stays as it is while such links go, so the closure can be asked throughout.
        """
        next_to: dict[int, list[tuple[int, int]]] = {}  # point -> (point known to come later, the link that says so)
        equal: dict[int, list[tuple[int, int]]] = {}
        for start in self._points.values():
            next_to.setdefault(start, []).append((start + END, -1))
        for index, link in enumerate(self._kept):
            for a, b, is_same in self._pairs(link):
                (equal if is_same else next_to).setdefault(a, []).append((b, index))
                if is_same:
                    equal.setdefault(b, []).append((a, index))
        gone: set[int] = set()
        for index, link in enumerate(self._kept):
            gone.add(index)
            for a, b, is_same in self._pairs(link):
                follows = self._is_joined(a, b, equal, gone) if is_same else self._is_ordered(a, b, next_to, gone)
                if not follows:
                    gone.remove(index)
                    break
        return [link for index, link in enumerate(self._kept) if index not in gone]

    def _is_ordered(self, a: int, b: int, next_to: dict[int, list[tuple[int, int]]], gone: set[int]) -> bool:
        """Say whether a step other than those gone leads from a towards b: time never comes back to the same step."""
        goals = self._same[b] | self._earlier[b]
        return any(
            goals >> later & 1
            for point in _bits(self._same[a])
            for later, index in next_to.get(point, ())
            if index not in gone
        )

    def _is_joined(self, a: int, b: int, equal: dict[int, list[tuple[int, int]]], gone: set[int]) -> bool:
        reached, open_points = {a}, [a]
        while open_points:
            for point, index in equal.get(open_points.pop(), ()):
                if index not in gone and point not in reached:
                    reached.add(point)
                    open_points.append(point)
        return b in reached


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
