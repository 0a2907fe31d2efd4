"""The `tagging` formulation: BIO labels for tokens."""
