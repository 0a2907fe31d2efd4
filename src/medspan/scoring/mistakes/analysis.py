"""Error analysis of a whole set of documents: mistakes by category and label, with examples, and label confusions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import align
from medspan.scoring.facts import Mention, RelationFact, facts
from medspan.scoring.matching import Extent
from medspan.scoring.mistakes.confusion import Confusion, confusions
from medspan.scoring.mistakes.sorting import (
    ARGUMENT_CATEGORIES,
    ENTITY_CATEGORIES,
    RELATION_CATEGORIES,
    Mistake,
    Sorted,
    argument_mistakes,
    entity_mistakes,
    relation_mistakes,
)
from medspan.scoring.restrict import Labels, restrict

__all__ = ["Analysis", "Examined", "Tallied", "analyse", "describe_item", "place_of"]

T = TypeVar("T", Mention, RelationFact)


@dataclass(frozen=True, slots=True)
class Tallied:
    """How many mistakes of one category there are, and how many gold and predicted items they hold."""

    mistakes: int = 0
    gold: int = 0
    predicted: int = 0


@dataclass(frozen=True)
class Examined(Generic[T]):
    """The items of one kind in all documents: how many are right, and every mistake with its document's id.

    `fn` and `fp` of mentions and relations equal those of `entities.strict` and `relations.end_to_end.strict` in a
    strict report on the same documents with the same labels and schema. Those of arguments equal
    `events.arguments.strict` unless several events of one label share a trigger: here it does not matter which of
    them has an argument.
    """

    categories: Mapping[str, str] = field(repr=False)
    correct: Mapping[str, int]
    mistakes: tuple[tuple[str, Mistake[T]], ...] = field(repr=False)

    @property
    def tp(self) -> int:
        """Items that are strictly right."""
        return sum(self.correct.values())

    @property
    def fn(self) -> int:
        """Gold items over all mistakes."""
        return sum(len(mistake.gold) for _, mistake in self.mistakes)

    @property
    def fp(self) -> int:
        """Predicted items over all mistakes."""
        return sum(len(mistake.predicted) for _, mistake in self.mistakes)

    def counts(self) -> dict[str, Tallied]:
        """Count by category, every category present."""
        sums = {category: [0, 0, 0] for category in self.categories}
        for _, mistake in self.mistakes:
            row = sums[mistake.category]
            row[0] += 1
            row[1] += len(mistake.gold)
            row[2] += len(mistake.predicted)
        return {category: Tallied(*row) for category, row in sums.items()}

    def labels(self) -> dict[str, dict[str, int]]:
        """Count the mistakes of each label by category: the gold label, or the predicted one where gold has none."""
        found: dict[str, Counter[str]] = {label: Counter() for label in self.correct}
        for _, mistake in self.mistakes:
            label = (mistake.gold or mistake.predicted)[0].label
            found.setdefault(label, Counter())[mistake.category] += 1
        return {label: {c: found[label][c] for c in self.categories} for label in sorted(found)}

    def examples(self, n: int) -> dict[str, list[tuple[str, Mistake[T]]]]:
        """Pick up to n mistakes of each category: the first of each document, then the second of each, and so on."""
        ranked: dict[str, list[tuple[int, str, Mistake[T]]]] = {category: [] for category in self.categories}
        seen: Counter[tuple[str, str]] = Counter()
        for document, mistake in self.mistakes:
            seen[document, mistake.category] += 1
            ranked[mistake.category].append((seen[document, mistake.category], document, mistake))
        return {
            category: [(document, mistake) for _, document, mistake in sorted(rows, key=lambda row: row[:2])[:n]]
            for category, rows in ranked.items()
        }

    def to_dict(self, n_examples: int) -> dict[str, Any]:
        """Return plain data; items are labels and offsets, never words."""
        examples = self.examples(n_examples)
        return {
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "categories": {
                category: {
                    "mistakes": tallied.mistakes,
                    "gold": tallied.gold,
                    "predicted": tallied.predicted,
                    "examples": [
                        {
                            "document": document,
                            "gold": [describe_item(item) for item in mistake.gold],
                            "predicted": [describe_item(item) for item in mistake.predicted],
                        }
                        for document, mistake in examples[category]
                    ],
                }
                for category, tallied in self.counts().items()
            },
            "labels": self.labels(),
        }


@dataclass(frozen=True)
class Analysis:
    """The mistakes of a set of predictions; `relations` and `arguments` (of events) are None where there are none."""

    documents: int
    entities: Examined[Mention]
    relations: Examined[RelationFact] | None
    arguments: Examined[RelationFact] | None
    confusion: Confusion = field(repr=False)
    n_examples: int = 10

    def sections(self) -> list[tuple[str, Examined[Mention] | Examined[RelationFact]]]:
        """Return what was looked at, each under its name."""
        found: list[tuple[str, Examined[Mention] | Examined[RelationFact]]] = [("entities", self.entities)]
        for name, examined in (("relations", self.relations), ("arguments", self.arguments)):
            if examined is not None:
                found.append((name, examined))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "documents": self.documents,
            **{name: examined.to_dict(self.n_examples) for name, examined in self.sections()},
            "confusion": self.confusion.to_dict(),
        }


def analyse(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    schema: LabelSchema | None = None,
    labels: Labels = "all",
    examples: int = 10,
) -> Analysis:
    """Sort every wrong mention, relation and argument of an event into one category of mistake.

    Documents, `schema` and `labels` are taken as `score` takes them. Neither the order of documents nor that of
    annotations changes anything. `examples` is how many of each category are shown later. Attributes are not looked
    at, nor are events without arguments. Raises ScoringError where the sides cannot be compared.
    """
    alignment, *_ = restrict(align(gold, predicted), schema, labels)
    symmetric = frozenset(r.name for r in schema.relations if r.is_symmetric) if schema else frozenset()
    mentions: list[tuple[str, Sorted[Mention]]] = []
    relations: list[tuple[str, Sorted[RelationFact]]] = []
    arguments: list[tuple[str, Sorted[RelationFact]]] = []
    labelled: Counter[tuple[str | None, str | None]] = Counter()
    for pair in alignment.pairs:
        truth, found = facts(pair.gold), facts(pair.predicted)
        mentions.append((pair.gold.id, entity_mistakes(truth.entities, found.entities)))
        labelled.update(confusions(mentions[-1][1]))
        if truth.relations or found.relations:
            relations.append((pair.gold.id, relation_mistakes(truth.relations, found.relations, symmetric)))
        if any(event.arguments for event in (*truth.events, *found.events)):
            arguments.append((pair.gold.id, argument_mistakes(truth.events, found.events)))
    return Analysis(
        len(alignment.pairs),
        _examined(ENTITY_CATEGORIES, mentions),
        _examined(RELATION_CATEGORIES, relations) if relations else None,
        _examined(ARGUMENT_CATEGORIES, arguments) if arguments else None,
        Confusion(dict(labelled)),
        examples,
    )


def _examined(categories: Mapping[str, str], found: Sequence[tuple[str, Sorted[T]]]) -> Examined[T]:
    correct = Counter(item.label for _, one in found for item in one.correct)
    return Examined(
        categories,
        dict(sorted(correct.items())),
        tuple((document, mistake) for document, one in found for mistake in one.mistakes),
    )


def describe_item(item: Mention | RelationFact) -> dict[str, Any]:
    """Return a mention or relation as plain data: labels and offsets."""
    if isinstance(item, Mention):
        return {"label": item.label, "fragments": [list(fragment) for fragment in item.extent]}
    return {"label": item.label, "head": describe_item(item.head), "tail": describe_item(item.tail)}


def place_of(item: Mention | RelationFact) -> str:
    """Write a mention or relation for people: "Drug 0-5,8-12", or "Form-Drug (Form 6-9, Drug 0-5)"."""
    if isinstance(item, Mention):
        return f"{item.label} {_offsets(item.extent)}"
    return f"{item.label} ({place_of(item.head)}, {place_of(item.tail)})"


def _offsets(extent: Extent) -> str:
    return ",".join(f"{start}-{end}" for start, end in extent)
