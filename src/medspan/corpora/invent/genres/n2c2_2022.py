"""Social history sections with events: shared triggers and times, repeated roles, missing arguments and values."""

from collections.abc import Iterable
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced, shortened, with_line_ends, wrapped

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = mistyped(shortened(document, rng), rng)
    if rng.random() < 0.5:
        document = wrapped(document, rng.randint(48, 80))
    if traps:
        document = respaced(document, rng, lambda r: r.choice(["  ", "\u00a0"]))
        if rng.random() < 0.05:
            document = with_line_ends(document, "\r\n")
    yield document


GENRE = Genre("n2c2-2022", lambda seed, at: f"{seed}-{at:05d}", _finish, low=1, high=1)
