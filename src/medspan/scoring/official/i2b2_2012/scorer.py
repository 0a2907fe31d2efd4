"""The scorer of the 2012 i2b2 temporal relations challenge: what is looked up in what, added up over files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import Pair, require_same_documents
from medspan.scoring.counts import Rows, Tally, tally
from medspan.scoring.official.i2b2_2012.links import Looked, look_up_links, tempeval, tlinks
from medspan.scoring.official.i2b2_2012.mentions import ATTRIBUTES, Found, look_up, tags
from medspan.scoring.scorers import Counterpart, Measured, Path

__all__ = ["I2B2_2012"]

Both = tuple[Looked, Looked]  # predicted looked up in gold, for precision; gold in predicted, for recall

MODES = ("overlap", "exact", "partial")
WAYS: Mapping[str, tuple[bool, bool]] = {  # are the links looked up closed first, are those they are looked up in
    "oo": (False, False),
    "oc": (False, True),
    "cc": (True, True),
}
LINKS = (
    "the script goes by any overlapping mentions, and by words that mentions share, and never finds links of section "
    "times, where the clean measure pairs links one to one whose ends overlap and have the same labels"
)


@dataclass(frozen=True)
class I2b2Scorer2012:
    """EVENT, TIMEX3 and TLINK under the rules of the modules beside this one.

    Precision looks up predictions in gold and recall gold in predictions, and the two need not find as many. A measure
    holds the true and false positives of the first and the false negatives of the second; where they part, its recall
    and F1 are not quite the script's, which are the figures `precision`, `recall` and `f1` under the same name.
    `average` is the script's "average P&R". `partial` counts halves: 2 for a match of the same words, 1 for an overlap.
    An attribute's `accuracy` is correct ones over all gold mentions, matched or not, as the script has it over folders.
    """

    name: str = "i2b2-2012"
    headline: Path = ("entities", "EVENT", "overlap")
    skips_missing: bool = False
    basis: str = (
        "follows the published scripts for EVENT, TIMEX3 and TLINK original against original (oo); temporal closure "
        "(tempeval, oc, cc) is re-implemented from description"
    )
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {
            ("relations", "TLINK", "oo"): Counterpart(("relations", "end_to_end", "lenient"), LINKS),
        }
    )

    def prepare(
        self, gold: Sequence[Document], predicted: Sequence[Document]
    ) -> tuple[Sequence[Document], Sequence[Document]]:
        """Refuse sides that hold different documents, as the script does; raises ScoringError that lists their ids."""
        require_same_documents(gold, predicted, "the 2012 i2b2 rules")
        return gold, predicted

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count mentions and links in every mode. A schema's symmetry is ignored."""
        looked: dict[Path, list[Both]] = {("entities", label, mode): [] for label in ATTRIBUTES for mode in MODES}
        looked.update((("relations", "TLINK", way), []) for way in ("tempeval", *WAYS))
        correct = {("attributes", label, name, "accuracy"): 0 for label, names in ATTRIBUTES.items() for name in names}
        n_gold = dict.fromkeys(ATTRIBUTES, 0)
        for pair in pairs:
            partners: list[dict[str, list[str]]] = [{}, {}]  # of gold, of predicted
            for label, names in ATTRIBUTES.items():
                gold, predicted = tags(pair.gold, label), tags(pair.predicted, label)
                by_gold, by_predicted = look_up(label, gold, predicted), look_up(label, predicted, gold)
                partners[0].update(by_gold.partners)
                partners[1].update(by_predicted.partners)
                n_gold[label] += len(gold)
                for mode in MODES:
                    both = _credited(by_predicted, mode), _credited(by_gold, mode)
                    looked["entities", label, mode].append(both)
                for name, n in zip(names, by_gold.agreements, strict=True):
                    correct["attributes", label, name, "accuracy"] += n
            left, right = tlinks(pair.gold, partners[0]), tlinks(pair.predicted, partners[1])
            looked["relations", "TLINK", "tempeval"].append(tempeval(left, right))
            for way, (closes_side, closes_other) in WAYS.items():
                both = (
                    look_up_links(right, left, closes_side=closes_side, closes_other=closes_other),
                    look_up_links(left, right, closes_side=closes_side, closes_other=closes_other),
                )
                looked["relations", "TLINK", way].append(both)
        figures: dict[Path, float] = {
            path: n / n_gold[path[1]] if n_gold[path[1]] else 0.0 for path, n in correct.items()
        }
        for path, both_sides in looked.items():
            figures.update(_figures(path, both_sides))
        return Measured({path: _tally(path[1], both_sides) for path, both_sides in looked.items()}, figures)


def _credited(found: Found, mode: str) -> Looked:
    n = len(found.credits)
    if mode == "partial":
        return Looked(2 * n, sum(found.credits))
    return Looked(n, sum(credit > (mode == "exact") for credit in found.credits))


def _tally(row: str, documents: Iterable[Both]) -> Tally:
    rows: list[Rows] = []
    for precision, recall in documents:
        counts = [precision.n_found, precision.n - precision.n_found, recall.n - recall.n_found]
        rows.append({row: counts} if any(counts) else {})
    return tally(rows)


def _figures(path: Path, documents: Sequence[Both]) -> dict[Path, float]:
    (n_predicted, n_right), (n_gold, n_found) = (
        (sum(both[side].n for both in documents), sum(both[side].n_found for both in documents)) for side in (0, 1)
    )
    precision, recall = _share(n_right, n_predicted), _share(n_found, n_gold)
    return {
        (*path, "precision"): precision,
        (*path, "recall"): recall,
        (*path, "f1"): _share(2 * precision * recall, precision + recall),
        (*path, "average"): _share(n_right + n_found, n_predicted + n_gold),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


I2B2_2012 = I2b2Scorer2012()
