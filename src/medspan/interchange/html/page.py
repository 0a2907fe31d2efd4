"""The page around the notes: template, style and script joined into one file that needs nothing else."""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

__all__ = ["NOTES_MARK", "data_block", "page"]

# Where the notes go. The template is rendered with escaping on, so a title cannot contain it.
NOTES_MARK = "<!-- notes -->"
_SCRIPTS = ("dom.js", "colours.js", "text.js", "arcs.js", "details.js", "filter.js", "notes.js", "main.js")
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(title: str) -> tuple[str, str]:
    """Return what goes before and after the data.

    The content security policy names style and script by their hash and allows nothing else, network included.
    """
    from jinja2 import Environment, StrictUndefined

    style = _asset("viewer.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in _SCRIPTS) + "})();\n"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    template = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True).from_string(
        _asset("page.html.j2")
    )
    from markupsafe import Markup

    before, _, after = template.render(
        title=title, policy=policy, style=Markup(style), script=Markup(script), notes_mark=Markup(NOTES_MARK)
    ).partition(NOTES_MARK)
    return before, after


def data_block(element_id: str, data: Any) -> str:
    """Return data as a script element of JSON that no HTML parser can be tricked by, whatever the text says."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return f'<script type="application/json" id="{element_id}">{text}</script>\n'


def _asset(name: str) -> str:
    return (files("medspan.interchange.html") / "assets" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
