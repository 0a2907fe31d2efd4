"""Discharge summaries with events, times and their order; tokens parted by spaces."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, Relation
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, prefixed, respaced, shortened, tokenised

__all__ = ["GENRE"]

_LETTERS = {"EVENT": "E", "TIMEX3": "T", "SECTIME": "S"}
_LINKED_IN_100 = 70


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = tokenised(mistyped(shortened(document, rng), rng))
    if traps and rng.random() < 0.3:
        document = respaced(document, rng, lambda r: r.choice(["  ", "\u00a0"]))
    # The text of these files begins with the line end behind the opening tag.
    document = _numbered(prefixed(document, "\n"), _to_sections(document, rng))
    yield _to_nothing(document) if traps and rng.random() < 0.2 else document


def _to_sections(document: Document, rng: Random) -> list[Relation]:
    """Link most events of the history to the admission, and of the rest to the discharge."""
    times = [e for e in document.entities if e.label == "SECTIME"]
    if len(times) != 2:
        return []
    course = document.text.upper().find("HOSPITAL COURSE")
    links: list[Relation] = []
    for entity in document.entities:
        if entity.label != "EVENT" or entity.start < times[1].end or rng.random() * 100 >= _LINKED_IN_100:
            continue
        section = times[0] if course < 0 or entity.start < course else times[1]
        label = rng.choice(["BEFORE", "BEFORE", "OVERLAP"])
        links.append(Relation(f"Sectime{len(links)}", label, entity.id, section.id))
    return links


def _numbered(document: Document, links: list[Relation]) -> Document:
    """Give ids as the corpus does: E0, T0, S0, TL0, Sectime0."""
    counts = dict.fromkeys(_LETTERS, 0)
    new: dict[str, str] = {}
    for entity in document.entities:
        new[entity.id] = f"{_LETTERS[entity.label]}{counts[entity.label]}"
        counts[entity.label] += 1
    relations = [replace(r, id=f"TL{n}") for n, r in enumerate(document.relations)]
    return replace(
        document,
        entities=tuple(replace(e, id=new[e.id]) for e in document.entities),
        relations=tuple(replace(r, head=new[r.head], tail=new[r.tail]) for r in [*relations, *links]),
    )


def _to_nothing(document: Document) -> Document:
    """Add links whose other end is no tag, as the raw corpus has them: they wait in the metadata."""
    events = [e for e in document.entities if e.label == "EVENT"]
    if not events:
        return document
    links = [
        {"id": "TL900", "fromID": events[0].id, "fromText": "", "toID": "Admission", "toText": "", "type": "OVERLAP"},
        {"id": "TL901", "fromID": events[-1].id, "fromText": "", "toID": "", "toText": "", "type": "BEFORE"},
    ]
    return replace(document, metadata={"i2b2-2012": {"links": links}})


GENRE = Genre("i2b2-2012", lambda seed, at: f"{seed}{1000 + at}", _finish, low=1, high=4, between="\n")
