"""Leaflet sections and abstracts, a sentence a line, with drugs and their interactions."""

from collections.abc import Iterable
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = mistyped(document, rng)
    yield respaced(document, rng, lambda r: r.choice(["  ", "\u00a0"])) if traps else document


GENRE = Genre(
    "ddi", lambda seed, at: f"invented-{seed}-{at:05d}_ddi", _finish, low=1, high=2, between="\n", is_shorthand=False
)
