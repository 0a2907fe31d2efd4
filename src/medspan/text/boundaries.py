"""Sentence boundaries in clinical notes.

Two questions, each answered by rules that can be read on their own:

1. Does a line break end the sentence, or did the line merely wrap? (`lines.py`)
2. Inside the running text between such breaks, does a full stop, question mark, bullet or list number start a new
   sentence? (`stops.py`)

Everything is one pass over lines and one over candidate characters: time grows linearly with the text.
"""

from medspan.annotation import Span
from medspan.text.lines import running_texts
from medspan.text.stops import inner_boundaries

__all__ = ["sentences"]


def sentences(text: str) -> list[Span]:
    """Return the sentences of a note, in order and apart, without white space at their edges.

    Together they cover every character that is not white space. List items, headers and table lines count as
    sentences of their own; a hard-wrapped line does not end one. No sentence ends inside a de-identification
    placeholder in brackets. An empty or blank text has none.
    """
    spans: list[Span] = []
    for start, end in running_texts(text):
        for boundary in inner_boundaries(text, start, end):
            _append(spans, text, start, boundary)
            start = boundary
        _append(spans, text, start, end)
    return spans


def _append(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.lstrip()
    start += len(piece) - len(stripped)
    stripped = stripped.rstrip()
    if stripped:
        spans.append(Span(start, start + len(stripped)))
