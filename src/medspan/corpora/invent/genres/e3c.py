"""Case reports with clinical entities, events, times, actors, body parts and measurements."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from zlib import crc32

from medspan.annotation import Attribute, Document, Entity
from medspan.corpora.invent.genres.genre import Genre
from medspan.corpora.invent.shaping import mistyped, respaced

__all__ = ["GENRE"]

_DEFAULTS = {
    "EVENT": {
        "eventType": "N/A",
        "docTimeRel": "BEFORE",
        "polarity": "POS",
        "contextualModality": "ACTUAL",
        "contextualAspect": "N/A",
        "degree": "N/A",
        "permanence": "FINITE",
    },
    "BODYPART": {"eventiveValue": "N/A"},
}


def _finish(document: Document, rng: Random, traps: bool) -> Iterable[Document]:
    document = mistyped(document, rng)
    if traps:
        document = respaced(document, rng, lambda r: r.choice(["  ", "\u00a0"]))
    yield replace(document, entities=tuple(_completed(e, document.mention(e)) for e in document.entities))


def _completed(entity: Entity, words: str) -> Entity:
    """Add the values that go without saying, and a code of no real vocabulary to clinical entities."""
    defaults = _DEFAULTS.get(entity.label, {})
    given = {a.name: a.value for a in entity.attributes}
    values = {name: given.pop(name, value) for name, value in defaults.items()} | given
    code = f"X{crc32(words.lower().encode()) % 10**7:07d}" if entity.label == "CLINENTITY" else None
    return replace(entity, attributes=tuple(Attribute(*item) for item in sorted(values.items())), code=code)


GENRE = Genre(
    "e3c", lambda seed, at: f"EN{seed}{100000 + at}", _finish, low=1, high=2, between="\n", is_shorthand=False
)
