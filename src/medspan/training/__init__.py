"""Training: typed recipes, batches, the one loop."""
