"""The joint model: `network` trains it in torch, `scorer` serves its heads in numpy."""

from medspan.models.joint.scorer import CANDIDATE_LOGIT, JointScorer

__all__ = ["CANDIDATE_LOGIT", "JointScorer"]
