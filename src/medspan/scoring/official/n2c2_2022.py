"""The rules of the 2022 n2c2 Track 2 evaluation script (social history events, SHAC), quirks kept.

The script is Lybarger/brat_scoring. An event is its trigger and its arguments, each with the label of its text-bound
mention; the role is never looked at. Triggers are aligned first, one to one and first fit in the order of the file
(`exact`, `overlap`), or the closest midpoints first, however far apart (`min_dist`). Arguments are compared within
aligned events only, first fit again. Arguments that carry a value (StatusTime, StatusEmploy, TypeLiving) must have the
same one: wherever they are (`label`), or also on the same (`exact`) or an overlapping span (`overlap`). All others are
spans: `exact`, `overlap`, or `partial`, which counts tokens in place of mentions and pairs every overlap.

Every row is "event|argument|value". The script counts gold (NT), predictions (NP) and matches (TP); here fn is NT - TP
and fp is NP - TP. A match counts under the gold value, so that a wrong value is an fp in one row and an fn in another,
and so that a row may hold an fp below 0 where spans with unlike values match. Partial matches pair freely and may pass
1. The outcome depends on order: of events with one trigger, the first is aligned first.

Not repeated: spaCy's tokens, in place of which `partial` counts runs of word characters and single other characters
(so figures differ a little from the script's); refusing blank notes; and the script's trouble with mentions whose words
hold a line break. Discontinuous mentions are the range they cover, as in the script.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from medspan.annotation import Document, Entity, LabelSchema
from medspan.errors import ScoringError
from medspan.scoring.align import Pair, require_same_documents
from medspan.scoring.counts import Rows, Tally, add, tally
from medspan.scoring.scorers import Counterpart, Measured, Path

__all__ = ["N2C2_2022"]

LABELLED = frozenset({"StatusTime", "StatusEmploy", "TypeLiving"})
TRIGGER_MODES = ("overlap", "exact", "min_dist")
SPAN_MODES = ("exact", "overlap", "partial")
LABELLED_MODES = ("label", "exact", "overlap")
TOKEN = re.compile(r"\w+|[^\w\s]")

FIRST_FIT = (
    "the script aligns triggers first fit in file order and compares the label of the trigger, where the clean measure "
    "forms as many pairs as possible and compares the label of the event"
)
VALUES = (
    "the script compares values by the label of the argument, within events aligned by their triggers alone, where the "
    "clean measure goes by role and pairs events as well as it can"
)

Key: TypeAlias = tuple[str, str, str]  # event, argument or "Trigger", value or "N/A"


class Part(NamedTuple):
    """A trigger or argument: its label, covering range, value and tokens."""

    label: str
    start: int
    end: int
    value: str | None
    tokens: tuple[str, ...]

    def overlaps(self, other: "Part") -> bool:
        """Say whether the two ranges share a character."""
        return self.start < other.end and other.start < self.end

    def is_at(self, other: "Part") -> bool:
        """Say whether the two ranges are the same."""
        return (self.start, self.end) == (other.start, other.end)


class Happening(NamedTuple):
    """An event as the script sees it."""

    trigger: Part
    arguments: tuple[Part, ...]


Comparison: TypeAlias = Callable[[Part, Part], int]


def _happenings(document: Document) -> list[Happening]:
    by_id: dict[str, Entity] = dict(document.by_id)
    by_id.update((event.id, by_id[event.trigger]) for event in document.events)
    parts: dict[str, Part] = {}

    def part(key: str) -> Part:
        if key not in parts:
            parts[key] = _part(document, by_id[key])
        return parts[key]

    return [Happening(part(e.trigger), tuple(part(a.target) for a in e.arguments)) for e in document.events]


def _part(document: Document, entity: Entity) -> Part:
    values = {attribute.value for attribute in entity.attributes}
    if len(values) > 1:
        raise ScoringError(
            f"document {document.id!r}: entity {entity.id} carries {len(values)} different values; "
            "the 2022 n2c2 rules take one, so keep one attribute"
        )
    tokens = tuple(TOKEN.findall(document.text, entity.start, entity.end))
    return Part(entity.label, entity.start, entity.end, next(iter(values), None), tokens)


def _key(event: str, argument: str, value: str | None) -> Key:
    return event, argument, "N/A" if value is None else value


# --- triggers ---------------------------------------------------------------------------------------------------------


def _aligned(gold: Sequence[Happening], predicted: Sequence[Happening], mode: str) -> list[tuple[int, int]]:
    """Pair the events of two sides by their triggers, one to one."""
    legal = [
        (i, j)
        for i, left in enumerate(gold)
        for j, right in enumerate(predicted)
        if left.trigger.label == right.trigger.label
    ]
    if mode == "min_dist":
        # Twice the difference of the midpoints; the sort is stable, so ties stay in file order.
        legal.sort(key=lambda ij: abs(sum(gold[ij[0]].trigger[1:3]) - sum(predicted[ij[1]].trigger[1:3])))
    else:
        meets = Part.is_at if mode == "exact" else Part.overlaps
        legal = [(i, j) for i, j in legal if meets(gold[i].trigger, predicted[j].trigger)]
    return _first_fit(legal)


def _first_fit(candidates: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    left: set[int] = set()
    right: set[int] = set()
    for i, j in candidates:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            pairs.append((i, j))
    return pairs


# --- arguments --------------------------------------------------------------------------------------------------------


def _longest_block(gold: Part, predicted: Part) -> int:
    if not gold.overlaps(predicted):
        return 0
    a, b = gold.tokens, predicted.tokens
    return SequenceMatcher(None, a, b).find_longest_match(0, len(a), 0, len(b)).size


SPAN_COMPARISONS: Mapping[str, Comparison] = {
    "exact": Part.is_at,
    "overlap": Part.overlaps,
    "partial": _longest_block,
}
LABELLED_COMPARISONS: Mapping[str, Comparison] = {
    "label": lambda gold, predicted: gold.value == predicted.value,
    "exact": lambda gold, predicted: gold.value == predicted.value and gold.is_at(predicted),
    "overlap": lambda gold, predicted: gold.value == predicted.value and gold.overlaps(predicted),
}


def _right(
    events: Iterable[tuple[Happening, Happening]], compare: Comparison, *, labelled: bool, freely: bool = False
) -> Counter[Key]:
    """Count the matches of arguments within aligned events, under the gold value; `freely` is not one to one."""
    right: Counter[Key] = Counter()
    for event, other in events:
        gold, predicted = (
            [part for part in side.arguments if (part.label in LABELLED) == labelled] for side in (event, other)
        )
        values = {
            (i, j): int(compare(a, b))
            for i, a in enumerate(gold)
            for j, b in enumerate(predicted)
            if a.label == b.label
        }
        matches = [pair for pair, value in values.items() if value]
        for i, j in matches if freely else _first_fit(matches):
            right[_key(event.trigger.label, gold[i].label, gold[i].value)] += values[i, j]
    return right


# --- counting ---------------------------------------------------------------------------------------------------------


def _triggers(events: Sequence[Happening]) -> Counter[Key]:
    return Counter(_key(e.trigger.label, "Trigger", e.trigger.value) for e in events)


def _arguments(events: Sequence[Happening], *, labelled: bool, by_token: bool = False) -> Counter[Key]:
    counted: Counter[Key] = Counter()
    for event in events:
        for part in event.arguments:
            if (part.label in LABELLED) == labelled:
                counted[_key(event.trigger.label, part.label, part.value)] += len(part.tokens) if by_token else 1
    return counted


def _rows(gold: Counter[Key], predicted: Counter[Key], matched: Counter[Key]) -> Rows:
    return {
        "|".join(key): [matched[key], predicted[key] - matched[key], gold[key] - matched[key]]
        for key in gold.keys() | predicted.keys()
    }


def _document(gold: Sequence[Happening], predicted: Sequence[Happening]) -> dict[Path, Rows]:
    """Count one document in every mode."""
    found: dict[Path, Rows] = {}
    labelled, spans, tokens = (
        (_arguments(gold, labelled=a, by_token=b), _arguments(predicted, labelled=a, by_token=b))
        for a, b in ((True, False), (False, False), (False, True))
    )
    for trigger_mode in TRIGGER_MODES:
        pairs = [(gold[i], predicted[j]) for i, j in _aligned(gold, predicted, trigger_mode)]
        right = _triggers([event for event, _ in pairs])
        found["events", "triggers", trigger_mode] = _rows(_triggers(gold), _triggers(predicted), right)
        place: Path = ("events", "arguments", trigger_mode)
        for mode, compare in SPAN_COMPARISONS.items():
            stated = tokens if mode == "partial" else spans
            right = _right(pairs, compare, labelled=False, freely=mode == "partial")
            found[*place, "span", mode] = _rows(*stated, right)
        for mode, compare in LABELLED_COMPARISONS.items():
            found[*place, "labelled", mode] = _rows(*labelled, _right(pairs, compare, labelled=True))
    return found


def _sum(parts: Iterable[Rows], *, by_argument: bool = False) -> Rows:
    rows: Rows = {}
    for part in parts:
        for name, counts in part.items():
            add(rows, name.rpartition("|")[0] if by_argument else name, *counts)
    return rows


def _overall(trigger: str, span: str, labelled: str) -> tuple[Path, Path, Path]:
    return (
        ("events", "triggers", trigger),
        ("events", "arguments", trigger, "span", span),
        ("events", "arguments", trigger, "labelled", labelled),
    )


@dataclass(frozen=True)
class N2c2Scorer2022:
    """Triggers, arguments and all together under the rules above. The challenge's own figure is `headline`.

    Rows and `by_argument`, the sums over values, are those of the script. There is no sum over everything for
    `partial`, which counts tokens.
    """

    name: str = "n2c2-2022"
    headline: Path = ("events", "overall", "overlap", "exact", "label")
    skips_missing: bool = False
    basis: str = "follows the published script, save for the tokens of partial matches, which are not spaCy's"
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {
            ("events", "triggers", "exact"): Counterpart(("events", "triggers", "strict"), FIRST_FIT),
            ("events", "triggers", "overlap"): Counterpart(("events", "triggers", "lenient"), FIRST_FIT),
            ("events", "arguments", "overlap", "labelled", "label"): Counterpart(
                ("events", "values", "lenient"), VALUES
            ),
        }
    )

    def prepare(
        self, gold: Sequence[Document], predicted: Sequence[Document]
    ) -> tuple[Sequence[Document], Sequence[Document]]:
        """Refuse sides that hold different documents, as the script does; raises ScoringError that lists their ids."""
        require_same_documents(gold, predicted, "the 2022 n2c2 rules")
        return gold, predicted

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count every mode of triggers and arguments, and the sums of every choice of modes.

        Raises ScoringError for an entity with several values.
        """
        documents = [_document(_happenings(pair.gold), _happenings(pair.predicted)) for pair in pairs]
        tallies: dict[Path, Tally] = {}

        def collect(path: Path, parts: Sequence[Path], *, by_argument: bool = False) -> None:
            tallies[path] = tally(
                [_sum([counted[part] for part in parts], by_argument=by_argument) for counted in documents]
            )

        for trigger in TRIGGER_MODES:
            for span in ("exact", "overlap"):
                for labelled in LABELLED_MODES:
                    modes = (trigger, span, labelled)
                    collect(("events", "overall", *modes), _overall(*modes))
        collect(("events", "by_argument", *self.headline[2:]), _overall(*self.headline[2:]), by_argument=True)
        for trigger in TRIGGER_MODES:
            collect(("events", "triggers", trigger), [("events", "triggers", trigger)])
            for name, argument_modes in (("span", SPAN_MODES), ("labelled", LABELLED_MODES)):
                for mode in argument_modes:
                    path = ("events", "arguments", trigger, name, mode)
                    collect(path, [path])
        return Measured(tallies)


N2C2_2022 = N2c2Scorer2022()
