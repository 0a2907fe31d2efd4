"""Scorers by name: what is measured, over aligned documents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from medspan.annotation import Document, LabelSchema
from medspan.registry import Registry
from medspan.scoring import events, measures
from medspan.scoring.align import Pair
from medspan.scoring.concepts import concept_relations
from medspan.scoring.counts import Collector, Rows, Tally
from medspan.scoring.facts import Facts, facts
from medspan.scoring.token_level import WORDS, count_tokens

__all__ = ["LENIENT", "SCORERS", "STRICT", "CleanScorer", "Counterpart", "Measured", "Path", "Preparing", "Scorer"]

Count: TypeAlias = Callable[[Facts, Facts], Rows]  # gold and predicted facts of one document
Path: TypeAlias = tuple[str, ...]  # where a measure stands in the report, such as ("entities", "strict")


@dataclass(frozen=True)
class Measured:
    """The tallies of a scorer and its single figures, each at its place in the report."""

    tallies: Mapping[Path, Tally]
    figures: Mapping[Path, float] = field(default_factory=dict)


class CountInMode(Protocol):
    """Counts one document in the mode asked for."""

    def __call__(self, gold: Facts, predicted: Facts, mode: str) -> Rows: ...


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
        """The clean counterpart of each official measure that has one."""

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
        symmetric = frozenset(r.name for r in schema.relations if r.is_symmetric) if schema else frozenset()
        used = Used.of(pairs)
        is_strict = "strict" in self.modes
        counted = {path: (Collector(), count) for path, count in self._measures(used, symmetric).items()}
        tokens, given = Collector(), Collector()
        n_gold = n_touched = out_of_gold = out_of_predicted = 0
        right = dict.fromkeys(used.attributes, 0)
        matched = dict.fromkeys(used.attributes, 0)
        for pair in pairs:
            gold, predicted = (facts(d, with_carriers=bool(used.attributes)) for d in (pair.gold, pair.predicted))
            for collector, count in counted.values():
                collector.add(count(gold, predicted))
            n_gold += len(gold.entities)
            n_touched += measures.n_touched(gold, predicted)
            for name in used.attributes:
                n_right, n_matched = measures.right_and_matched(gold, predicted, name)
                right[name] += n_right
                matched[name] += n_matched
            if is_strict:
                tokens.add(count_tokens(pair.gold.text, gold.entities, predicted.entities, WORDS))
                rows, n_gold_out, n_predicted_out = measures.gold_entity_relations(gold, predicted, symmetric)
                given.add(rows)
                out_of_gold += n_gold_out
                out_of_predicted += n_predicted_out
        tallies = {path: collector.tally() for path, (collector, _) in counted.items()}
        figures: dict[Path, float] = {("entities", "span", "gold_touched"): _share(n_touched, n_gold)}
        for name in used.attributes:
            figures["attributes", name, "accuracy_on_matched"] = _share(right[name], matched[name])
        if is_strict:
            tallies["entities", "token"] = tokens.tally()
        if is_strict and used.relations:
            tallies["relations", "gold_entities", "strict"] = given.tally()
            figures["relations", "gold_entities", "left_out_of_gold"] = out_of_gold
            figures["relations", "gold_entities", "left_out_of_predicted"] = out_of_predicted
        sections = list(dict.fromkeys(path[0] for path in tallies))
        return Measured(dict(sorted(tallies.items(), key=lambda item: sections.index(item[0][0]))), figures)

    def _measures(self, used: "Used", symmetric: frozenset[str]) -> dict[Path, Count]:
        """Say what to count where."""
        by_mode: dict[Path, CountInMode] = {("entities",): measures.entities, ("entities", "span"): measures.spans}
        if used.relations:
            by_mode["relations", "end_to_end"] = partial(measures.relations, symmetric=symmetric)
        if used.events:
            by_mode["events", "triggers"] = events.triggers
            by_mode["events", "arguments"] = events.arguments
            by_mode["events", "arguments_by_role"] = events.arguments_by_role
        if used.values:
            by_mode["events", "values"] = events.values
        for name in used.attributes:
            by_mode["attributes", name] = partial(measures.attributes, name=name)
        found: dict[Path, Count] = {
            (*path, mode): partial(count, mode=mode) for path, count in by_mode.items() for mode in self.modes
        }
        if used.concepts and "strict" in self.modes:
            found["relations", "concepts", "strict"] = partial(concept_relations, symmetric=symmetric)
        return found


@dataclass(frozen=True, slots=True)
class Used:
    """What any document of either side holds, so that other sections stay out of the report."""

    relations: bool
    events: bool
    values: bool
    concepts: bool
    attributes: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "Used":
        """Look through both sides."""
        documents = [document for pair in pairs for document in (pair.gold, pair.predicted)]
        names = {a.name for d in documents for e in d.entities for a in e.attributes}
        names.update(a.name for d in documents for e in d.events for a in e.attributes)
        return cls(
            relations=any(d.relations for d in documents),
            events=any(d.events for d in documents),
            values=bool(names) and any(e.values for d in documents if d.events for e in facts(d).events),
            concepts=any(d.concept_relations for d in documents),
            attributes=tuple(sorted(names)),
        )


def _share(n: int, of: int) -> float:
    return n / of if of else 0.0


STRICT = CleanScorer("strict", ("strict", "lenient"))
LENIENT = CleanScorer("lenient", ("lenient",))

SCORERS: Registry[Scorer] = Registry(
    "scorer",
    {
        "strict": "medspan.scoring.scorers:STRICT",
        "lenient": "medspan.scoring.scorers:LENIENT",
        "i2b2-2009": "medspan.scoring.official.i2b2_2009:I2B2_2009",
        "i2b2-2010": "medspan.scoring.official.i2b2_2010:I2B2_2010",
        "i2b2-2012": "medspan.scoring.official.i2b2_2012:I2B2_2012",
        "i2b2-2014": "medspan.scoring.official.i2b2_2014:I2B2_2014",
        "n2c2-2018": "medspan.scoring.official.n2c2_2018:N2C2_2018",
        "n2c2-2022": "medspan.scoring.official.n2c2_2022:N2C2_2022",
        "radgraph": "medspan.scoring.official.radgraph:RADGRAPH",
    },
)
