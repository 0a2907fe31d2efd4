"""Reports for people: Markdown, JSON, and a self-contained HTML page."""

from medspan.scoring.pages.page import html_page
from medspan.scoring.pages.tables import agreement_tables, analysis_tables, comparison_tables
from medspan.scoring.pages.write import REPORT_FORMATS, report_format, report_text, write_report

__all__ = [
    "REPORT_FORMATS",
    "agreement_tables",
    "analysis_tables",
    "comparison_tables",
    "html_page",
    "report_format",
    "report_text",
    "write_report",
]
