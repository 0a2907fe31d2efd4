"""Where the sentences of a DDI document begin and end in its text."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypedDict

from medspan.annotation import Document

__all__ = ["Sentence", "joined", "sentences_of"]


class Sentence(TypedDict):
    """One sentence: its id, or nothing, and its place in the text of the document."""

    id: str
    start: int
    end: int


def joined(sentences: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the text of a document and the [start, end) of each sentence in it.

    A space comes between two sentences where neither the end of the first nor the beginning of the second is white
    space, so that a word never grows together with another.
    """
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    length = 0
    last = " "
    for sentence in sentences:
        if sentence and not last.isspace() and not sentence[0].isspace():
            parts.append(" ")
            length += 1
        places.append((length, length + len(sentence)))
        parts.append(sentence)
        length += len(sentence)
        last = sentence[-1:] or last
    return "".join(parts), places


def sentences_of(document: Document) -> list[Sentence]:
    """Return the sentences that the document was read with, or lines where there are none that still fit it.

    Sentences fit when joining them gives the text and no mention or relation leaves its sentence.
    """
    crossed = _crossed(document)
    sentences = _kept(document)
    texts = [document.text[s["start"] : s["end"]] for s in sentences]
    expected = (document.text, [(s["start"], s["end"]) for s in sentences])
    if sentences and joined(texts) == expected and not any(crossed[s["end"]] for s in sentences):
        starts = [s["start"] for s in sentences]
        if all(e.end <= sentences[bisect_right(starts, e.start) - 1]["end"] for e in document.entities):
            return sentences
    return list(_lines(document, crossed))


def _kept(document: Document) -> list[Sentence]:
    kept = document.metadata.get("ddi")
    listed = kept.get("sentences", []) if isinstance(kept, dict) else []
    try:
        sentences = [Sentence(id=str(s["id"]), start=int(s["start"]), end=int(s["end"])) for s in listed]
    except (KeyError, TypeError, ValueError):
        return []
    return sentences if len({s["id"] for s in sentences}) == len(sentences) else []


def _lines(document: Document, crossed: Sequence[int]) -> Iterator[Sentence]:
    start = 0
    for end in range(1, len(document.text) + 1):
        is_last = end == len(document.text)
        if is_last or (document.text[end - 1] == "\n" and not crossed[end]):
            yield Sentence(id="", start=start, end=end)
            start = end


def _crossed(document: Document) -> list[int]:
    """Count, for every offset, the mentions and relations, and the orders of them, that a cut there would break."""
    changes = [0] * (len(document.text) + 2)

    def join(start: int, end: int) -> None:
        if end > start + 1:
            changes[start + 1] += 1
            changes[end] -= 1

    reach = 0
    for entity in document.entities:
        # An entity that stands before one listed earlier must share its sentence, or the order would change.
        join(entity.start, max(entity.end, reach))
        reach = max(reach, entity.end)
    reach = 0
    for relation in document.relations:
        ends = [document.by_id[name] for name in (relation.head, relation.tail) if name in document.by_id]
        if len(ends) == 2:
            start, end = min(e.start for e in ends), max(e.end for e in ends)
            join(start, max(end, reach))
            reach = max(reach, end)
    return list(accumulate(changes))
