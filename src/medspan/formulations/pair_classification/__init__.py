"""The `pair_classification` formulation: a label for every candidate pair of entities."""
