"""Office notes in the product's schema, with social histories and allergies among them."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, LabelSchema
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced, shortened
from medspan.corpora.schemas import schema
from medspan.corpora.views import restrict

__all__ = ["GENRE"]


def _marked_in(schema: LabelSchema) -> LabelSchema:
    # A drug is a trigger in social histories only, which are borrowed.
    return replace(schema, events=())


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = mistyped(shortened(document, rng), rng)
    yield respaced(document, rng, lambda r: r.choice(["  ", "\u00a0", "\t"])) if traps else document


GENRE = Genre(
    "clinical",
    lambda seed, at: f"visit-{seed}-{at:05d}",
    _finish,
    high=5,
    borrowed=("events", "social", "allergies", "adverse"),
    borrowed_in_100=35,
    borrow=lambda document: restrict(document, schema("clinical"))[0],
    marked_in=_marked_in,
)
