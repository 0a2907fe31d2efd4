"""Begin, inside and outside tags: the mentions that a sequence stands for, and one sequence scored against another.

Positions are tokens of the sequence, not characters. A mention begins at `B-label`, and at an `I-label` that does not
continue its own label.
"""

from collections.abc import Iterable, Sequence

from medspan.errors import ScoringError
from medspan.scoring.counts import Tally, count_equal, count_overlapping, tally
from medspan.scoring.facts import Mention

__all__ = ["mentions", "relaxed", "strict"]


def mentions(tags: Sequence[str]) -> list[Mention]:
    """Return the mentions of one sequence in order, each with one range of token positions, end exclusive.

    Raises ScoringError for a tag that is neither O nor B- or I- with a label; the message names its position.
    """
    found: list[Mention] = []
    begin, current = 0, ""
    for i, tag in enumerate(tags):
        place, _, label = tag.partition("-")
        if tag != "O" and (place not in ("B", "I") or not label):
            raise ScoringError(f"tag {i} of a sequence is not O, B-LABEL or I-LABEL")
        if current and tag != f"I-{current}":
            found.append(Mention(current, ((begin, i),)))
            current = ""
        if tag != "O" and not current:
            begin, current = i, label
    if current:
        found.append(Mention(current, ((begin, len(tags)),)))
    return found


def strict(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Tally:
    """Score mentions of equal label and tokens; a row per label, axis 0 the sequences.

    Raises ScoringError where the two sides differ in the number of sequences or of tags in one.
    """
    return tally([count_equal(*side, lambda mention: mention.label) for side in _sides(gold, predicted)])


def relaxed(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Tally:
    """Score mentions of equal label that share a token, one to one and as many as possible; otherwise as `strict`."""
    return tally([count_overlapping(*side, str) for side in _sides(gold, predicted)])


def _sides(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> Iterable[tuple[list[Mention], list[Mention]]]:
    if len(gold) != len(predicted):
        raise ScoringError(f"{len(gold)} gold sequences of tags and {len(predicted)} predicted ones: expected as many")
    for i, (left, right) in enumerate(zip(gold, predicted, strict=True)):
        if len(left) != len(right):
            raise ScoringError(f"sequence {i} has {len(left)} gold tags and {len(right)} predicted ones")
        yield mentions(left), mentions(right)
