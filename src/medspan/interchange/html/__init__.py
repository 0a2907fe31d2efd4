"""A self-contained page that shows notes with what was extracted from them."""

from medspan.interchange.html.sink import HtmlSink, write_html

__all__ = ["HtmlSink", "write_html"]
