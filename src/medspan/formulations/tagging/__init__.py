"""`tagging`: BIO tags for words or word pieces, in as many layers as overlapping labels need."""

from medspan.formulations.tagging.attach import attach_arguments
from medspan.formulations.tagging.layers import Layers, apart, layers_of
from medspan.formulations.tagging.lost import count_lost
from medspan.formulations.tagging.options import Options
from medspan.formulations.tagging.round_trip import as_documents, give_back, tagged
from medspan.formulations.tagging.tags import overlapping_labels, read_tags, unit_spans, write_tags
from medspan.formulations.tagging.units import Units, units_of

__all__ = [
    "Layers",
    "Options",
    "Units",
    "apart",
    "as_documents",
    "attach_arguments",
    "count_lost",
    "give_back",
    "layers_of",
    "overlapping_labels",
    "read_tags",
    "tagged",
    "unit_spans",
    "units_of",
    "write_tags",
]
