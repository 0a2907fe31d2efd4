"""Gold through tags and back: what a tagger without fault would give."""

from collections.abc import Sequence

import numpy as np

from medspan.annotation import Document
from medspan.formulations.mentions import Layout, Outputs, Targets, Thresholds, decode
from medspan.formulations.tagging.attach import attach_arguments
from medspan.formulations.tagging.layers import Layers
from medspan.formulations.tagging.options import Options
from medspan.formulations.tagging.tags import read_tags, unit_spans, write_tags
from medspan.formulations.tagging.units import Units
from medspan.formulations.tokens import Tokens

__all__ = ["AS_TAGGED", "as_documents", "give_back", "tagged"]

AS_TAGGED = Thresholds(default=0.0)
"""The best sequence already decides between mentions; nothing is left out for its score."""


def tagged(targets: Targets, units: Units, layers: Layers) -> Targets:
    """Return what tags hold of a row's gold: mentions over whole units with their attribute values, no links."""
    spans = unit_spans(targets, units)
    tags, is_tagged = write_tags(spans, len(units), layers)
    values = {tuple(span): row for span, row in zip(spans[is_tagged].tolist(), targets.values[is_tagged], strict=True)}
    back = read_tags(tags, layers)
    rows = [values[tuple(span)] for span in back.tolist()]
    return Targets(
        np.column_stack([units.first[back[:, 0]], units.last[back[:, 1]], back[:, 2]]),
        np.array(rows, dtype=np.int64).reshape(len(back), targets.values.shape[1]),
        np.zeros((0, 3), dtype=np.int64),
        targets.is_annotated,
    )


def as_documents(
    documents: Sequence[Document], tokens: Sequence[Tokens], outputs: Outputs, layout: Layout, options: Options
) -> list[Document]:
    """Write what was tagged in rows laid end to end as annotation on their windows, arguments joined to triggers."""
    if options.attach == "nearest" and layout.event_of_trigger:
        outputs = attach_arguments(outputs, np.repeat(np.arange(len(tokens)), [len(t) for t in tokens]), layout)
    return decode(documents, tokens, outputs, layout, AS_TAGGED, lone_arguments=True)


def give_back(
    documents: Sequence[Document],
    tokens: Sequence[Tokens],
    units: Sequence[Units],
    targets: Sequence[Targets],
    layers: Layers,
    layout: Layout,
    options: Options,
) -> list[Document]:
    """Return windows with what tags hold of their gold, in order."""
    held = [tagged(row, of_row, layers) for row, of_row in zip(targets, units, strict=True)]
    bare = [document.bare() for document in documents]
    return as_documents(bare, tokens, Outputs.certain(held, layout), layout, options)
