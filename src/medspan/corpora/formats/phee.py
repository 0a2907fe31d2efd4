"""PHEE's JSON Lines: sentences with pharmacovigilance events whose arguments nest.

Arguments have dotted roles (`Treatment.Drug`), and so are their entities labelled; a trigger is labelled by the type
of its event. An inner list is one mention in fragments. A combination of drugs is a group of its trigger and drugs,
whose parts are arguments of the event too (`Treatment.Combination.Trigger`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Span
from medspan.corpora.formats.comparison import differences
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files, lines, squeeze
from medspan.corpora.formats.targets import write_file
from medspan.errors import AnnotationError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_COMBINATION = "Treatment.Combination"
_PLAIN = ("text", "start", "entity_id", "value")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file, gzipped or not, or a folder of them.

    A line that is no record is skipped with its number. `value` of Speculated, Negated and Severity becomes an
    attribute of the event.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    for number, line in enumerate(lines(decode(content, name)), start=1):
        if not line.strip():
            continue
        problems.document = name
        try:
            yield _Reading(json.loads(line), number, problems).document()
        except AnnotationError as error:
            problems.skipped(number, str(error))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # The cause could quote the sentence.
            problems.skipped(number, f"not a PHEE record ({type(error).__name__})")


class _Reading:
    """One record on its way to a document."""

    def __init__(self, record: Mapping[str, Any], number: int, problems: Problems) -> None:
        self.record = record
        self.number = number
        self.text: str = record["context"]
        self.problems = problems
        self.problems.document = str(record["id"])
        self.entities: dict[str, Entity] = {}
        self.groups: list[Group] = []

    def document(self) -> Document:
        events = [self._event(event) for part in self.record["annotations"] for event in part["events"]]
        kept = {key: value for key, value in self.record.items() if key not in ("id", "context", "annotations")}
        return Document(
            id=str(self.record["id"]),
            text=self.text,
            entities=tuple(self.entities.values()),
            events=tuple(event for event in events if event is not None),
            groups=tuple(self.groups),
            metadata={"phee": kept},
        )

    def _event(self, record: Mapping[str, Any]) -> Event | None:
        label, event_id = record["event_type"], record["event_id"]
        triggers = self._mentions(record["Trigger"], label)
        if not triggers:
            self.problems.skipped(self.number, f"event {event_id} has no readable trigger")
            return None
        # Further triggers of one event are arguments, so that none is lost.
        arguments = [Argument("Trigger", entity) for entity in triggers[1:]]
        attributes: list[Attribute] = []
        for role, part in record.items():
            if isinstance(part, Mapping) and role != "Trigger":
                arguments.extend(self._arguments(role, part))
                if "value" in part:
                    value = part["value"]
                    attributes.append(Attribute(role, str(value).lower() if isinstance(value, bool) else str(value)))
        return Event(event_id, label, triggers[0], tuple(arguments), tuple(attributes))

    def _arguments(self, role: str, record: Mapping[str, Any]) -> Iterable[Argument]:
        if "text" in record:
            yield from (Argument(role, entity) for entity in self._mentions(record, role))
        for name, part in record.items():
            if name in _PLAIN:
                continue
            if name == "Combination":
                for combination in part:
                    yield from self._combination(combination)
            else:
                yield from self._arguments(f"{role}.{name}", part)

    def _combination(self, record: Mapping[str, Any]) -> Iterable[Argument]:
        members: list[str] = []
        for name, part in record.items():
            if isinstance(part, Mapping):
                found = list(self._arguments(f"{_COMBINATION}.{name}", part))
                members.extend(argument.target for argument in found)
                yield from found
        if members:
            self.groups.append(Group(record["event_id"], _COMBINATION, tuple(members)))

    def _mentions(self, record: Mapping[str, Any], label: str) -> list[str]:
        names = []
        for words, starts, name in zip(record["text"], record["start"], record["entity_id"], strict=True):
            pairs = sorted(zip(starts, words, strict=True))
            try:
                fragments = tuple(Span(start, start + len(word)) for start, word in pairs)
                if fragments[-1].end > len(self.text):
                    raise AnnotationError(f"a fragment ends at {fragments[-1].end}, past the end {len(self.text)}")
                found = " ".join(self.text[f.start : f.end] for f in fragments)
                if squeeze(found) != squeeze(" ".join(word for _, word in pairs)):
                    self.problems.kept(
                        self.number, f"{name}: the stated mention differs from the text at {pairs[0][0]}"
                    )
                names.append(self._entity(Entity(name, label, fragments)))
            except AnnotationError as error:
                self.problems.skipped(self.number, f"{name}: {error}")
        return names

    def _entity(self, entity: Entity) -> str:
        """Add an entity once. An id that already means another label or place gets the label as a suffix."""
        name = entity.id
        n = 1
        while name in self.entities:
            known = self.entities[name]
            if (known.label, known.fragments) == (entity.label, entity.fragments):
                return name
            n += 1
            name = f"{entity.id}.{entity.label}" if n == 2 else f"{entity.id}.{entity.label}.{n}"
        self.entities[name] = Entity(name, entity.label, entity.fragments)
        return name


def losses(document: Document) -> Iterator[Loss]:
    """Name what is gone after a round trip.

    That is relations, foreign groups, attributes and codes of entities, concept relations, foreign metadata, events as
    arguments, entities outside events or labelled otherwise than by their place in one, and the order of lists where
    it is not that of events.
    """
    back = _Reading(json.loads(_line(document)), 0, Problems(document.id)).document()
    yield from differences(document, back, "phee")


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one record a line."""
    content = bytearray()
    for document in documents:
        content += _line(document).encode("utf-8") + b"\n"
    write_file(path, bytes(content))


