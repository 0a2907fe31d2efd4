"""The reading comprehension model: `network` trains it in torch, `scorer` serves its heads in numpy."""

from medspan.models.reading_comprehension.scorer import CANDIDATE_LOGIT, Found, ReadingScorer

__all__ = ["CANDIDATE_LOGIT", "Found", "ReadingScorer"]
