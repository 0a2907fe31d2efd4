"""The rules of the 2009 i2b2 medication challenge, from their description: the program itself was not at hand.

An entry is a medication with its dosage, mode, frequency, duration and reason; here an event at the medication, whose
roles are the fields. A phrase is the white-space tokens that a mention touches, so that phrase and token measures look
at the same thing, whole or token by token.

Vertical: the distinct phrases (or tokens) of each field in a document, whichever entry they stand in. Horizontal: the
phrases (or tokens) of all fields inside aligned entries; entries are aligned one to one where their medications are
equal (by token: share one), so that the most phrases (tokens) agree, and what is not aligned is wrong. `entry` is the
hardest reading of a whole entry: right when every field of it is. System-level figures are `micro`, patient-level ones
`macro.documents`. The `list_or_narrative` field is not scored.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import Pair
from medspan.scoring.counts import Rows, Tally, add, count_equal, tally
from medspan.scoring.matching import best_assignment, components
from medspan.scoring.scorers import Counterpart, Measured, Path
from medspan.scoring.token_level import WHITESPACE

__all__ = ["I2B2_2009"]

MEDICATION = "medication"

Phrase: TypeAlias = tuple[int, ...]  # where the tokens of a phrase begin


class Slot(NamedTuple):
    """A field and a phrase that stands in it; a single token of one is a phrase of one token."""

    field: str
    phrase: Phrase


class Entry(NamedTuple):
    """The phrases of one entry, the medication's among them, sorted."""

    medication: Phrase
    phrases: tuple[Slot, ...]

    def slots(self, *, by_token: bool) -> Counter[Slot]:
        """Count what the fields hold: phrases, or the distinct tokens of each field."""
        if by_token:
            return Counter({Slot(name, (at,)) for name, phrase in self.phrases for at in phrase})
        return Counter(self.phrases)


def _entries(document: Document) -> list[Entry]:
    """Reduce events to entries, in an order of their own, so that ties do not depend on the file's."""
    by_id = {**document.by_id, **{event.id: document.by_id[event.trigger] for event in document.events}}
    known: dict[str, Phrase] = {}

    def phrase(key: str) -> Phrase:
        if key not in known:
            extent = tuple((f.start, f.end) for f in by_id[key].fragments)
            # White space alone holds no token, and yet is a mention: its place keeps it apart from others.
            known[key] = WHITESPACE.starts(document.text, extent) or (extent[0][0],)
        return known[key]

    entries: list[Entry] = []
    for event in document.events:
        medication = phrase(event.trigger)
        slots = [Slot(MEDICATION, medication), *(Slot(a.role, phrase(a.target)) for a in event.arguments)]
        entries.append(Entry(medication, tuple(sorted(slots))))
    return sorted(entries)


def _horizontal(gold: Sequence[Entry], predicted: Sequence[Entry], *, by_token: bool) -> Rows:
    """Count slots by field: those on which the best alignment of entries agrees are right."""
    left, right = ([entry.slots(by_token=by_token) for entry in side] for side in (gold, predicted))
    rows: Rows = {}
    for slots in left:
        for slot, n in slots.items():
            add(rows, slot.field, fn=n)
    for slots in right:
        for slot, n in slots.items():
            add(rows, slot.field, fp=n)
    edges = [
        [
            j
            for j, other in enumerate(predicted)
            if other.medication == entry.medication
            or (by_token and not set(other.medication).isdisjoint(entry.medication))
        ]
        for entry in gold
    ]
    for lefts, rights in components(edges, len(predicted)):
        agreed = {(i, j): left[i] & right[j] for i in lefts for j in edges[i]}
        weights = [[agreed[i, j].total() if (i, j) in agreed else 0 for j in rights] for i in lefts]
        for i, column in zip(lefts, best_assignment(weights), strict=True):
            if column >= 0:
                for slot, n in agreed.get((i, rights[column]), Counter()).items():
                    add(rows, slot.field, n, -n, -n)
    return rows


def _vertical(gold: Iterable[Entry], predicted: Iterable[Entry], *, by_token: bool) -> Rows:
    """Count the distinct slots of a document by field."""
    left, right = ({slot for entry in side for slot in entry.slots(by_token=by_token)} for side in (gold, predicted))
    return count_equal(left, right, lambda slot: slot.field)


FIELDS = (
    "a field is compared in white-space tokens, the medication being one; the clean measure compares characters, leaves"
    " the medication to the triggers, and inside events asks for entity labels as well as roles"
)


@dataclass(frozen=True)
class I2b2Scorer2009:
    """Medication entries under the rules above. The challenge's own figure is horizontal, by phrase, micro."""

    name: str = "i2b2-2009"
    headline: Path = ("events", "horizontal", "phrase")
    skips_missing: bool = False
    basis: str = "re-implemented from description"
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {
            ("events", "vertical", "phrase"): Counterpart(("events", "arguments_by_role", "strict"), FIELDS),
            ("events", "horizontal", "phrase"): Counterpart(("events", "arguments", "strict"), FIELDS),
        }
    )

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count by phrase and by token, per field and per entry."""
        sides = [(_entries(pair.gold), _entries(pair.predicted)) for pair in pairs]
        tallies: dict[Path, Tally] = {}
        for mode, by_token in (("phrase", False), ("token", True)):
            tallies["events", "horizontal", mode] = tally([_horizontal(*side, by_token=by_token) for side in sides])
        tallies["events", "horizontal", "entry"] = tally([count_equal(*side, lambda _: MEDICATION) for side in sides])
        for mode, by_token in (("phrase", False), ("token", True)):
            tallies["events", "vertical", mode] = tally([_vertical(*side, by_token=by_token) for side in sides])
        return Measured(tallies)


I2B2_2009 = I2b2Scorer2009()
