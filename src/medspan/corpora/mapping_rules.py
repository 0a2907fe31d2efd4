"""The parts of a mapping: what becomes of one source label, relation, attribute or event."""

import re
from dataclasses import dataclass

__all__ = ["Annotates", "AttributeRule", "EntityRule", "Join", "PairRule"]


@dataclass(frozen=True, slots=True)
class Join:
    """Neighbours that belong to the mention in the target's view of boundaries.

    A neighbour counts when its label is listed, a source relation named `by` leads from it to the mention (or from
    the mention to it), and nothing but `gap` stands between. The span grows neighbour by neighbour.
    """

    by: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    gap_before: re.Pattern[str]
    gap_after: re.Pattern[str]
    unless: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class EntityRule:
    """One case of a source label; the first case that applies decides.

    match: must match the whole mention, upper and lower case alike. Named groups are target labels: each group that
        matched becomes an entity of its own. None applies to every mention.
    linked: applies only to mentions that a source relation links with a mention of one of these labels.
    target: the target label, or None to leave the mention out (or when groups name the labels).
    is_masked: the mention's range is unknown territory: nothing can be learned from the absence of labels there.
    extend: grows the span to the left over text that matches, such as words of severity.
    """

    target: str | None
    match: re.Pattern[str] | None = None
    linked: tuple[str, ...] = ()
    is_masked: bool = False
    join: Join | None = None
    extend: re.Pattern[str] | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """All target labels this case can give."""
        groups = tuple(self.match.groupindex) if self.match else ()
        return groups or ((self.target,) if self.target else ())


@dataclass(frozen=True, slots=True)
class PairRule:
    """A pair of source mentions that becomes a target relation.

    heads, tails: source labels (for events: roles) of the target relation's head and tail. `is_flipped` says that the
        source relation runs the other way.
    targets: relation labels; the first that is legal for the mapped labels is taken.
    nearest: of several tails in an event, only the one nearest to the head is linked.
    unless: roles and attributes whose presence in the event forbids the relation, such as a negation.
    """

    heads: tuple[str, ...]
    tails: tuple[str, ...]
    targets: tuple[str, ...]
    is_flipped: bool = False
    nearest: bool = False
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """A source attribute as a target attribute; `default` is for mentions that do not carry the source attribute."""

    target: str
    values: tuple[tuple[str, str | None], ...]
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Annotates:
    """What the corpus annotates in full, in target labels: only there is a missing label a negative example."""

    entities: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
