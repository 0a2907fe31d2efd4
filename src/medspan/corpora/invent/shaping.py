"""Change how a note looks on the page and keep its annotations: tokens parted, lines wrapped, letters mistyped."""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, Entity, Span

__all__ = [
    "fragmented",
    "mistyped",
    "one_line",
    "prefixed",
    "respaced",
    "shortened",
    "tokenised",
    "with_line_ends",
    "wrapped",
]

_TOKEN = re.compile(
    r"\|\||_+|\n"
    r"|(?:[A-Za-z]\.){2,}|\b(?:Mr|Ms|Mrs|Dr|St)\."
    r"|[+-]?\d+(?:[.,:/-]\d+)*%?|[^\W_]+(?:[-'/&][^\W_]+)*|\S"
)
_SHORT_FORMS = {
    "with": "w/", "without": "w/o", "history": "hx", "patient": "pt", "Patient": "Pt", "secondary to": "2/2",
    "status post": "s/p", "follow up": "f/u", "Follow up": "F/u", "years": "yrs", "because of": "b/c of",
    "started on": "strtd on", "every day": "qday", "weeks": "wks", "evaluate": "eval", "approximately": "~",
}  # fmt: skip
_LONG_FORM = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(_SHORT_FORMS, key=len, reverse=True))})(?![\w-])")
_RESPACED = 0.04
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


def shortened(document: Document, rng: Random, in_hundred: int = 25) -> Document:
    """Write, in some notes, common words outside mentions in their short forms."""
    if rng.random() * 100 >= in_hundred:
        return document
    taken = sorted(f for e in document.entities for f in e.fragments)
    starts = [f.start for f in taken]
    reach: list[int] = []
    for fragment in taken:
        reach.append(max(fragment.end, reach[-1] if reach else 0))
    edits = []
    for match in _LONG_FORM.finditer(document.text):
        before = bisect_right(starts, match.end()) - 1
        if before < 0 or reach[before] < match.start():
            edits.append((match.start(), match.end(), _SHORT_FORMS[match[0]]))
    return _edited(document, edits)


def respaced(document: Document, rng: Random, widen: Callable[[Random], str]) -> Document:
    """Replace a few spaces by what `widen` gives for them, and put a space before a few line ends."""
    edits: list[tuple[int, int, str]] = []
    for match in re.finditer(r"(?<=\S) (?=\S)|\n", document.text):
        if rng.random() < _RESPACED:
            edits.append((match.start(), match.end(), widen(rng) if match[0] == " " else " \n"))
    return _edited(document, edits)


def with_line_ends(document: Document, line_end: str) -> Document:
    r"""Write every \n as `line_end`."""
    return _edited(document, [(m.start(), m.end(), line_end) for m in re.finditer(r"\n", document.text)])


def prefixed(document: Document, characters: str) -> Document:
    """Put `characters` in front of the text."""
    return _edited(document, [(0, 0, characters)])


def _edited(document: Document, edits: list[tuple[int, int, str]]) -> Document:
    """Replace (start, end) by words, in text order, and move every offset; no fragment begins or ends inside one."""
    if not edits:
        return document
    ends = [end for _, end, _ in edits]
    grown, pieces, at, total = [0], [], 0, 0
    for start, end, words in edits:
        pieces += [document.text[at:start], words]
        at = end
        total += len(words) - (end - start)
        grown.append(total)
    pieces.append(document.text[at:])

    def moved(span: Span) -> Span:
        last = span.end - 1
        return Span(span.start + grown[bisect_right(ends, span.start)], last + grown[bisect_right(ends, last)] + 1)

    return replace(
        document,
        text="".join(pieces),
        entities=tuple(
            Entity(e.id, e.label, tuple(moved(f) for f in e.fragments), e.attributes, e.code) for e in document.entities
        ),
    )
