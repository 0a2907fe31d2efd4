"""The `joint` formulation: entities, attributes and links of any schemas in one encoder pass."""

from medspan.formulations.joint.decode import Thresholds, decode, legal_pairs, resolve
from medspan.formulations.joint.encode import HeadTargets, Supervision, encode
from medspan.formulations.joint.layout import FRAGMENT, HeadLayout
from medspan.formulations.joint.outputs import HeadOutputs
from medspan.formulations.joint.spans import (
    MAX_WIDTH,
    N_BUCKETS,
    SpanArray,
    best_of_row,
    candidate_spans,
    gap_features,
    width_bucket,
)

__all__ = [
    "FRAGMENT",
    "MAX_WIDTH",
    "N_BUCKETS",
    "HeadLayout",
    "HeadOutputs",
    "HeadTargets",
    "SpanArray",
    "Supervision",
    "Thresholds",
    "best_of_row",
    "candidate_spans",
    "decode",
    "encode",
    "gap_features",
    "legal_pairs",
    "resolve",
    "width_bucket",
]
