"""What gold says about pairs, and what of it no pair can say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from medspan.annotation import Document, Span
from medspan.formulations.mentions import FRAGMENT, Layout
from medspan.formulations.pair_classification.candidates import Candidates, legal_links, sentence_ranges
from medspan.formulations.pair_classification.options import Options

__all__ = ["links", "lost_links"]

_FAR = 10
"""Distances from here on are counted together."""


def links(document: Document, layout: Layout) -> dict[tuple[int, int], int]:
    """The gold link of each pair of entities, by their numbers: its column in the layout.

    Symmetric links are written from the earlier mention. Of several links between one head and one tail, the first
    in the document is taken; those that the schema does not allow are left out.
    """
    found: dict[tuple[int, int], int] = {}
    for pair, column, _ in _judged(document, layout):
        if pair is not None:
            found.setdefault(pair, column)
    return found


def lost_links(
    document: Document,
    layout: Layout,
    options: Options,
    breaks: Sequence[Span],
    pairs: Candidates,
    unfit: Mapping[int, str],
) -> Counter[str]:
    """Count the links and events that do not come back, by reason.

    `unfit`: the pairs that no row holds, by number, and why.
    """
    lost: Counter[str] = Counter()
    sentences = sentence_ranges(document, breaks)
    seen: dict[tuple[int, int], set[int]] = {}
    for pair, column, reason in _judged(document, layout):
        if pair is None:
            lost[reason] += 1
            continue
        known = seen.setdefault(pair, set())
        number = pairs.number_of.get(pair)
        head, tail = sentences[pair[0]], sentences[pair[1]]
        distance = int(max(0, tail[0] - head[1], head[0] - tail[1]))
        if known:
            lost["repeated link" if column in known else "second link of a pair"] += 1
        elif distance > options.cutoff:
            lost[f"link {distance if distance < _FAR else f'{_FAR} or more'} sentences apart"] += 1
        elif number is None:
            lost["link past the nearest partners"] += 1
        elif number in unfit:
            lost[unfit[number]] += 1
        known.add(column)
    lost.update(_lost_events(document, layout))
    return +lost


def _judged(document: Document, layout: Layout) -> Iterator[tuple[tuple[int, int] | None, int, str]]:
    """Yield the pair and column of every gold link, or no pair and why there is none."""
    number_of = {entity.id: number for number, entity in enumerate(document.entities)}
    table = legal_links(layout)
    for head_id, tail_id, name in _named(document):
        column = layout.link_index.get(name, -1)
        if column < 0 or name == FRAGMENT:
            yield None, -1, "link not in schema"
            continue
        if head_id not in number_of or tail_id not in number_of:
            yield None, -1, "link to an event"
            continue
        pair = (number_of[head_id], number_of[tail_id])
        ends = [document.entities[number] for number in pair]
        labels = [layout.label_index.get(entity.label, -1) for entity in ends]
        if pair[0] == pair[1] or min(labels) < 0 or not table[labels[0], labels[1], column]:
            yield None, -1, "illegal link"
            continue
        if layout.symmetric_links[column] and _place(document, pair[1]) < _place(document, pair[0]):
            pair = (pair[1], pair[0])
        yield pair, column, ""


def _named(document: Document) -> Iterator[tuple[str, str, str]]:
    for relation in document.relations:
        yield relation.head, relation.tail, relation.label
    for event in document.events:
        for argument in event.arguments:
            yield event.trigger, argument.target, f"role:{argument.role}"


def _place(document: Document, number: int) -> tuple[int, int, int]:
    entity = document.entities[number]
    return entity.start, entity.end, number


def _lost_events(document: Document, layout: Layout) -> Counter[str]:
    lost: Counter[str] = Counter()
    label_of = {entity.id: entity.label for entity in document.entities}
    triggers: set[str] = set()
    for event in document.events:
        if layout.event_of_trigger.get(label_of[event.trigger]) != event.label:
            lost["event not in schema"] += 1
        elif event.trigger in triggers:
            lost["second event on one trigger"] += 1
        triggers.add(event.trigger)
        lost["attribute of an event"] += len(event.attributes)
    return lost
