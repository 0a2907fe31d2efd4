"""Discharge summaries with drugs, their details, reasons and harm, in wrapped lines."""

from collections.abc import Iterable
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import fragmented, mistyped, prefixed, respaced, shortened, with_line_ends, wrapped
from medspan.corpora.label_sets import view

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = wrapped(mistyped(shortened(document, rng), rng), rng.randint(60, 82))
    if traps:
        document = respaced(document, rng, lambda r: r.choice(["  ", "\u00a0", "\t"]))
        if rng.random() < 0.05:
            document = with_line_ends(document, "\r\n")
        if rng.random() < 0.02:
            document = prefixed(document, "\ufeff")
    yield fragmented(document) if rng.random() < 0.8 else document


GENRE = Genre(
    "n2c2-2018",
    lambda seed, at: f"{seed}{100000 + at}",
    _finish,
    borrowed=("medications", "directions", "allergies", "adverse"),
    borrowed_in_100=30,
    borrow=lambda document: view(document, "n2c2-2018"),
)
