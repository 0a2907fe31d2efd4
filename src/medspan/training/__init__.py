"""Training: typed recipes, batches, the one loop.

Recipes are read without torch; `train` in `loop` and `release` in `release` need it and are imported from there.
"""

from medspan.training.config import Recipe, load_recipe

__all__ = ["Recipe", "load_recipe"]
