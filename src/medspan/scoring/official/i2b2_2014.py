"""The rules of the 2014 i2b2/UTHealth de-identification track, from their description: the script was not at hand.

A mention's class is its category (the entity label) with its TYPE (the attribute). Strict: equal class and offsets.
Relaxed: equal class and start, and ends at most two characters apart. Token: the class of each word and sign that a
mention touches. All matching is one to one, relaxed matches as many as possible. Each is given for all classes and for
those of HIPAA; a mention outside them is then left out of its own side. Rows are `category.TYPE`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import Pair
from medspan.scoring.counts import Rows, Tally, add, count_equal, tally
from medspan.scoring.facts import Mention
from medspan.scoring.matching import maximum_matching
from medspan.scoring.scorers import Counterpart, Measured, Path
from medspan.scoring.token_level import WORDS, count_tokens

__all__ = ["HIPAA", "I2B2_2014"]

N_RELAXED = 2  # characters by which a relaxed match's ends may differ

# Categories whole (None) or by TYPE. The track's organisers counted every AGE and DATE, not those over 89 or finer than
# a year alone; which TYPEs of CONTACT and ID they counted is our reading of the identifiers that HIPAA names.
HIPAA: Mapping[str, frozenset[str] | None] = {
    "NAME": frozenset({"PATIENT"}),
    "LOCATION": frozenset({"STREET", "CITY", "ZIP", "ORGANIZATION"}),
    "AGE": None,
    "DATE": None,
    "CONTACT": frozenset({"PHONE", "FAX", "EMAIL"}),
    "ID": frozenset(
        {"SSN", "MEDICALRECORD", "HEALTHPLAN", "ACCOUNT", "LICENSE", "VEHICLE", "DEVICE", "BIOID", "IDNUM"}
    ),
}

CLASS = "the class is category and TYPE, where the clean measure compares the category alone"


def _mentions(document: Document, *, hipaa_only: bool) -> list[Mention]:
    found: list[Mention] = []
    for entity in document.entities:
        kind = entity.attribute("TYPE")
        if hipaa_only:
            legal = HIPAA.get(entity.label, frozenset())
            if legal is not None and kind not in legal:
                continue
        name = entity.label if kind is None else f"{entity.label}.{kind}"
        found.append(Mention(name, tuple((f.start, f.end) for f in entity.fragments)))
    return found


def _relaxed(gold: Sequence[Mention], predicted: Sequence[Mention]) -> Rows:
    """Match one to one mentions of equal class and start whose ends are close; covering ranges are compared."""
    groups: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
    for side, mentions in enumerate((gold, predicted)):
        for label, extent in mentions:
            groups.setdefault((label, extent[0][0]), ([], []))[side].append(extent[-1][1])
    rows: Rows = {}
    for (label, _), (left, right) in groups.items():
        edges = [[j for j, other in enumerate(right) if abs(end - other) <= N_RELAXED] for end in left]
        tp = sum(j >= 0 for j in maximum_matching(edges, len(right)))
        add(rows, label, tp, len(right) - tp, len(left) - tp)
    return rows


@dataclass(frozen=True)
class I2b2Scorer2014:
    """De-identification under the rules above. The track's own figure is strict micro F1 over all classes."""

    name: str = "i2b2-2014"
    headline: Path = ("entities", "strict")
    skips_missing: bool = False
    basis: str = "re-implemented from description"
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {
            ("entities", "strict"): Counterpart(("entities", "strict"), CLASS),
            ("entities", "token"): Counterpart(("entities", "token"), CLASS),
        }
    )

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count strict, relaxed and by token, over all classes and over those of HIPAA."""
        tallies: dict[Path, Tally] = {}
        for prefix, hipaa_only in ((("entities",), False), (("entities", "hipaa"), True)):
            sides = [
                (_mentions(p.gold, hipaa_only=hipaa_only), _mentions(p.predicted, hipaa_only=hipaa_only)) for p in pairs
            ]
            tallies[*prefix, "strict"] = tally([count_equal(*side, lambda mention: mention.label) for side in sides])
            tallies[*prefix, "relaxed"] = tally([_relaxed(*side) for side in sides])
            tallies[*prefix, "token"] = tally(
                [count_tokens(pair.gold.text, *side, WORDS) for pair, side in zip(pairs, sides, strict=True)]
            )
        return Measured(tallies)


I2B2_2014 = I2b2Scorer2014()
