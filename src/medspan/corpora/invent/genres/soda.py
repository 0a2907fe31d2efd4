"""Social determinants of health with the SODA labels: triggers and what is said about them."""

from collections.abc import Iterable
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced, shortened

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = mistyped(shortened(document, rng), rng)
    yield respaced(document, rng, lambda r: r.choice(["  ", "\u00a0"])) if traps else document


GENRE = Genre("soda", lambda seed, at: f"patient-{seed}-{at // 3:05d}/note-{at % 3}", _finish, low=1, high=2)
