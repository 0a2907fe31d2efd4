"""The extraction job: notes in, annotated documents out, every note accounted for."""

from medspan.apps.extract.job import ExtractOptions, ExtractResult, Stages, run_extract
from medspan.apps.extract.notes import Columns, open_sources
from medspan.apps.extract.outputs import FORMATS

__all__ = ["FORMATS", "Columns", "ExtractOptions", "ExtractResult", "Stages", "open_sources", "run_extract"]
