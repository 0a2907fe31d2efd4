"""What a job has done so far: notes by outcome, characters, and annotations by label."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from medspan.annotation import Document

__all__ = ["Tally"]


@dataclass
class Tally:
    """Counts of a job. Every note read is either done or quarantined."""

    done: int = 0
    quarantined: int = 0
    characters: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    assertion: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    coded: int = 0

    @property
    def read(self) -> int:
        """Notes that came in."""
        return self.done + self.quarantined

    def add(self, document: Document) -> None:
        """Count an annotated note."""
        self.done += 1
        self.characters += len(document.text)
        for entity in document.entities:
            self.entities[entity.label] += 1
            self.coded += entity.code is not None
            for attribute in entity.attributes:
                if attribute.name == "assertion":
                    self.assertion[attribute.value] += 1
        self.relations.update(relation.label for relation in document.relations)
        self.events.update(event.label for event in document.events)

    def found(self) -> dict[str, dict[str, int]]:
        """Return the annotations by kind and label, most frequent first."""
        kinds: dict[str, Counter[str]] = {
            "entities": self.entities,
            "assertion": self.assertion,
            "relations": self.relations,
            "events": self.events,
        }
        return {kind: dict(counts.most_common()) for kind, counts in kinds.items()}

    def notes(self) -> dict[str, Any]:
        """Return the notes by outcome."""
        return {"read": self.read, "done": self.done, "quarantined": self.quarantined}
