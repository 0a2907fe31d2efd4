"""What is wrong with each wrong annotation, and which labels are taken for which."""

from medspan.scoring.mistakes.analysis import Analysis, analyse
from medspan.scoring.mistakes.confusion import Confusion

__all__ = ["Analysis", "Confusion", "analyse"]
