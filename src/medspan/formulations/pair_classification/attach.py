"""Scored pairs to relations and events, on entities that stay as they are."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from medspan.annotation import Argument, Document, Event, Relation
from medspan.formulations.mentions import Layout, Thresholds
from medspan.formulations.pair_classification.candidates import Candidates

__all__ = ["attach"]


def attach(
    document: Document,
    pairs: Candidates,
    scores: npt.NDArray[np.float32],
    layout: Layout,
    thresholds: Thresholds,
) -> Document:
    """Return the document with its entities, and the links that are believed in place of those it had.

    scores: (pairs, 1 + links) probabilities of "no link" and of each link. A pair gets its likeliest link if that
    reaches its threshold. Every trigger gives one event, with or without arguments; events and relations have the
    scores of what they are made of, and ids that no entity has.
    """
    arguments: dict[int, list[Argument]] = defaultdict(list)
    relations: list[Relation] = []
    taken = {entity.id for entity in document.entities}
    relation_ids, event_ids = _ids("R", taken), _ids("E", taken)
    if len(pairs) and layout.links:
        best = scores[:, 1:].argmax(axis=1)
        likelihood = scores[np.arange(len(pairs)), best + 1]
        believed = (likelihood >= thresholds.for_links(layout)[best]) & (likelihood > 0)
        for number in np.flatnonzero(believed).tolist():
            head, tail = int(pairs.heads[number]), int(pairs.tails[number])
            name, score = layout.links[best[number]], round(float(likelihood[number]), 4)
            target = document.entities[tail].id
            if name.startswith("role:"):
                arguments[head].append(Argument(name.removeprefix("role:"), target, score))
            else:
                relations.append(Relation(next(relation_ids), name, document.entities[head].id, target, score))
    events = []
    for number, entity in enumerate(document.entities):
        event = layout.event_of_trigger.get(entity.label)
        if event is not None:
            filled = tuple(arguments.get(number, ()))
            events.append(Event(next(event_ids), event, entity.id, filled, score=entity.score))
    return Document(
        document.id, document.text, document.entities, tuple(relations), tuple(events), metadata=document.metadata
    )


def _ids(letter: str, taken: set[str]) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        if f"{letter}{number}" not in taken:
            yield f"{letter}{number}"
