"""The rules of the 2012 i2b2 temporal relations evaluation: EVENT and TIMEX3 mentions, their attributes, TLINKs."""

from medspan.scoring.official.i2b2_2012.scorer import I2B2_2012
from medspan.scoring.official.i2b2_2012.time_graph import TimeGraph

__all__ = ["I2B2_2012", "TimeGraph"]
