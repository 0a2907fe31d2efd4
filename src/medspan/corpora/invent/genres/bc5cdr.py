"""Titles and abstracts with chemicals, diseases and their codes; induced diseases are facts between codes."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from zlib import crc32

from medspan.annotation import ConceptRelation, Document, Entity, LabelSchema, RelationType
from medspan.corpora.invent.genres.genre import Genre

__all__ = ["GENRE"]

_UNKNOWN = "-1"


def _marked_in(schema: LabelSchema) -> LabelSchema:
    induces = RelationType("CID", "The chemical induces the disease.", "induced by", ("Disease",), ("Chemical",))
    return replace(schema, relations=(induces,))


def _coded(entity: Entity, words: str, rng: Random, traps: bool) -> Entity:
    """Give equal words equal codes. They begin with letters that no descriptor of the real vocabulary begins with."""
    code = f"{'X' if entity.label == 'Chemical' else 'Y'}{crc32(words.lower().encode()) % 10**6:06d}"
    if traps and rng.random() < 0.04:
        code = _UNKNOWN
    elif traps and " and " in words:
        code = f"{code}|Y{crc32(words[::-1].encode()) % 10**6:06d}"
    return replace(entity, code=code)


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    entities = tuple(_coded(e, document.mention(e), rng, traps) for e in document.entities)
    code_of = {e.id: e.code or _UNKNOWN for e in entities}
    facts = dict.fromkeys(
        (code_of[r.tail], code_of[r.head])
        for r in document.relations
        if _UNKNOWN not in (code_of[r.tail], code_of[r.head])
    )
    yield replace(
        document,
        text=document.text.replace("\n", " "),
        entities=entities,
        relations=(),
        concept_relations=tuple(ConceptRelation("CID", chemical, disease) for chemical, disease in facts),
    )


GENRE = Genre(
    "bc5cdr",
    lambda seed, at: f"{seed}{at:06d}",
    _finish,
    low=1,
    high=1,
    between=" ",
    marked_in=_marked_in,
    is_shorthand=False,
)
