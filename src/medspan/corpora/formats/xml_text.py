"""Which characters XML can hold, for writers."""

import re
from collections.abc import Iterator

from medspan.annotation import Document, Entity, Event
from medspan.corpora.formats.losses import Loss

__all__ = ["legal", "unwritable"]

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Return the text with U+FFFD in the place of each character that XML has no way to write, so that offsets stay."""
    return _ILLEGAL.sub("\ufffd", text)


def unwritable(document: Document, *, attributes: bool = True) -> Iterator[Loss]:
    """Yield a loss for the text, and one for each annotation, with characters that `legal` replaces.

    `attributes` says whether those of entities and events are written as they are.
    """
    if _ILLEGAL.search(document.id):
        yield Loss(document.id, "ids", None, "control characters of the document id become U+FFFD")
    if n := len(_ILLEGAL.findall(document.text)):
        yield Loss(document.id, "characters", None, f"{n} control characters of the text become U+FFFD")
    names: list[tuple[str, list[str]]] = []
    owners: list[Entity | Event] = [*document.entities, *document.events]
    for owner in owners:
        words = [owner.id, owner.label]
        words.extend([owner.code or ""] if isinstance(owner, Entity) else [a.role for a in owner.arguments])
        words.extend(word for a in owner.attributes if attributes for word in (a.name, a.value))
        names.append((owner.id, words))
    names.extend((relation.id, [relation.id, relation.label]) for relation in document.relations)
    names.extend((group.id, [group.id, group.label]) for group in document.groups)
    for key, words in names:
        if _ILLEGAL.search("".join(words)):
            yield Loss(document.id, "characters", key, "control characters of its names become U+FFFD")
    if any(_ILLEGAL.search(fact.label + fact.head_code + fact.tail_code) for fact in document.concept_relations):
        yield Loss(document.id, "concept_relations", None, "control characters of their names become U+FFFD")
