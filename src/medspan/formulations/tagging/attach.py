"""Arguments to triggers: roles cannot be tagged, so an argument joins the nearest trigger that may have it."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions import Layout, Outputs, legal_pairs

__all__ = ["attach_arguments"]

LEAST = np.float32(1e-6)
"""Links of probability 0 are illegal ones."""


def attach_arguments(outputs: Outputs, row_of_token: npt.NDArray[np.int64], layout: Layout) -> Outputs:
    """Link each mention whose label exists only in events to the nearest legal trigger of its row.

    Distance is the number of tokens between, 0 where they overlap; of equally near triggers the first in the text is
    taken, of several legal roles the first in the schema. A link is as sure as the less sure of its ends.
    """
    triggers = [number for number, label in enumerate(layout.labels) if label in layout.event_of_trigger]
    arguments = [number for number, label in enumerate(layout.labels) if label in layout.argument_labels]
    roles = np.array([name.startswith("role:") for name in layout.links], dtype=bool)
    members = np.flatnonzero(np.isin(outputs.labels, triggers + arguments))
    pairs = members[legal_pairs(row_of_token[outputs.spans.first[members]], outputs.labels[members], layout)]
    labels = outputs.labels[pairs]  # (pairs, 2)
    legal = layout.link_legal[labels[:, 0], labels[:, 1]] & roles  # (pairs, links)
    is_role = legal.any(axis=1) & np.isin(labels[:, 1], arguments)
    pairs, legal = pairs[is_role], legal[is_role]
    head, tail = pairs.T
    first, last = outputs.spans.first, outputs.spans.last
    gap = np.maximum(0, np.maximum(first[tail] - last[head], first[head] - last[tail]))
    nearest_first = np.lexsort((head, gap, tail))
    _, chosen = np.unique(tail[nearest_first], return_index=True)
    kept = np.sort(nearest_first[chosen])  # pairs stay in the order of their rows
    pairs, legal = pairs[kept], legal[kept]
    link_scores = np.zeros((len(pairs), len(layout.links)), dtype=np.float32)
    certainty = np.maximum(outputs.scores[pairs].min(axis=1, initial=1.0), LEAST)
    if len(pairs):
        link_scores[np.arange(len(pairs)), legal.argmax(axis=1)] = certainty
    return replace(outputs, pairs=pairs.reshape(-1, 2), link_scores=link_scores)
