"""Documents to targets: gold annotation of one window as token spans, attribute values and links."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from medspan.annotation import Attribute, Document, Entity
from medspan.formulations.mentions.layout import FRAGMENT, Layout
from medspan.formulations.mentions.lost import count_lost
from medspan.formulations.mentions.spans import MAX_WIDTH
from medspan.formulations.tokens import Tokens

__all__ = ["Supervision", "Targets", "encode"]

IntArray = npt.NDArray[np.int64]
_Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Supervision:
    """Which columns of a head set a corpus annotates; only these enter the loss.

    Three boolean arrays: entity labels (labels,), attributes (attributes,), links (links,).
    """

    labels: npt.NDArray[np.bool_]
    attributes: npt.NDArray[np.bool_]
    links: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        layout: Layout,
        entities: Collection[str] | None = None,
        attributes: Collection[str] | None = None,
        relations: Collection[str] | None = None,
    ) -> "Supervision":
        """Build from names; None means everything in the schema. Roles and fragments are annotated with the labels."""

        def chosen(names: tuple[str, ...], wanted: Collection[str] | None) -> npt.NDArray[np.bool_]:
            return np.array([wanted is None or name in wanted for name in names], dtype=bool)

        links = chosen(layout.links, relations)
        for column, name in enumerate(layout.links):
            if name.startswith("role:") or name == FRAGMENT:
                links[column] = True
        return cls(
            chosen(layout.labels, entities),
            chosen(tuple(a.name for a in layout.attributes), attributes),
            links,
        )


@dataclass(frozen=True)
class Targets:
    """Gold of one window for one head set.

    `spans`: (spans, 3) first token, last token, label; tokens are positions in the window, both ends inclusive.
    `values`: (spans, attributes) value index + 1, 0 for "none", -1 where the attribute does not apply.
    `links`: (links, 3) head span, tail span, link label. `is_annotated`: (tokens,) False where the corpus does not say
    what the schema asks, so nothing is learnt. `lost` counts gold that this form cannot hold, by reason.
    """

    spans: IntArray
    values: IntArray
    links: IntArray
    is_annotated: npt.NDArray[np.bool_]
    lost: Counter[str] = field(default_factory=Counter)


def encode(document: Document, tokens: Tokens, layout: Layout, unannotated: Sequence[tuple[int, int]] = ()) -> Targets:
    """Turn the annotations of a window into targets.

    A fragment whose edges fall inside a word piece is widened to whole pieces. Mentions of labels outside the schema,
    mentions wider than MAX_WIDTH tokens and illegal links have no target. `lost` counts all that will not come back,
    which is more: see `count_lost`.
    """
    index: dict[_Triple, int] = {}
    values: list[list[int]] = []
    spans_of: dict[str, list[int]] = {}
    for entity in document.entities:
        keys = _keys(entity, tokens, layout)
        for key in keys:
            if key not in index:
                index[key] = len(index)
                values.append(_values(entity.attributes, key[2], layout))
        if keys:
            spans_of[entity.id] = [index[key] for key in keys]
    spans = list(index)
    links: dict[_Triple, None] = {}

    def add(head: int, tail: int, name: str) -> None:
        column = layout.link_index.get(name)
        if column is None or head == tail or not layout.link_legal[spans[head][2], spans[tail][2], column]:
            return
        links[head, tail, column] = None
        if layout.symmetric_links[column]:
            links[tail, head, column] = None

    for numbers in spans_of.values():
        for left, right in combinations(numbers, 2):
            add(left, right, FRAGMENT)
    named = [(relation.head, relation.tail, relation.label) for relation in document.relations]
    named += [(event.trigger, a.target, f"role:{a.role}") for event in document.events for a in event.arguments]
    for head, tail, name in named:
        if head in spans_of and tail in spans_of:
            add(spans_of[head][0], spans_of[tail][0], name)
    is_annotated = np.ones(len(tokens), dtype=bool)
    for start, end in unannotated:
        is_annotated &= (tokens.ends <= start) | (tokens.starts >= end)
    return Targets(
        np.array(spans, dtype=np.int64).reshape(-1, 3),
        np.array(values, dtype=np.int64).reshape(len(index), len(layout.attributes)),
        np.array(list(links), dtype=np.int64).reshape(-1, 3),
        is_annotated,
        count_lost(document, tokens, layout, spans, links, spans_of),
    )


def _keys(entity: Entity, tokens: Tokens, layout: Layout) -> list[_Triple]:
    """Return first token, last token and label of each fragment; nothing where one of them cannot be held."""
    label = layout.label_index.get(entity.label)
    keys: list[_Triple] = []
    for fragment in entity.fragments if label is not None else ():
        first = int(np.searchsorted(tokens.ends, fragment.start, side="right"))
        last = int(np.searchsorted(tokens.starts, fragment.end, side="left")) - 1
        if label is None or last < first or last - first >= MAX_WIDTH:
            return []
        keys.append((first, last, label))
    return keys


def _values(attributes: tuple[Attribute, ...], label: int, layout: Layout) -> list[int]:
    given = {attribute.name: attribute.value for attribute in attributes}
    row = []
    for number, kind in enumerate(layout.attributes):
        if not layout.attribute_legal[number, label]:
            row.append(-1)
        elif kind.name in given:
            row.append(kind.values.index(given[kind.name]) + 1 if given[kind.name] in kind.values else -1)
        else:
            row.append(0 if kind.is_optional else -1)
    return row
