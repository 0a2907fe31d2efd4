"""The report as one HTML file that needs nothing else: no script, no network."""

import base64
import hashlib
from importlib.resources import files

from medspan.scoring.mistakes.analysis import Analysis
from medspan.scoring.pages.view import page_view
from medspan.scoring.report import Report

__all__ = ["html_page"]


def html_page(
    report: Report, analysis: Analysis | None = None, *, title: str = "Scores", resamples: int = 1000, seed: int = 0
) -> str:
    """Return the page. Labels and document ids come from data: everything is escaped.

    The content security policy names the style by its hash and allows nothing else.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style = _asset("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(_asset("report.html.j2")).render(
        title=title,
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        **page_view(report, analysis, resamples=resamples, seed=seed),
    )


def _asset(name: str) -> str:
    return (files("medspan.scoring.pages") / "assets" / name).read_text(encoding="utf-8")
