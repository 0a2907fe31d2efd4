"""Notes whose .ann file holds nothing to repair, doubt or keep aside: most of a corpus, read in one pass.

The result is what `meaning.document_of` gives, several times as fast; whatever is not plain is left to it. Every offset
is held against the stated mention here as there.
"""

import re
from collections.abc import Iterable, Mapping

from medspan.annotation import Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora.formats.brat.dialect import Dialect
from medspan.corpora.formats.brat.meaning import arguments_of
from medspan.corpora.formats.sources import lines, squeeze

__all__ = ["plain_document"]

_MENTION = re.compile(r"(T[\w.-]+)\t(\S+) ([0-9]{1,9}) ([0-9]{1,9})\t(.*)")
_RELATION = re.compile(r"(R[\w.-]+)\t(\S+) Arg1:([^\s:]+) Arg2:([^\s:]+)\t?")
_EVENT = re.compile(r"(E[\w.-]+)\t(\S+:[^\s:]+(?: \S+:[^\s:]+)*)")
_ATTRIBUTE = re.compile(r"[AM][\w.-]+\t(\S+) (\S+)(?: (\S+(?: \S+)*))?")

_Mentions = dict[str, tuple[str, int, int]]
_Events = dict[str, list[tuple[str, str]]]
_Relations = dict[str, tuple[str, str, str]]
_Attributes = dict[str, list[Attribute]]


def plain_document(document_id: str, text: str, annotations: str, dialect: Dialect) -> Document | None:
    """Build the document of one pair; None unless each line is a plain mention, relation, event or attribute."""
    if text.startswith("\ufeff"):
        return None
    mentions: _Mentions = {}
    events: _Events = {}
    relations: _Relations = {}
    attributes: _Attributes = {}
    for raw in lines(annotations):
        if match := _MENTION.fullmatch(raw):
            name, label, first, last, stated = match.groups()
            start, end = int(first), int(last)
            if name in mentions or not _holds(text, start, end, stated):
                return None
            mentions[name] = (label, start, end)
        elif match := _RELATION.fullmatch(raw):
            name, label, head, tail = match.groups()
            if name in relations:
                return None
            relations[name] = (label, head, tail)
        elif match := _EVENT.fullmatch(raw):
            if match[1] in events:
                return None
            events[match[1]] = [_pair(word) for word in match[2].split(" ")]
        elif match := _ATTRIBUTE.fullmatch(raw):
            given = attributes.setdefault(match[2], [])
            found = Attribute(match[1], match[3] or "true")
            if dialect.single_values and any(a.name == found.name and a.value != found.value for a in given):
                return None
            given.append(found)
        else:
            return None
    if not _are_declared(mentions, events, relations, attributes):
        return None
    return Document(
        document_id,
        text,
        tuple(
            [
                Entity(name, label, (Span(start, end),), tuple(attributes.get(name, ())))
                for name, (label, start, end) in mentions.items()
            ]
        ),
        tuple([Relation(name, *ends) for name, ends in relations.items()]),
        tuple([_event(name, pairs, attributes) for name, pairs in events.items()]),
    )


def _holds(text: str, start: int, end: int, stated: str) -> bool:
    """Say whether the range lies in the text and holds the stated words, and no white space at its edges."""
    found = text[start:end]
    if not found or end > len(text) or found[0].isspace() or found[-1].isspace():
        return False
    return found == stated or squeeze(found) == squeeze(stated)


def _are_declared(mentions: _Mentions, events: _Events, relations: _Relations, attributes: _Attributes) -> bool:
    known = mentions.keys() | events.keys() if events else mentions.keys()
    return (
        all(head in known and tail in known for _, head, tail in relations.values())
        and all(pairs[0][1] in mentions for pairs in events.values())
        and all(target in known for pairs in events.values() for _, target in pairs)
        and all(target in known for target in attributes)
    )


def _event(name: str, pairs: list[tuple[str, str]], attributes: Mapping[str, Iterable[Attribute]]) -> Event:
    label, trigger = pairs[0]
    return Event(name, label, trigger, tuple(arguments_of(pairs[1:])), tuple(attributes.get(name, ())))


def _pair(word: str) -> tuple[str, str]:
    role, _, target = word.rpartition(":")
    return role, target
