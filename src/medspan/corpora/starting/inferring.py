"""A label schema out of annotated documents: what occurs is legal, and definitions are left to be written."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from medspan.annotation import (
    Attribute,
    AttributeType,
    Document,
    EntityType,
    EventType,
    LabelSchema,
    RelationType,
    RoleType,
)
from medspan.errors import CorpusError

__all__ = ["Tally", "infer_schema", "is_placeholder", "placeholder"]

K = TypeVar("K")

# An attribute with more values than this is taken for an open one, as dates and normalized numbers are.
MOST_VALUES = 30


def placeholder(name: str) -> str:
    """Return the text that stands where a definition is to be written."""
    return f"(describe {name} here)"


def is_placeholder(definition: str) -> bool:
    """Tell whether a definition is still to be written."""
    return definition.startswith("(describe ") and definition.endswith(" here)")


@dataclass
class _Carried:
    """One attribute on one label: its values, how many carry it, and whether any stands on an event."""

    values: Counter[str] = field(default_factory=Counter)
    n_carriers: int = 0
    on_events: bool = False


class Tally:
    """What occurs in documents, counted one document at a time."""

    def __init__(self) -> None:
        self.n_documents = 0
        self.entities: Counter[str] = Counter()
        self.attributes: dict[tuple[str, str], _Carried] = defaultdict(_Carried)
        self.relations: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.events: Counter[str] = Counter()
        self.triggers: dict[str, Counter[str]] = defaultdict(Counter)
        self.roles: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        self.filled: dict[str, Counter[str]] = defaultdict(Counter)
        self.groups: Counter[str] = Counter()
        self.concept_relations: Counter[str] = Counter()

    def add(self, document: Document) -> None:
        """Count what a document holds."""
        self.n_documents += 1
        label_of = {entity.id: entity.label for entity in document.entities}
        label_of.update((event.id, label_of[event.trigger]) for event in document.events)
        for entity in document.entities:
            self.entities[entity.label] += 1
            self._attributes(entity.attributes, entity.label, on_event=False)
        for relation in document.relations:
            self.relations[relation.label][label_of[relation.head], label_of[relation.tail]] += 1
        for event in document.events:
            self.events[event.label] += 1
            self.triggers[event.label][label_of[event.trigger]] += 1
            self._attributes(event.attributes, label_of[event.trigger], on_event=True)
            for argument in event.arguments:
                self.roles[event.label][argument.role][label_of[argument.target]] += 1
            self.filled[event.label].update({argument.role for argument in event.arguments})
        self.groups.update(group.label for group in document.groups)
        self.concept_relations.update(relation.label for relation in document.concept_relations)

    def _attributes(self, attributes: Sequence[Attribute], label: str, on_event: bool) -> None:
        for attribute in attributes:
            self.attributes[attribute.name, label].values[attribute.value] += 1
        for name in {attribute.name for attribute in attributes}:
            self.attributes[name, label].n_carriers += 1
            self.attributes[name, label].on_events |= on_event


def infer_schema(documents: Iterable[Document], name: str) -> tuple[LabelSchema, Tally]:
    """Return the schema that allows what occurs in `documents`, and the counts behind it.

    Labels come in order of frequency. A label, pair or role that occurs at all is legal. A role is required where
    every event of its label has it, an attribute where every mention of its labels has it; one with more than
    `MOST_VALUES` values is open. Raises CorpusError where nothing is annotated.
    """
    tally = Tally()
    for document in documents:
        tally.add(document)
    if not tally.entities:
        raise CorpusError(
            f"corpus {name}: {tally.n_documents} documents were read and none has an annotation; is the format right?"
        )
    return _schema(tally, name), tally


def _schema(tally: Tally, name: str) -> LabelSchema:
    return LabelSchema(
        name,
        tuple(EntityType(label, placeholder(label), _words(label)) for label in _ordered(tally.entities)),
        tuple(_attribute_types(tally)),
        tuple(
            RelationType(
                label,
                placeholder(label),
                _words(label),
                tuple(_ordered(_ends(pairs, 0))),
                tuple(_ordered(_ends(pairs, 1))),
            )
            for label, pairs in _by_size(tally.relations)
        ),
        tuple(_event_type(tally, label) for label in _ordered(tally.events)),
    )


def _event_type(tally: Tally, label: str) -> EventType:
    roles = tuple(
        RoleType(
            role,
            placeholder(f"{label} {role}"),
            _words(role),
            tuple(_ordered(fillers)),
            is_required=tally.filled[label][role] == tally.events[label],
        )
        for role, fillers in _by_size(tally.roles[label])
    )
    return EventType(label, placeholder(label), _words(label), _ordered(tally.triggers[label])[0], roles)


def _attribute_types(tally: Tally) -> Iterable[AttributeType]:
    """Give an attribute to the labels that carry it; labels whose values have nothing in common have one each."""
    carried: dict[str, dict[str, _Carried]] = defaultdict(dict)
    for (name, label), found in tally.attributes.items():
        carried[name][label] = found
    for name in sorted(carried):
        for labels in _sharing({label: set(found.values) for label, found in carried[name].items()}):
            values = sum((carried[name][label].values for label in labels), start=Counter[str]())
            is_optional = any(
                carried[name][label].on_events or carried[name][label].n_carriers < tally.entities[label]
                for label in labels
            )
            listed = tuple(_ordered(values)) if len(values) <= MOST_VALUES else ()
            yield AttributeType(name, placeholder(name), _words(name), listed, tuple(labels), is_optional)


def _sharing(values: Mapping[str, set[str]]) -> list[list[str]]:
    """Sort labels into sets of those that share values, directly or through others."""
    sets: list[tuple[list[str], set[str]]] = []
    for label in sorted(values):
        joined, known = [label], set(values[label])
        apart = []
        for others, theirs in sets:
            if theirs & values[label]:
                joined, known = [*others, *joined], known | theirs
            else:
                apart.append((others, theirs))
        sets = [*apart, (joined, known)]
    return [sorted(labels) for labels, _ in sets]


def _ends(pairs: Counter[tuple[str, str]], side: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for pair, n in pairs.items():
        counts[pair[side]] += n
    return counts


def _ordered(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda key: (-counts[key], key))


def _by_size(table: Mapping[str, Counter[K]]) -> list[tuple[str, Counter[K]]]:
    return sorted(table.items(), key=lambda item: (-item[1].total(), item[0]))


def _words(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").replace(".", " ").lower().split()) or name
