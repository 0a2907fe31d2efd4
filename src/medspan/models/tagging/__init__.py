"""`tagging`: the layers above the encoder, in torch as trained and in numpy as served."""

from medspan.models.tagging.scorer import TaggingScorer

__all__ = ["TaggingScorer"]
