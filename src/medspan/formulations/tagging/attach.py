"""Arguments to triggers: roles cannot be tagged, so they follow from labels and nearness."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions import Layout, Outputs, legal_pairs

__all__ = ["attach_arguments"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LEAST = np.float32(1e-6)
"""Links of probability 0 are illegal ones."""


def attach_arguments(outputs: Outputs, row_of_token: IntArray, layout: Layout) -> Outputs:
    """Link each mention whose label exists only in events to the nearest legal trigger of its row.

    A trigger that no argument joined in a role its event requires takes the nearest legal one as well: what "denies"
    says of the first of several habits it says of all.

    Nearness is the number of tokens between, 0 where they overlap; of equally near ones the first in the text is taken,
    of several legal roles the first in the schema. A link is as sure as the less sure of its ends.
    """
    triggers = [number for number, label in enumerate(layout.labels) if label in layout.event_of_trigger]
    arguments = [number for number, label in enumerate(layout.labels) if label in layout.argument_labels]
    roles: BoolArray = np.array([name.startswith("role:") for name in layout.links], dtype=bool)
    members = np.flatnonzero(np.isin(outputs.labels, triggers + arguments))
    pairs = members[legal_pairs(row_of_token[outputs.spans.first[members]], outputs.labels[members], layout)]
    labels = outputs.labels[pairs]  # (pairs, 2)
    legal = layout.link_legal[labels[:, 0], labels[:, 1]] & roles  # (pairs, links)
    is_argument = legal.any(axis=1) & np.isin(labels[:, 1], arguments)
    pairs, labels, legal = pairs[is_argument], labels[is_argument], legal[is_argument]
    if len(pairs) == 0:
        return outputs
    gap = _tokens_between(outputs, pairs)
    role = legal.argmax(axis=1)
    chosen = _nearest(pairs[:, 1], gap, pairs[:, 0])
    required = _required(layout)
    for column in np.flatnonzero(required.any(axis=0)):
        is_served = np.isin(pairs[:, 0], pairs[chosen & (role == column), 0])
        wants = np.flatnonzero(legal[:, column] & required[labels[:, 0], column] & ~is_served)
        taken = wants[_nearest(pairs[wants, 0], gap[wants], pairs[wants, 1])]
        chosen[taken] = True
        role[taken] = column
    pairs, role = pairs[chosen], role[chosen]  # still in the order of their rows
    link_scores = np.zeros((len(pairs), len(layout.links)), dtype=np.float32)
    link_scores[np.arange(len(pairs)), role] = np.maximum(outputs.scores[pairs].min(axis=1), LEAST)
    return replace(outputs, pairs=pairs, link_scores=link_scores)


def _tokens_between(outputs: Outputs, pairs: IntArray) -> IntArray:
    first, last = outputs.spans.first[pairs], outputs.spans.last[pairs]
    return np.asarray(np.maximum(0, np.maximum(first[:, 1] - last[:, 0], first[:, 0] - last[:, 1])), dtype=np.int64)


def _nearest(member: IntArray, gap: IntArray, other: IntArray) -> BoolArray:
    """Mark, for each member, its pair with the least gap, of equal ones that with the first other: (pairs,)."""
    order = np.lexsort((other, gap, member))
    _, at = np.unique(member[order], return_index=True)
    chosen: BoolArray = np.zeros(len(member), dtype=bool)
    chosen[order[at]] = True
    return chosen


def _required(layout: Layout) -> BoolArray:
    """Return which links every event of a trigger label has: (labels, links)."""
    table: BoolArray = np.zeros((len(layout.labels), len(layout.links)), dtype=bool)
    for event in layout.schema.events:
        for role in event.roles:
            if role.is_required:
                table[layout.label_index[event.trigger], layout.link_index[f"role:{role.name}"]] = True
    return table
