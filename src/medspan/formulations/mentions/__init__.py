"""What the annotation of a window is in token space: mentions, attribute values and links; shared by all formulations.

`encode` writes gold as `Targets`; each formulation makes its own examples of them, and its raw output into `Outputs`;
`decode` writes those as annotation.
"""

from medspan.formulations.mentions.decode import Thresholds, decode, legal_pairs, resolve
from medspan.formulations.mentions.encode import Supervision, Targets, encode
from medspan.formulations.mentions.layout import FRAGMENT, Layout
from medspan.formulations.mentions.outputs import Outputs
from medspan.formulations.mentions.spans import MAX_WIDTH, SPARE_MENTIONS, SpanArray, best_of_row, candidate_spans

__all__ = [
    "FRAGMENT",
    "MAX_WIDTH",
    "SPARE_MENTIONS",
    "Layout",
    "Outputs",
    "SpanArray",
    "Supervision",
    "Targets",
    "Thresholds",
    "best_of_row",
    "candidate_spans",
    "decode",
    "encode",
    "legal_pairs",
    "resolve",
]
