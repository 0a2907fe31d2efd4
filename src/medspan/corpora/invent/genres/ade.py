"""Single sentences of case reports with drugs, harm and doses; a third of them hold none."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.genres.genre import Genre

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:  # noqa: ARG001
    labels = {r.label for r in document.relations}
    kind = "neg1" if not labels else "1" if "Adverse-Effect" in labels else "dose1"
    # The file of doses comes after that of harm.
    relations = sorted(document.relations, key=lambda r: r.label)
    yield replace(
        document,
        id=f"{document.id}-{kind}",
        text=document.text.replace("\n", " ").strip(),
        relations=tuple(replace(r, id=f"R{n}") for n, r in enumerate(relations, start=1)),
    )


GENRE = Genre("ade", lambda seed, at: f"{seed}{at:06d}", _finish, low=1, high=1, between=" ", is_shorthand=False)