def _line(document: Document) -> str:
    return json.dumps(_record(document), ensure_ascii=False)


def _record(document: Document) -> dict[str, Any]:
    # PHEE labels a mention by its place: a trigger by the event, an argument by its role.
    events = [
        _event_record(document, event)
        for event in document.events
        if document.by_id[event.trigger].label == event.label
    ]
    return {
        "id": document.id,
        "context": document.text,
        **document.metadata.get("phee", {"is_mult_event": len(events) > 1}),
        "annotations": [{"events": events}],
    }


def _event_record(document: Document, event: Event) -> dict[str, Any]:
    record: dict[str, Any] = {"event_id": event.id, "event_type": event.label}
    _add(document, record.setdefault("Trigger", {}), event.trigger)
    combinations = [group for group in document.groups if group.label == _COMBINATION]
    targets = {argument.target for argument in event.arguments if argument.role.startswith(_COMBINATION)}
    for argument in event.arguments:
        target = document.by_id.get(argument.target)
        if target is None or target.label != (event.label if argument.role == "Trigger" else argument.role):
            continue
        if argument.role.startswith(f"{_COMBINATION}."):
            record.setdefault("Treatment", {}).setdefault("Combination", [])
            continue
        place = record
        for step in argument.role.split("."):
            place = place.setdefault(step, {})
        _add(document, place, argument.target)
    for group in combinations:
        if targets.issuperset(group.members):
            part: dict[str, Any] = {"event_id": group.id, "event_type": "Combination"}
            for member in group.members:
                name = document.by_id[member].label.removeprefix(f"{_COMBINATION}.")
                _add(document, part.setdefault(name, {}), member)
            record["Treatment"]["Combination"].append(part)
    for attribute in event.attributes:
        value = attribute.value == "true" if attribute.value in ("true", "false") else attribute.value
        record.setdefault(attribute.name, {"text": [], "start": [], "entity_id": []})["value"] = value
    return record


def _add(document: Document, place: dict[str, Any], target: str) -> None:
    entity = document.by_id[target]
    place.setdefault("text", []).append([document.text[f.start : f.end] for f in entity.fragments])
    place.setdefault("start", []).append([f.start for f in entity.fragments])
    place.setdefault("entity_id", []).append(entity.id.partition(".")[0])
