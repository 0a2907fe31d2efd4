"""A study's page: tables and plots from the cells that are finished."""

from medspan.studies.report.page import Written, write_report

__all__ = ["Written", "write_report"]
