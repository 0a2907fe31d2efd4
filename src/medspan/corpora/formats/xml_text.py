"""Which characters XML can hold, for writers."""

import re
from collections.abc import Iterator

from medspan.annotation import Document
from medspan.corpora.formats.losses import Loss

__all__ = ["legal", "unwritable"]

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Return the text with U+FFFD in the place of each character that XML has no way to write, so that offsets stay."""
    return _ILLEGAL.sub("\ufffd", text)


def unwritable(document: Document) -> Iterator[Loss]:
    """Yield a loss for the text, and one for each annotation, with characters that `legal` replaces."""
    if n := len(_ILLEGAL.findall(document.text)):
        yield Loss(document.id, "characters", None, f"{n} control characters of the text become U+FFFD")
    for item in (*document.entities, *document.relations, *document.events, *document.groups):
        words = [item.label]
        words.extend(f"{a.name}{a.value}" for a in getattr(item, "attributes", ()))
        words.extend(argument.role for argument in getattr(item, "arguments", ()))
        words.append(getattr(item, "code", None) or "")
        if _ILLEGAL.search("".join(words)):
            yield Loss(document.id, "characters", item.id, "control characters of its names become U+FFFD")
