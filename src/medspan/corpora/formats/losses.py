"""What writing a document in some format would lose, told before anything is written."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from medspan.annotation import Document

__all__ = ["Loss", "refusal", "unheld"]

_N_LISTED = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that a format has no place for: left out or changed when written.

    `kind` is a plural noun (entities, relations, gaps ...), `id` that of the annotation, None where the document as
    a whole is meant. The reason never holds note text.
    """

    document: str
    kind: str
    id: str | None
    reason: str

    def __str__(self) -> str:
        owner = self.document if self.id is None else f"{self.document} {self.id}"
        return f"{owner}: {self.kind}: {self.reason}"


def unheld(document: Document, held: Set[str], own_metadata: str | None = None) -> Iterator[Loss]:
    """Yield a loss for every part of `document` whose kind is not in `held`.

    Kinds: attributes (of entities and events), codes, gaps (mentions of several fragments), nesting (mentions that
    share characters), relations, events, groups, concept_relations, metadata. The metadata key that the format
    itself uses, `own_metadata`, is never a loss.
    """
    for entity in document.entities:
        if "attributes" not in held:
            for attribute in entity.attributes:
                yield Loss(document.id, "attributes", entity.id, f"no place for attribute {attribute.name!r}")
        if "codes" not in held and entity.code is not None:
            yield Loss(document.id, "codes", entity.id, "no place for a code")
        if "gaps" not in held and len(entity.fragments) > 1:
            yield Loss(document.id, "gaps", entity.id, f"no place for a mention of {len(entity.fragments)} fragments")
    if "nesting" not in held:
        yield from _nested(document)
    for kind in ("relations", "events", "groups"):
        if kind not in held:
            for item in getattr(document, kind):
                yield Loss(document.id, kind, item.id, f"no place for {kind}")
    if "attributes" not in held and "events" in held:
        for event in document.events:
            for attribute in event.attributes:
                yield Loss(document.id, "attributes", event.id, f"no place for attribute {attribute.name!r}")
    if "concept_relations" not in held:
        for fact in document.concept_relations:
            yield Loss(document.id, "concept_relations", None, f"no place for {fact.label!r} between codes")
    if "metadata" not in held:
        for key in document.metadata:
            if key != own_metadata:
                yield Loss(document.id, "metadata", None, f"no place for metadata {key!r}")


def refusal(format_name: str, losses: list[Loss]) -> str:
    """Say what stands in the way of writing without loss, and what to do."""
    counts: dict[str, int] = {}
    for loss in losses:
        counts[loss.kind] = counts.get(loss.kind, 0) + 1
    listed = "; ".join(str(loss) for loss in losses[:_N_LISTED])
    more = f"; and {len(losses) - _N_LISTED} more" if len(losses) > _N_LISTED else ""
    return (
        f"format {format_name} would lose {', '.join(f'{n} {kind}' for kind, n in counts.items())} ({listed}{more}); "
        "give --lossy (lossy=True) to write without them, or choose a format that holds them, such as jsonl"
    )


def _nested(document: Document) -> Iterator[Loss]:
    """Name every mention that shares a character with one before it in the text."""
    fragments = sorted((f.start, -f.end, n) for n, e in enumerate(document.entities) for f in e.fragments)
    told: set[int] = set()
    reach = 0
    for start, end, n in fragments:
        if start < reach and n not in told:
            told.add(n)
            yield Loss(document.id, "nesting", document.entities[n].id, "no place for a mention that overlaps another")
        reach = max(reach, -end)
