"""Whole notes with what identifies a person: names, places, dates, numbers."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import respaced, wrapped

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    if rng.random() < 0.5:
        document = wrapped(document, rng.randint(60, 80))
    if traps:
        document = respaced(document, rng, lambda r: r.choice(["  ", "\t", "\u00a0"]))
    yield replace(document, entities=tuple(replace(e, id=f"P{n}") for n, e in enumerate(document.entities)))


GENRE = Genre("i2b2-2014", lambda seed, at: f"{seed}{100 + at // 3}-{at % 3 + 1:02d}", _finish, low=2, high=5)
