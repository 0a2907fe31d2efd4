"""EVENT and TIMEX3 mentions compared under the rules of the 2012 i2b2 script, one side looked up in the other.

Two mentions meet when they overlap; the test is lopsided, asking for one character more where the first begins later.
They are exact when they also have the same words, whatever their offsets: words between white space, less signs that
stand alone, upper and lower case told apart. A mention without any letter, digit or underscore of ASCII meets nothing.
Every partner that a mention meets is remembered, for links; credit is given one to one, in the order of the file:

- EVENT, exact: a free partner is taken if the mention holds no exact one yet or agrees with the new one in more of
  modality, polarity and type. A partner held by an inexact match is taken away from its holder, who is left with
  nothing and not matched again.
- EVENT, inexact: a free partner is taken if the mention holds no exact one and more attributes agree than before, so
  that an inexact match without any agreeing attribute does not count at all.
- TIMEX3: a free partner is taken if its value agrees better or the value so far did not agree: the later one wins. A
  partner held by an inexact match is taken away, by exact and inexact ones alike.

A partner given up for a free one becomes free; one given up for a partner taken away does not. Discontinuous mentions
are the range they cover, for the format holds nothing else.

Not repeated: of several tags with one id the script takes the first; documents have no id twice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from string import punctuation
from typing import NamedTuple, TypeAlias

from medspan.annotation import Document, Entity
from medspan.scoring.official.i2b2_2012.values import same_value

__all__ = ["ATTRIBUTES", "Found", "Tag", "look_up", "tags"]

ATTRIBUTES = {"EVENT": ("type", "modality", "polarity"), "TIMEX3": ("type", "val", "mod")}
WORD = re.compile(r"\w", re.ASCII)
SIGNS = frozenset(punctuation) | {"&apos;", "&amp;", "&quot;", "&gt;", "&lt;"}  # ASCII, and as XML writes it
INEXACT, EXACT = 1, 2  # credit in halves

Agreement: TypeAlias = tuple[bool, ...]


class Tag(NamedTuple):
    """A mention: its id, covering range, words without lone signs, and the values of its label's attributes."""

    id: str
    start: int
    end: int
    words: tuple[str, ...]
    is_blank: bool
    values: tuple[str, ...]


@dataclass(slots=True)
class Found:
    """What looking up one side in the other gave.

    `credits` holds for each mention 0, 1 (overlap) or 2 (exact), `agreements` how many credited pairs agree in each
    attribute, and `partners` every id that each mention meets, in order.
    """

    credits: list[int] = field(default_factory=list)
    agreements: tuple[int, ...] = ()
    partners: dict[str, list[str]] = field(default_factory=dict)


def tags(document: Document, label: str) -> list[Tag]:
    """Give the mentions of one label, in file order."""
    return [_tag(document, entity, ATTRIBUTES[label]) for entity in document.entities if entity.label == label]


def _tag(document: Document, entity: Entity, names: tuple[str, ...]) -> Tag:
    text = document.text[entity.start : entity.end]
    return Tag(
        entity.id,
        entity.start,
        entity.end,
        tuple(word for word in text.split() if word not in SIGNS),
        WORD.search(text) is None,
        tuple((entity.attribute(name) or "").upper() for name in names),
    )


def _meets(tag: Tag, other: Tag) -> int:
    """Give the credit of a pair: 0 where the two do not meet."""
    if tag.is_blank or other.is_blank:
        return 0
    overlaps = tag.end > other.start if tag.start <= other.start else other.end > tag.start + 1
    return (EXACT if tag.words == other.words else INEXACT) if overlaps else 0


def _event_agreement(tag: Tag, other: Tag) -> Agreement:
    return tuple(a == b for a, b in zip(tag.values, other.values, strict=True))


def _timex_agreement(tag: Tag, other: Tag) -> Agreement:
    (kind, value, modifier), (other_kind, other_value, other_modifier) = tag.values, other.values
    return (
        kind == other_kind,
        same_value((kind, other_kind), (value, other_value), (modifier, other_modifier)),
        modifier == other_modifier,
    )


class Hold(NamedTuple):
    """What a mention holds: the credit, the agreeing attributes and the index of the partner, -1 for none."""

    credit: int
    agreement: Agreement
    partner: int


NOTHING = Hold(0, (), -1)


def _takes_event(held: Hold, new: Hold) -> bool:
    is_closer = sum(new.agreement) > sum(held.agreement)
    if new.credit == EXACT:
        return held.credit < EXACT or is_closer
    return held.credit < EXACT and is_closer


def _takes_timex(held: Hold, new: Hold) -> bool:  # noqa: ARG001
    # "Agrees better than before, or before did not agree": only a value that agreed is kept.
    return not (held.agreement and held.agreement[1])


RULES: dict[str, tuple[Callable[[Tag, Tag], Agreement], Callable[[Hold, Hold], bool], int]] = {
    # How attributes agree, when a free partner is taken, and the least credit that takes a held one away.
    "EVENT": (_event_agreement, _takes_event, EXACT),
    "TIMEX3": (_timex_agreement, _takes_timex, INEXACT),
}


def look_up(label: str, side: Sequence[Tag], other: Sequence[Tag]) -> Found:
    """Look up the mentions of one side in the other: gold in predicted for recall, predicted in gold for precision."""
    agreement_of, takes, least = RULES[label]
    found = Found()
    holds = [NOTHING] * len(side)
    holders = [-1] * len(other)
    for i, tag in enumerate(side):
        partners = found.partners.setdefault(tag.id, [])
        for j, candidate in enumerate(other):
            credit = _meets(tag, candidate)
            if not credit:
                continue
            partners.append(candidate.id)
            new = Hold(credit, agreement_of(tag, candidate), j)
            holder = holders[j]
            if holder < 0:
                if takes(holds[i], new):
                    if holds[i].partner >= 0:
                        holders[holds[i].partner] = -1
                    holds[i], holders[j] = new, i
            elif credit >= least and holds[holder].credit < EXACT:
                holds[holder] = NOTHING
                holds[i], holders[j] = new, i
    found.credits = [hold.credit for hold in holds]
    found.agreements = tuple(
        sum(hold.agreement[index] for hold in holds if hold.agreement) for index in range(len(ATTRIBUTES[label]))
    )
    return found
