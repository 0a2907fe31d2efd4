"""The kinds of invented notes that recipes train on, by the names recipes use; what they give never changes."""

from collections.abc import Mapping
from random import Random

from medspan.annotation import Document
from medspan.corpora.invent.grammar import tidy
from medspan.corpora.invent.markup import concatenate, parse
from medspan.corpora.invent.notes import note_grammar, recased, write_section
from medspan.corpora.schemas import schema
from medspan.errors import ConfigError
from medspan.registry import unknown_name

__all__ = ["KINDS", "invent"]

#: For each kind of note: its schema and the sections it may be made of, with weights.
KINDS: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "medications": ("clin", {"medications": 6, "directions": 3, "allergies": 2, "adverse": 1}),
    "plans": ("clin", {"plan": 4, "directions": 1, "results": 1}),
    "findings": ("clin", {"complaints": 3, "review": 2, "examination": 2, "history": 2, "family": 1, "results": 1}),
    "notes": ("clin", {}),
    "social": ("sdoh", {"social": 1}),
}

_NOTE_ORDER = (
    "complaints", "history", "medications", "allergies", "family", "social", "review", "examination", "results", "plan",
)  # fmt: skip


def invent(kind: str, n: int, seed: int) -> list[Document]:
    """Write `n` annotated notes of one kind; the same arguments give the same notes.

    Raises UnknownNameError for a kind that is not in KINDS, ConfigError for a negative number.
    """
    if kind not in KINDS:
        raise unknown_name("kind of invented note", kind, list(KINDS))
    if n < 0:
        raise ConfigError(f"number of invented notes: {n} is negative")
    # Each note has a generator of its own, so that a longer run starts with the notes of a shorter one.
    return [_write(kind, f"invented-{kind}-{seed}-{at:05d}", Random(f"{seed}/{kind}/{at}")) for at in range(n)]


def _write(kind: str, document_id: str, rng: Random) -> Document:
    schema_name, sections = KINDS[kind]
    grammar = note_grammar(rng)
    chosen = _note_sections(rng) if kind == "notes" else rng.choices(list(sections), list(sections.values()))
    if kind in ("medications", "plans", "findings") and rng.random() < 0.2:
        chosen = chosen + rng.choices(list(sections), list(sections.values()))
    parts: list[Document] = []
    for section in chosen:
        if parts:
            parts.append(Document("break", "\n\n"))
        of = schema("sdoh" if section == "social" else schema_name)
        part = parse(tidy(write_section(section, grammar, rng)), of, document_id)
        parts.append(part if of.name == schema_name else part.bare())
    document = recased(concatenate(parts, document_id), rng)
    return Document(
        document_id,
        document.text,
        document.entities,
        document.relations,
        document.events,
        metadata={"kind": kind, "schema": schema_name},
    )


def _note_sections(rng: Random) -> list[str]:
    # Social history stands among the other sections unannotated: substance use and work are no mentions of `clin`.
    wanted = rng.randint(2, 5)
    kept = sorted(rng.sample(range(len(_NOTE_ORDER)), wanted))
    return [_NOTE_ORDER[at] for at in kept]
