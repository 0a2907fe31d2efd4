"""Which fragments form one mention: maximal sets in which every two are linked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

__all__ = ["MAX_COMPONENT", "linked_groups"]

MAX_COMPONENT = 15
"""Up to this many connected fragments all maximal sets are found, at most 3^5. Larger tangles are split greedily."""


def linked_groups(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the maximal sets of members in which every two are linked, each sorted, in order.

    A member may be in several sets: "left arm and leg" is "left arm" and "left ... leg". Among more than MAX_COMPONENT
    connected members, each joins the first set whose members it is all linked to, so the work stays bounded.
    """
    linked: dict[int, set[int]] = defaultdict(set)
    for left, right in pairs:
        linked[left].add(right)
        linked[right].add(left)
    groups: list[list[int]] = []
    for component in _components(linked):
        if len(component) <= MAX_COMPONENT:
            groups.extend(_cliques(linked, [], component, set()))
        else:
            groups.extend(_greedy(linked, component))
    return sorted(groups)


def _components(linked: Mapping[int, set[int]]) -> list[set[int]]:
    seen: set[int] = set()
    found = []
    for start in sorted(linked):
        if start in seen:
            continue
        component, waiting = {start}, [start]
        while waiting:
            more = linked[waiting.pop()] - component
            component |= more
            waiting.extend(more)
        seen |= component
        found.append(component)
    return found


def _cliques(
    linked: Mapping[int, set[int]], clique: list[int], candidates: set[int], excluded: set[int]
) -> list[list[int]]:
    """Bron and Kerbosch's search; the pivot's neighbours need no branch of their own."""
    if not candidates:
        return [] if excluded else [sorted(clique)]
    pivot = max(sorted(candidates | excluded), key=lambda member: len(candidates & linked[member]))
    found = []
    for member in sorted(candidates - linked[pivot]):
        found.extend(_cliques(linked, [*clique, member], candidates & linked[member], excluded & linked[member]))
        candidates = candidates - {member}
        excluded = excluded | {member}
    return found


def _greedy(linked: Mapping[int, set[int]], component: set[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    for member in sorted(component):
        home = next((group for group in groups if linked[member].issuperset(group)), None)
        if home is None:
            groups.append([member])
        else:
            home.append(member)
    return groups
