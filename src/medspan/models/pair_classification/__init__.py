"""The layers above the encoder that classify pairs: `scorer` as they are served, `network` as they are trained."""

from medspan.models.pair_classification.scorer import SCHEMES, PairScorer

__all__ = ["SCHEMES", "PairScorer"]
