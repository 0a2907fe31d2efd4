"""Change how a note looks on the page and keep its annotations: tokens parted, lines wrapped, letters mistyped."""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, Entity, Span

__all__ = ["fragmented", "mistyped", "one_line", "prefixed", "respaced", "tokenised", "with_line_ends", "wrapped"]

_TOKEN = re.compile(
    r"\|\||_+|\n"
    r"|(?:[A-Za-z]\.){2,}|\b(?:Mr|Ms|Mrs|Dr|St)\."
    r"|[+-]?\d+(?:[.,:/-]\d+)*%?|[^\W_]+(?:[-'/&][^\W_]+)*|\S"
)
_LONG_WORD = re.compile(r"\b[a-z]{6,14}\b")
_NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "i", "n": "m", "m": "n", "t": "r", "s": "d", "r": "t", "c": "v"}


def tokenised(document: Document) -> Document:
    """Part tokens by one space each, punctuation marks among them, as some corpora are; line ends stay.

    A mention that begins or ends inside a token takes the whole token.
    """
    starts: list[int] = []
    places: list[Span] = []
    text: list[str] = []
    length = 0
    for match in _TOKEN.finditer(document.text):
        token = match[0]
        if token == "\n":
            text.append(token)
            length += 1
            continue
        if text and text[-1] != "\n":
            text.append(" ")
            length += 1
        starts.append(match.start())
        places.append(Span(length, length + len(token)))
        text.append(token)
        length += len(token)

    def moved(span: Span) -> Span:
        first, last = bisect_right(starts, span.start) - 1, bisect_right(starts, span.end - 1) - 1
        return Span(places[first].start, places[last].end)

    return replace(
        document,
        text="".join(text),
        entities=tuple(replace(e, fragments=tuple(moved(f) for f in e.fragments)) for e in document.entities),
    )


def one_line(document: Document) -> Document:
    """Write line ends as spaces; run it on text that has single spaces otherwise."""
    return replace(document, text=re.sub(r"\s", " ", document.text))


def wrapped(document: Document, width: int) -> Document:
    """Break lines at `width` characters, so that mentions run over line ends; no offset moves."""
    lines = []
    for line in document.text.split("\n"):
        column = 0
        characters = list(line)
        for match in re.finditer(r" (?=\S)", line):
            following = line.find(" ", match.end())
            if (len(line) if following < 0 else following) - column > width and match.start() > column:
                characters[match.start()] = "\n"
                column = match.end()
        lines.append("".join(characters))
    return replace(document, text="\n".join(lines))


def fragmented(document: Document) -> Document:
    """Cut mentions that run over a line end into one fragment a line."""
    if "\n" not in document.text:
        return document

    def cut(entity: Entity) -> Entity:
        if not any("\n" in document.text[f.start : f.end] for f in entity.fragments):
            return entity
        pieces = [
            Span(f.start + match.start(), f.start + match.end())
            for f in entity.fragments
            for match in re.finditer(r"[^\s](?:[^\r\n]*[^\s])?", document.text[f.start : f.end])
        ]
        return replace(entity, fragments=tuple(pieces))

    return replace(document, entities=tuple(cut(e) for e in document.entities))


def mistyped(document: Document, rng: Random, in_thousand: int = 8) -> Document:
    """Mistype a few long words, inside and outside mentions, without moving an offset."""

    def mistype(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() * 1000 >= in_thousand:
            return word
        at = rng.randrange(1, len(word) - 2)
        if rng.random() < 0.6:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + _NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :]

    return replace(document, text=_LONG_WORD.sub(mistype, document.text))


def respaced(document: Document, rng: Random, widen: Callable[[Random], str]) -> Document:
    """Replace some single spaces and line ends by what `widen` gives for them, at most one in a dozen."""
    pieces: list[tuple[int, int, str]] = []
    for match in re.finditer(r" |\n|[^ \n]+", document.text):
        words = match[0]
        if words == " " and rng.random() < 0.06:
            words = widen(rng)
        elif words == "\n" and rng.random() < 0.06:
            words = " \n"
        pieces.append((match.start(), match.end(), words))
    return _exact(document, pieces)


def with_line_ends(document: Document, line_end: str) -> Document:
    r"""Write every \n as `line_end`."""
    pieces: list[tuple[int, int, str]] = []
    for match in re.finditer(r"\n|[^\n]+", document.text):
        pieces.append((match.start(), match.end(), line_end if match[0] == "\n" else match[0]))
    return _exact(document, pieces)


def prefixed(document: Document, characters: str) -> Document:
    """Put `characters` in front of the text."""
    by = len(characters)
    return replace(
        document,
        text=characters + document.text,
        entities=tuple(replace(e, fragments=tuple(f.shift(by) for f in e.fragments)) for e in document.entities),
    )


def _exact(document: Document, pieces: list[tuple[int, int, str]]) -> Document:
    """Replace pieces and move every offset by what grew before it; no fragment may begin or end inside a piece."""
    starts = [start for start, _, _ in pieces]
    grown: list[int] = []
    total = 0
    for start, end, words in pieces:
        grown.append(total)
        total += len(words) - (end - start)

    def moved(at: int) -> int:
        return at + grown[max(bisect_right(starts, at) - 1, 0)]

    return replace(
        document,
        text="".join(words for _, _, words in pieces),
        entities=tuple(
            replace(e, fragments=tuple(Span(moved(f.start), moved(f.end - 1) + 1) for f in e.fragments))
            for e in document.entities
        ),
    )
