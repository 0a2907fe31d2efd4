"""What of a window's gold does not come back from tags, by reason: the two documents are compared."""

from collections import Counter, defaultdict
from collections.abc import Hashable

import numpy as np

from medspan.annotation import Document, Entity
from medspan.formulations.mentions import Layout
from medspan.formulations.tagging.units import Units
from medspan.formulations.tokens import Tokens

__all__ = ["count_lost"]

_Fact = tuple[Hashable, ...]


def count_lost(
    gold: Document, back: Document, given: Document, tokens: Tokens, units: Units, layout: Layout
) -> Counter[str]:
    """Count the differences between the gold of a window and what is given of it.

    `back` is what tags hold, `given` what is left of it without events that lack an argument their type requires.

    Every entity, attribute, relation, event and argument that is missing counts once, and so does what is there
    without being in the gold: attribute values, events and arguments. Entities that are too many are what became of a
    lost one: its fragments, or the same with wider edges.
    """
    lost: Counter[str] = Counter()
    place: dict[str, _Fact] = {e.id: (e.label, e.fragments) for e in gold.entities}
    tagged = {(e.label, e.fragments) for e in back.entities}
    there = Counter[_Fact]((e.label, e.fragments) for e in given.entities)
    gone: set[_Fact] = set()
    seen: set[_Fact] = set()
    for entity in gold.entities:
        fact = place[entity.id]
        if there[fact]:
            there[fact] -= 1
        else:
            if fact in seen - gone:
                lost["exact duplicate"] += 1
            elif fact in tagged:
                lost["event without a required argument"] += 1
            else:
                lost[_reason(entity, tokens, units, layout)] += 1
            if fact not in seen:
                gone.add(fact)
        seen.add(fact)
    _count_values(gold, given, gone, layout, lost)
    lost["relation"] += len(gold.relations)
    lost["group"] += len(gold.groups)
    _count_events(gold, given, place, gone, layout, lost)
    return +lost


def _reason(entity: Entity, tokens: Tokens, units: Units, layout: Layout) -> str:
    if entity.label not in layout.label_index:
        return "label not in schema"
    first = np.searchsorted(tokens.ends, [f.start for f in entity.fragments], side="right")
    last = np.searchsorted(tokens.starts, [f.end for f in entity.fragments], side="left") - 1
    if (last < first).any():
        return "mention without tokens or too wide"
    if len(entity.fragments) > 1:
        return "discontinuous mention"
    if tokens.starts[first[0]] != entity.start or tokens.ends[last[0]] != entity.end:
        return "edge inside a word piece"
    if first[0] not in units.first or last[0] not in units.last:
        return "edge inside a word"
    return "overlap in one layer"


def _count_values(gold: Document, back: Document, gone: set[_Fact], layout: Layout, lost: Counter[str]) -> None:
    """Compare the attributes of the entities that come back; duplicates are taken together."""
    wanted: dict[_Fact, Counter[tuple[str, str]]] = defaultdict(Counter)
    found: dict[_Fact, Counter[tuple[str, str]]] = defaultdict(Counter)
    for document, values in ((gold, wanted), (back, found)):
        for entity in document.entities:
            values[entity.label, entity.fragments].update((a.name, a.value) for a in entity.attributes)
    for fact in wanted.keys() - gone:
        for name, value in (wanted[fact] - found[fact]).elements():
            kind = layout.schema.attribute(name, str(fact[0]))
            is_known = kind is not None and value in kind.values
            lost["repeated attribute" if is_known else "attribute not in schema"] += 1
        lost["attribute value where gold has none"] += (found[fact] - wanted[fact]).total()


def _count_events(
    gold: Document, back: Document, place: dict[str, _Fact], gone: set[_Fact], layout: Layout, lost: Counter[str]
) -> None:
    found_place: dict[str, _Fact] = {e.id: (e.label, e.fragments) for e in back.entities}
    found = Counter[_Fact]((event.label, found_place[event.trigger]) for event in back.events)
    roles = Counter[_Fact](
        (found_place[event.trigger], a.role, found_place[a.target]) for event in back.events for a in event.arguments
    )
    for event in gold.events:
        trigger = place[event.trigger]
        if found[event.label, trigger]:
            found[event.label, trigger] -= 1
        elif layout.event_of_trigger.get(str(trigger[0])) != event.label:
            lost["event not in schema"] += 1
        else:
            lost["event of a lost mention" if trigger in gone else "second event on one trigger"] += 1
        lost["attribute of an event"] += len(event.attributes)
        for argument in event.arguments:
            target = place.get(argument.target)
            if target is None:
                lost["argument that is an event"] += 1
            elif roles[trigger, argument.role, target]:
                roles[trigger, argument.role, target] -= 1
            else:
                is_lost = trigger in gone or target in gone
                lost["argument of a lost mention" if is_lost else "argument not of the nearest trigger"] += 1
    lost["event made of a bare trigger"] += found.total()
    lost["argument given to another trigger"] += roles.total()
