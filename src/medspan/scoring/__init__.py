"""Scores: predicted documents against gold ones. Documents only: no files, no models."""

from medspan.scoring.align import Alignment, Pair, align
from medspan.scoring.bootstrap import Difference, Interval
from medspan.scoring.calibration import Bin, Calibration, calibration
from medspan.scoring.counts import Counts, Tally
from medspan.scoring.mistakes.analysis import Analysis, analyse
from medspan.scoring.mistakes.confusion import Confusion
from medspan.scoring.pages import report_format, report_text, write_report
from medspan.scoring.render import render
from medspan.scoring.report import Disagreement, Report, score
from medspan.scoring.scorers import SCORERS, Measured, Scorer
from medspan.scoring.statistics.agreement import Agreement, Alphas, PairAgreement, agreement
from medspan.scoring.statistics.significance import Comparison, Comparisons, adjusted, compare, paired_bootstrap

__all__ = [
    "SCORERS",
    "Agreement",
    "Alignment",
    "Alphas",
    "Analysis",
    "Bin",
    "Calibration",
    "Comparison",
    "Comparisons",
    "Confusion",
    "Counts",
    "Difference",
    "Disagreement",
    "Interval",
    "Measured",
    "Pair",
    "PairAgreement",
    "Report",
    "Scorer",
    "Tally",
    "adjusted",
    "agreement",
    "align",
    "analyse",
    "calibration",
    "compare",
    "paired_bootstrap",
    "render",
    "report_format",
    "report_text",
    "score",
    "write_report",
]
