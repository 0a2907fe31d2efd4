"""Discharge summaries with problems, treatments and tests: one sentence a line, tokens parted by spaces."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced, shortened, tokenised

__all__ = ["GENRE"]

_WIDE = ("  ", "   ", "  ", "\u00a0")


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = tokenised(mistyped(shortened(document, rng), rng))
    if traps and rng.random() < 0.5:
        document = respaced(document, rng, lambda r: r.choice(_WIDE))
    if rng.random() < 0.7:
        document = replace(document, text=f"{document.text}\n")
    yield document


GENRE = Genre("i2b2-2010", lambda seed, at: f"record-{seed}-{at:05d}", _finish, low=2, high=6, between="\n")
