"""The numbered labels of one head set, read from its label schema.

A head set scores, for one schema: entity labels on spans, attribute values on entities, and links between spans. A
link is a relation, an event role (trigger to argument), or the one label that joins fragments of a mention.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from medspan.annotation import AttributeType, LabelSchema

__all__ = ["FRAGMENT", "Layout"]

FRAGMENT = "+"


@dataclass(frozen=True)
class Layout:
    """What the columns of a head set's outputs mean.

    `fragmented` lists the labels whose mentions may be discontinuous in the training corpora; only their spans are
    considered for joining, which costs nothing for schemas without such mentions.
    """

    schema: LabelSchema
    fragmented: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Entity labels, the columns of span scores."""
        return self.schema.labels

    @cached_property
    def label_index(self) -> dict[str, int]:
        """Column of each entity label."""
        return {label: i for i, label in enumerate(self.labels)}

    @cached_property
    def attributes(self) -> tuple[AttributeType, ...]:
        """Attribute types with a closed list of values; each has its own block of value columns."""
        return tuple(attribute for attribute in self.schema.attributes if attribute.values)

    @cached_property
    def attribute_columns(self) -> tuple[slice, ...]:
        """The block of columns of each attribute: column 0 of a block means "none", then the values in order."""
        blocks, at = [], 0
        for attribute in self.attributes:
            width = len(attribute.values) + 1
            blocks.append(slice(at, at + width))
            at += width
        return tuple(blocks)

    @property
    def n_attribute_columns(self) -> int:
        """Columns of all attribute blocks."""
        return self.attribute_columns[-1].stop if self.attributes else 0

    @cached_property
    def attribute_legal(self) -> npt.NDArray[np.bool_]:
        """Which labels carry which attribute: (attributes, labels)."""
        table = np.zeros((len(self.attributes), len(self.labels)), dtype=bool)
        for row, attribute in enumerate(self.attributes):
            for label in attribute.labels:
                table[row, self.label_index[label]] = True
        return table

    @cached_property
    def links(self) -> tuple[str, ...]:
        """Link labels: relations, then roles (one column a name), then FRAGMENT where mentions may be discontinuous."""
        names = [relation.name for relation in self.schema.relations]
        roles = [f"role:{role.name}" for event in self.schema.events for role in event.roles]
        names.extend(dict.fromkeys(roles))
        if self.fragmented:
            names.append(FRAGMENT)
        return tuple(names)

    @cached_property
    def link_index(self) -> dict[str, int]:
        """Column of each link label."""
        return {name: i for i, name in enumerate(self.links)}

    @cached_property
    def link_legal(self) -> npt.NDArray[np.bool_]:
        """Which head label may be linked to which tail label: (labels, labels, links)."""
        table = np.zeros((len(self.labels), len(self.labels), len(self.links)), dtype=bool)
        for relation in self.schema.relations:
            for head in relation.heads:
                for tail in relation.tails:
                    table[self.label_index[head], self.label_index[tail], self.link_index[relation.name]] = True
                    if relation.is_symmetric:
                        table[self.label_index[tail], self.label_index[head], self.link_index[relation.name]] = True
        for event in self.schema.events:
            for role in event.roles:
                for label in role.labels:
                    column = self.link_index[f"role:{role.name}"]
                    table[self.label_index[event.trigger], self.label_index[label], column] = True
        for label in self.fragmented:
            table[self.label_index[label], self.label_index[label], self.link_index[FRAGMENT]] = True
        return table

    @cached_property
    def symmetric_links(self) -> npt.NDArray[np.bool_]:
        """Which links have no direction: (links,)."""
        symmetric = {relation.name for relation in self.schema.relations if relation.is_symmetric} | {FRAGMENT}
        return np.array([name in symmetric for name in self.links], dtype=bool)

    @cached_property
    def event_of_trigger(self) -> dict[str, str]:
        """Event type by the label of its trigger."""
        return {event.trigger: event.name for event in self.schema.events}

    @cached_property
    def argument_labels(self) -> frozenset[str]:
        """Labels that exist only inside events: without one they say nothing."""
        inside = {label for event in self.schema.events for role in event.roles for label in role.labels}
        triggers = {event.trigger for event in self.schema.events}
        related = {label for relation in self.schema.relations for label in relation.heads + relation.tails}
        return frozenset(inside - triggers - related)
