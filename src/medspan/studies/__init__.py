"""Studies: grids of runs, kept cell by cell, and the pages, tables and plots made of them."""

from medspan.studies.grid import Cell, expand
from medspan.studies.running import Outcome, run_study, survey
from medspan.studies.study_file import Study, load_study

__all__ = ["Cell", "Outcome", "Study", "expand", "load_study", "run_study", "survey"]
