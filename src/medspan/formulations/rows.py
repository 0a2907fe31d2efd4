"""Notes to rows: tokenized once as a whole, then cut into windows that fit the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

from medspan.annotation import Document
from medspan.formulations.tokens import TextTokenizer, Tokens
from medspan.text import Window, cut, plan_windows, sentences

__all__ = ["Row", "WindowSize", "rows"]


@dataclass(frozen=True, slots=True)
class WindowSize:
    """Tokens a window may hold, special tokens not counted, and how many the next one may see again."""

    budget: int = 190
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One window of a note and its tokens; offsets of both are relative to the window."""

    window: Window
    tokens: Tokens


def rows(documents: Sequence[Document], tokenizer: TextTokenizer, size: WindowSize) -> list[list[Row]]:
    """Cut each document into rows, in text order; a document without any token has none.

    The cut depends on the document alone, never on its neighbours.
    """
    found: list[list[Row]] = []
    for document, tokens in zip(documents, tokenizer([d.text for d in documents]), strict=True):
        if len(tokens) == 0:
            found.append([])
            continue
        text = document.text
        breaks = sentences(text)
        spans = plan_windows(breaks, tokens.starts.tolist(), len(text), size.budget, size.overlap, text=text)
        windows = cut(document, spans, breaks)
        found.append(
            [Row(window, tokens.between(span.start, span.end)) for window, span in zip(windows, spans, strict=True)]
        )
    return found
