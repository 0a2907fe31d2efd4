"""The `joint` formulation: entities, attributes and links of any schemas in one encoder pass.

Its examples are the targets of `medspan.formulations.mentions` themselves; here is what it embeds of spans.
"""

from medspan.formulations.joint.spans import N_BUCKETS, gap_features, width_bucket

__all__ = ["N_BUCKETS", "gap_features", "width_bucket"]
