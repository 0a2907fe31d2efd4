"""Scores: predicted documents against gold ones. Documents only: no files, no models."""

from medspan.scoring.align import Alignment, Pair, align
from medspan.scoring.bootstrap import Difference, Interval
from medspan.scoring.calibration import Bin, Calibration, calibration
from medspan.scoring.counts import Counts, Tally
from medspan.scoring.render import render
from medspan.scoring.report import Report, paired_bootstrap, score
from medspan.scoring.scorers import SCORERS, Measured, Scorer

__all__ = [
    "SCORERS",
    "Alignment",
    "Bin",
    "Calibration",
    "Counts",
    "Difference",
    "Interval",
    "Measured",
    "Pair",
    "Report",
    "Scorer",
    "Tally",
    "align",
    "calibration",
    "paired_bootstrap",
    "render",
    "score",
]
