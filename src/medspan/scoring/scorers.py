"""Scorers by name: what is measured, over aligned documents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from medspan.annotation import Document, LabelSchema
from medspan.registry import Registry
from medspan.scoring import concepts, events, measures, token_level
from medspan.scoring.align import Pair
from medspan.scoring.counts import Tally
from medspan.scoring.facts import facts

__all__ = ["LENIENT", "SCORERS", "STRICT", "CleanScorer", "Counterpart", "Measured", "Path", "Preparing", "Scorer"]

Path: TypeAlias = tuple[str, ...]  # where a measure stands in the report, such as ("entities", "strict")


@dataclass(frozen=True)
class Measured:
    """The tallies of a scorer and its single figures, each at its place in the report."""

    tallies: Mapping[Path, Tally]
    figures: Mapping[Path, float] = field(default_factory=dict)


class Counterpart(NamedTuple):
    """The clean measure that asks what an official one asks, and a sentence on why the two may differ."""

    measure: Path
    why: str


class Scorer(Protocol):
    """Something that measures aligned documents. `headline` names the measure to show first."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    @property
    def headline(self) -> Path:
        """The place of the measure that sums the scorer up."""

    @property
    def skips_missing(self) -> bool:
        """Whether a gold document without a prediction is left out instead of counting as empty."""

    @property
    def basis(self) -> str:
        """What the numbers rest on: a published script's rules, a description alone, or rules of our own."""

    @property
    def counterparts(self) -> Mapping[Path, Counterpart]:
        """The clean counterpart of each official measure that has one; empty for the clean scorers themselves."""

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:
        """Count; axis 0 of every tally is the order of `pairs`."""


@runtime_checkable
class Preparing(Protocol):
    """What a scorer is, besides, when it looks at the documents of both sides before they are paired by id."""

    def prepare(
        self, gold: Sequence[Document], predicted: Sequence[Document]
    ) -> tuple[Sequence[Document], Sequence[Document]]:
        """Return the documents to pair; raises ScoringError for sides that the scorer does not compare."""


@dataclass(frozen=True)
class CleanScorer:
    """medspan's own measures: one-to-one, independent of order. Sections that neither side uses are left out."""

    name: str
    modes: tuple[str, ...]
    skips_missing: bool = False
    basis: str = "medspan's own: one-to-one, order-independent"
    counterparts: Mapping[Path, Counterpart] = field(default_factory=dict)

    @property
    def headline(self) -> Path:
        """Entities in the first mode."""
        return ("entities", self.modes[0])

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:
        """Count entities always; relations, events and attributes where gold or prediction holds any."""
        found = [(facts(pair.gold), facts(pair.predicted)) for pair in pairs]
        sides = [side for pair in found for side in pair]
        symmetric = frozenset(r.name for r in schema.relations if r.is_symmetric) if schema else frozenset()
        names = sorted({name for side in sides for carrier in side.carriers for name, _ in carrier.attributes})
        has_relations = any(side.relations for side in sides)
        has_events = any(side.events for side in sides)
        has_values = any(event.values for side in sides for event in side.events)
        tallies: dict[Path, Tally] = {}
        figures: dict[Path, float] = {}
        by_mode: list[tuple[Path, Callable[[Sequence[measures.FactPair], str], Tally]]] = [
            (("entities",), measures.entities),
            (("entities", "span"), measures.spans),
        ]
        if has_relations:
            by_mode.append((("relations", "end_to_end"), partial(measures.relations, symmetric=symmetric)))
        if has_events:
            by_mode.append((("events", "triggers"), events.triggers))
            by_mode.append((("events", "arguments"), events.arguments))
            by_mode.append((("events", "arguments_by_role"), events.arguments_by_role))
        if has_values:
            by_mode.append((("events", "values"), events.values))
        for name in names:
            by_mode.append((("attributes", name), partial(measures.attributes, name=name)))
        for path, measure in by_mode:
            for mode in self.modes:
                tallies[*path, mode] = measure(found, mode)
        if "strict" in self.modes:
            sides_of = [(gold.entities, predicted.entities) for gold, predicted in found]
            tallies["entities", "token"] = token_level.tokens([pair.gold.text for pair in pairs], sides_of)
        if any(document.concept_relations for pair in pairs for document in (pair.gold, pair.predicted)):
            tallies["relations", "concepts", "strict"] = concepts.concept_relations(pairs, symmetric)
        figures["entities", "span", "gold_touched"] = measures.touched(found)
        for name in names:
            figures["attributes", name, "accuracy_on_matched"] = measures.accuracy_on_matched(found, name)
        if has_relations and "strict" in self.modes:
            kept, out_of_gold, out_of_predicted = measures.gold_entity_relations(found, symmetric)
            tallies["relations", "gold_entities", "strict"] = kept
            figures["relations", "gold_entities", "left_out_of_gold"] = out_of_gold
            figures["relations", "gold_entities", "left_out_of_predicted"] = out_of_predicted
        return Measured(tallies, figures)


STRICT = CleanScorer("strict", ("strict", "lenient"))
LENIENT = CleanScorer("lenient", ("lenient",))

SCORERS: Registry[Scorer] = Registry(
    "scorer",
    {
        "strict": "medspan.scoring.scorers:STRICT",
        "lenient": "medspan.scoring.scorers:LENIENT",
        "i2b2-2009": "medspan.scoring.i2b2_2009:I2B2_2009",
        "i2b2-2010": "medspan.scoring.i2b2_2010:I2B2_2010",
        "i2b2-2014": "medspan.scoring.i2b2_2014:I2B2_2014",
        "n2c2-2018": "medspan.scoring.n2c2_2018:N2C2_2018",
        "n2c2-2022": "medspan.scoring.n2c2_2022:N2C2_2022",
        "radgraph": "medspan.scoring.radgraph:RADGRAPH",
    },
)
