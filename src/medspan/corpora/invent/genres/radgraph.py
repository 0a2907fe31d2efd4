"""Chest x-ray reports; those of the test part were read by two labelers, who differ in places."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, one_line, respaced, tokenised

__all__ = ["GENRE"]

_SOURCES = ("MIMIC-CXR", "CheXpert")
_DIFFERS_IN_100 = 8


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = one_line(tokenised(mistyped(document, rng)))
    if rng.random() < 0.15:
        document = _in_case(document, rng.choice([str.lower, str.upper]))
    if traps and rng.random() < 0.15:
        document = respaced(document, rng, lambda r: r.choice(["\u00a0", "  "]))
    document = _numbered(document)
    split = rng.choices(("train", "dev", "test"), (7, 1, 2))[0]
    if split != "test":
        yield replace(document, metadata={"radgraph": {"data_source": _SOURCES[0], "data_split": split}})
        return
    own = {"data_source": rng.choice(_SOURCES), "data_split": split}
    for labeler, seen in (("labeler_1", document), ("labeler_2", _numbered(_second_opinion(document, rng)))):
        yield replace(
            seen,
            id=f"{document.id}#{labeler}",
            metadata={"labeler": labeler, "group": document.id, "radgraph": own},
        )


def _in_case(document: Document, change: Callable[[str], str]) -> Document:
    text = change(document.text)
    return replace(document, text=text) if len(text) == len(document.text) else document


def _second_opinion(document: Document, rng: Random) -> Document:
    """Change some labels, boundaries and links, as another reader of the report would."""
    entities = []
    for entity in document.entities:
        roll = rng.random() * 100
        if roll < _DIFFERS_IN_100 / 4:
            continue
        entities.append(_seen_otherwise(entity, document, rng) if roll < _DIFFERS_IN_100 else entity)
    label_of = {e.id: e.label for e in entities}
    relations = [
        r for r in document.relations if {r.head, r.tail} <= label_of.keys() and rng.random() * 100 >= _DIFFERS_IN_100
    ]
    return replace(document, entities=tuple(entities), relations=tuple(relations))


def _seen_otherwise(entity: Entity, document: Document, rng: Random) -> Entity:
    words = document.mention(entity).split(" ")
    if len(words) > 1 and words[0] and rng.random() < 0.5:
        return replace(entity, fragments=(Span(entity.start + len(words[0]) + 1, entity.end),))
    label = {"OBS-DP": "OBS-U", "OBS-U": "OBS-DP", "OBS-DA": "OBS-U"}.get(entity.label, entity.label)
    return replace(entity, label=label)


def _numbered(document: Document) -> Document:
    """Give ids as the corpus does: 1, 2, 3 ..., and relations in the order of what they are stored on."""
    new = {e.id: str(n) for n, e in enumerate(document.entities, start=1)}
    order = {e.id: n for n, e in enumerate(document.entities)}
    relations = sorted(document.relations, key=lambda r: order[r.head])
    return replace(
        document,
        entities=tuple(replace(e, id=new[e.id]) for e in document.entities),
        relations=tuple(Relation(f"R{n}", r.label, new[r.head], new[r.tail]) for n, r in enumerate(relations, start=1)),
    )


def _name(seed: int, at: int) -> str:
    patient = 10_000_000 + at // 2
    return f"p{patient // 1_000_000}/p{patient}/s{50_000_000 + 1000 * seed + at}.txt"


GENRE = Genre("radgraph", _name, _finish, low=1, high=2, between=" ")
