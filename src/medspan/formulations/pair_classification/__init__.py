"""Pair classification: every typed pair of entities that stand near each other is given a link or none.

`candidates` says which pairs there are, `RowBuilder` what the encoder reads of them, `links` and `lost_links` what
gold says about them, and `attach` writes scored pairs as relations and events on the entities that were given.
"""

from medspan.formulations.pair_classification.attach import attach
from medspan.formulations.pair_classification.candidates import Candidates, candidates
from medspan.formulations.pair_classification.gold import links, lost_links
from medspan.formulations.pair_classification.markers import Markers
from medspan.formulations.pair_classification.options import Options
from medspan.formulations.pair_classification.rows import Built, PairRow, RowBuilder, visible

__all__ = [
    "Built",
    "Candidates",
    "Markers",
    "Options",
    "PairRow",
    "RowBuilder",
    "attach",
    "candidates",
    "links",
    "lost_links",
    "visible",
]
