"""Single sentences of case reports with drugs, harm and doses; a third of them hold none."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, Relation
from medspan.corpora.invent.genres.genre import Genre

__all__ = ["GENRE"]


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:  # noqa: ARG001
    labels = {r.label for r in document.relations}
    kind = "neg1" if not labels else "1" if "Adverse-Effect" in labels else "dose1"
    # As the files list them: pairs of harm before pairs of dose, the harm or dose of a pair before its drug.
    relations = sorted(document.relations, key=lambda r: r.label)
    listed = dict.fromkeys(end for r in relations for end in (r.head, r.tail))
    new = {old: f"T{n}" for n, old in enumerate(listed, start=1)}
    yield Document(
        f"{document.id}-{kind}",
        document.text.replace("\n", " ").strip(),
        entities=tuple(replace(document.by_id[old], id=name) for old, name in new.items()),
        relations=tuple(Relation(f"R{n}", r.label, new[r.head], new[r.tail]) for n, r in enumerate(relations, start=1)),
    )


GENRE = Genre("ade", lambda seed, at: f"{seed}{at:06d}", _finish, low=1, high=1, between=" ")
