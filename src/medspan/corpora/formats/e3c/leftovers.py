"""What `metadata["e3c"]` keeps for writing, checked: documents come from anywhere, and cassis makes code of names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medspan.annotation import Document
from medspan.corpora.formats.e3c.types import CUSTOM, METADATA, RESERVED, SENTENCE, TOKEN, is_feature_name
from medspan.corpora.formats.xml_text import legal

__all__ = ["Leftovers", "Other", "leftovers_of"]

_TYPE = re.compile(r"(?!uima\.)[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Other:
    """An annotation that is no mention."""

    type: str
    begin: int
    end: int
    features: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Places of sentences and tokens, other annotations, and the features of links by the id of their relation."""

    sentences: list[tuple[int, int]] = field(default_factory=list)
    tokens: list[tuple[int, int]] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    features: dict[str, str] = field(default_factory=dict)


def leftovers_of(document: Document) -> Leftovers:
    """Return what was kept of a file, without what is not as the reader gives it or lies outside the text."""
    kept = document.metadata.get("e3c")
    if not isinstance(kept, Mapping):
        return Leftovers()
    length = len(document.text)
    others = [_other(item, length) for item in _list(kept.get("others"))]
    features = kept.get("features")
    return Leftovers(
        [place for item in _list(kept.get("sentences")) if (place := _place(item, length))],
        [place for item in _list(kept.get("tokens")) if (place := _place(item, length))],
        [other for other in others if other is not None],
        {str(k): f for k, f in features.items() if _is_feature(f)} if isinstance(features, Mapping) else {},
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _place(value: Any, length: int) -> tuple[int, int] | None:
    pair = _list(value)
    if len(pair) != 2 or not all(isinstance(n, int) for n in pair) or not 0 <= pair[0] <= pair[1] <= length:
        return None
    return pair[0], pair[1]


def _is_feature(name: Any) -> bool:
    return isinstance(name, str) and is_feature_name(name) and name not in RESERVED and name != "entityID"


def _other(value: Any, length: int) -> Other | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("features"), Mapping):
        return None
    place = _place((value.get("begin"), value.get("end")), length)
    name = value.get("type")
    if place is None or not isinstance(name, str) or not _TYPE.fullmatch(name):
        return None
    # A mention in this place would come back as one more entity; no mention is empty.
    if name.startswith(CUSTOM) and name != METADATA and (place[0] < place[1] or name.endswith("Link")):
        return None
    features = {k: legal(str(v)) for k, v in value["features"].items() if isinstance(k, str) and is_feature_name(k)}
    is_plain = name == SENTENCE and not features
    if is_plain or (name == TOKEN and features in ({}, {"order": "0"})):
        return None
    return Other(name, *place, {k: v for k, v in features.items() if k not in RESERVED})
