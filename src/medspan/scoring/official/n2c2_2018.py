"""The rules of the 2018 n2c2 Track 2 evaluation script, quirks kept.

Mentions are covering ranges: the gaps of discontinuous ones count as part of them. Predictions are pared in file
order: one that equals a gold item which an earlier prediction has claimed is dropped, and is then neither right nor
wrong, even where it claims another. One prediction may claim several gold items but is one true positive; false
negatives are the gold items less the true positives. So the outcome depends on order. Files without a prediction
are skipped. Files empty on both sides count as 0 in averages over files.

Not repeated: the script's reading errors, such as mentions of more than three fragments taking the place of the
line before them. It scores mentions and relations; relations are one table, for end-to-end and gold entities alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from medspan.annotation import LabelSchema
from medspan.scoring.align import Pair
from medspan.scoring.counts import Rows, Tally, add, tally
from medspan.scoring.facts import Facts, Mention, facts
from medspan.scoring.scorers import Counterpart, Measured, Path

__all__ = ["N2C2_2018"]


class Tag(NamedTuple):
    """A label and a covering range."""

    label: str
    start: int
    end: int


class Link(NamedTuple):
    """A relation label and its two ends, in order."""

    label: str
    head: Tag
    tail: Tag


T = TypeVar("T", Tag, Link)


def _tag(mention: Mention) -> Tag:
    return Tag(mention.label, mention.extent[0][0], mention.extent[-1][1])


def _tags(stated: Facts) -> list[Tag]:
    return [_tag(mention) for mention in stated.entities]


def _links(stated: Facts) -> list[Link]:
    return [Link(r.label, _tag(r.head), _tag(r.tail)) for r in stated.relations]


def _same_tag(a: Tag, b: Tag) -> bool:
    return a == b


def _overlapping_tag(a: Tag, b: Tag) -> bool:
    return a.label == b.label and a.end > b.start and a.start < b.end


def _same_link(a: Link, b: Link) -> bool:
    return a == b


def _overlapping_link(a: Link, b: Link) -> bool:
    return a.label == b.label and _overlapping_tag(a.head, b.head) and _overlapping_tag(a.tail, b.tail)


def _rows(gold: Sequence[T], predicted: Sequence[T], is_equal: Callable[[T, T], bool]) -> tuple[Rows, int]:
    """Count by label, and count what is dropped: equal items have equal labels, so labels can be pared apart."""
    rows: Rows = {}
    n_dropped = 0
    for label in dict.fromkeys(item.label for item in (*gold, *predicted)):
        right, found = ([item for item in side if item.label == label] for side in (gold, predicted))
        is_claimed = [False] * len(right)
        tp = fp = 0
        for item in found:
            equal = [i for i, other in enumerate(right) if is_equal(item, other)]
            is_dropped = any(is_claimed[i] for i in equal)
            for i in equal:
                is_claimed[i] = True
            n_dropped += is_dropped
            tp += bool(equal) and not is_dropped
            fp += not equal
        add(rows, label, tp, fp, len(right) - tp)
    return rows, n_dropped


PARING = (
    "the script drops a prediction that touches gold claimed before, lets one prediction claim several, and compares "
    "covering ranges; the clean measure matches one to one and compares fragments"
)
SYMMETRY = "; the script keeps the order of ends, where the clean measure follows the schema's word on symmetry"


def _counterparts() -> dict[Path, Counterpart]:
    places: list[tuple[Path, str]] = [(("entities",), PARING), (("relations", "end_to_end"), PARING + SYMMETRY)]
    return {(*place, mode): Counterpart((*place, mode), why) for place, why in places for mode in ("strict", "lenient")}


@dataclass(frozen=True)
class N2c2Scorer:
    """Mentions and relations under the rules above. The challenge's own figure is lenient micro F1."""

    name: str = "n2c2-2018"
    headline: Path = ("entities", "lenient")
    skips_missing: bool = True
    basis: str = "follows the published script"
    counterparts: Mapping[Path, Counterpart] = field(default_factory=_counterparts)

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count both modes, and how many predictions each drops; relations only where either side holds any.

        A schema's symmetry is ignored.
        """
        tags: list[tuple[list[Tag], list[Tag]]] = []
        links: list[tuple[list[Link], list[Link]]] = []
        for pair in pairs:
            gold, predicted = (facts(document, with_carriers=False) for document in (pair.gold, pair.predicted))
            tags.append((_tags(gold), _tags(predicted)))
            links.append((_links(gold), _links(predicted)))
        tallies: dict[Path, Tally] = {}
        figures: dict[Path, float] = {}

        def collect(path: Path, sides: Iterable[tuple[list[T], list[T]]], is_equal: Callable[[T, T], bool]) -> None:
            counted = [_rows(*side, is_equal) for side in sides]
            tallies[path] = tally([rows for rows, _ in counted], averages_empty=True)
            figures[*path, "dropped"] = sum(n for _, n in counted)

        collect(("entities", "strict"), tags, _same_tag)
        collect(("entities", "lenient"), tags, _overlapping_tag)
        if any(gold_links or predicted_links for gold_links, predicted_links in links):
            collect(("relations", "end_to_end", "strict"), links, _same_link)
            collect(("relations", "end_to_end", "lenient"), links, _overlapping_link)
        return Measured(tallies, figures)


N2C2_2018 = N2c2Scorer()
