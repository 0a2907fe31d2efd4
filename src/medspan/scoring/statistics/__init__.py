"""Whether systems differ, and how far annotators agree."""

from medspan.scoring.statistics.agreement import Agreement, Alphas, PairAgreement, agreement
from medspan.scoring.statistics.significance import Comparison, Comparisons, adjusted, compare, paired_bootstrap

__all__ = [
    "Agreement",
    "Alphas",
    "Comparison",
    "Comparisons",
    "PairAgreement",
    "adjusted",
    "agreement",
    "compare",
    "paired_bootstrap",
]
