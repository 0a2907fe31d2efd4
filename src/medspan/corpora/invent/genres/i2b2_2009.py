"""Discharge summaries with medication entries, in lists and in prose; tokens parted by spaces."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced, shortened, tokenised

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = tokenised(mistyped(shortened(document, rng), rng))
    if traps and rng.random() < 0.5:
        document = respaced(document, rng, lambda r: r.choice(["  ", "   ", "\u00a0"]))
    yield replace(document, text=f"{document.text}\n") if rng.random() < 0.7 else document


GENRE = Genre("i2b2-2009", lambda seed, at: f"{seed}{100000 + at}", _finish, between="\n")
