"""What a round trip through a format promises: equal but for ids renumbered, or else every difference is named."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medspan.annotation import Document, Entity, Event
from medspan.corpora.formats import FORMATS, Loss, Problem, read, write

__all__ = ["assert_round_trip", "renumbered", "same"]

# Losses of these kinds leave an entity's label and place as they were.
DETAILS = {"attributes", "codes"}


def renumbered(document: Document, own_metadata: str | None = None) -> Document:
    """Give every annotation an id by its place (T1, R1, E1, G1 ...) and drop the format's own metadata key."""
    ids: dict[str, str] = {}
    for letter, items in (
        ("T", document.entities),
        ("R", document.relations),
        ("E", document.events),
        ("G", document.groups),
    ):
        ids.update((item.id, f"{letter}{n}") for n, item in enumerate(items, start=1))
    return replace(
        document,
        entities=tuple(replace(e, id=ids[e.id]) for e in document.entities),
        relations=tuple(replace(r, id=ids[r.id], head=ids[r.head], tail=ids[r.tail]) for r in document.relations),
        events=tuple(
            replace(
                e,
                id=ids[e.id],
                trigger=ids[e.trigger],
                arguments=tuple(replace(a, target=ids[a.target]) for a in e.arguments),
            )
            for e in document.events
        ),
        groups=tuple(replace(g, id=ids[g.id], members=tuple(ids[m] for m in g.members)) for g in document.groups),
        metadata=_foreign(document, own_metadata),
    )


def same(a: Document, b: Document, own_metadata: str | None = None) -> bool:
    """Say whether two documents are equal up to consistent renumbering of ids and the format's own metadata key."""
    return renumbered(a, own_metadata) == renumbered(b, own_metadata)


def assert_round_trip(format_name: str, document: Document, folder: Path | None = None) -> list[Loss]:
    """Write, read and compare; with losses, check that nothing but what they name has changed. Returns the losses.

    `folder` must be empty; without one a temporary folder is used (hypothesis wants a fresh one each time).
    """
    if folder is None:
        with TemporaryDirectory() as fresh:
            return assert_round_trip(format_name, document, Path(fresh))
    losses = list(FORMATS.get(format_name).losses(document))
    assert write([document], folder / "written", format_name, lossy=bool(losses)) == losses
    result = read(folder / "written", format_name)
    assert len(result.documents) == 1, f"{len(result.documents)} documents were read back: {result.problems}"
    back = result.documents[0]
    if not losses:
        assert same(document, back, format_name), f"no loss was named, and yet:\n{_difference(document, back)}"
        assert not _not_plain(result.problems), f"what was written is not plain: {result.problems}"
    else:
        _assert_named(document, back, losses, format_name)
    # What was read can be written again, and gives the same.
    again = list(FORMATS.get(format_name).losses(back))
    assert not again, f"what was read from the format cannot be written in it: {again}"
    write([back], folder / "again", format_name)
    assert read(folder / "again", format_name).documents == (back,)
    return losses


def _assert_named(document: Document, back: Document, losses: Iterable[Loss], own_metadata: str) -> None:
    """Check that whatever no loss names came back, entity by entity, relation by relation, event by event."""
    named: dict[str | None, set[str]] = {}
    for loss in losses:
        assert loss.document == document.id
        named.setdefault(loss.id, set()).add(loss.kind)
    whole = named.pop(None, set())
    assert back.id == document.id or "ids" in whole
    assert back.text == document.text or whole & {"characters", "text"}, "the text changed"
    assert len(back.text) == len(document.text), "the text's length changed"
    if "metadata" not in whole:
        assert _foreign(back, own_metadata) == _foreign(document, own_metadata)
    if "concept_relations" not in whole:
        assert back.concept_relations == document.concept_relations

    found = Counter(_facts(e, set()) for e in back.entities)
    for kinds in ({"codes", "attributes"}, {"codes"}, {"attributes"}, set()):
        expected = Counter(_facts(e, kinds) for e in document.entities if not named.get(e.id, set()) - kinds)
        loose = found if not kinds else Counter(_facts(e, kinds) for e in back.entities)
        assert expected <= loose, f"entities that no loss names are gone: {expected - loose}"
    assert len(back.entities) <= len(document.entities)

    for kind in ("relations", "groups"):
        kept = [item for item in getattr(document, kind) if item.id not in named]
        ours, theirs = _names(document, named), _names(back, {})
        there = Counter(_ends(item, theirs) for item in getattr(back, kind))
        sure = Counter(ends for item in kept if None not in (ends := _ends(item, ours)))
        assert sure <= there, f"{kind} that no loss names are gone: {sure - there}"
        assert len(kept) <= len(getattr(back, kind)) <= len(getattr(document, kind)), f"number of {kind}"
    events = [e for e in document.events if not named.get(e.id)]
    ours, theirs = _names(document, named), _names(back, {})
    there = Counter(_event(e, theirs) for e in back.events)
    sure = Counter(facts for e in events if None not in (facts := _event(e, ours)))
    assert sure <= there, f"events that no loss names are gone: {sure - there}"
    assert len(events) <= len(back.events) <= len(document.events), "number of events"


def _facts(entity: Entity, without: set[str]) -> tuple[Any, ...]:
    return (
        entity.label,
        entity.fragments,
        () if "attributes" in without else tuple((a.name, a.value) for a in entity.attributes),
        None if "codes" in without else entity.code,
    )


def _names(document: Document, named: Mapping[str | None, set[str]]) -> dict[str, Any]:
    """Call each entity by label and place, None where a loss touches these; other annotations by their kind."""
    names: dict[str, Any] = {
        e.id: None if named.get(e.id, set()) - DETAILS else (e.label, e.fragments) for e in document.entities
    }
    for event in document.events:
        trigger = names[event.trigger]
        names[event.id] = None if named.get(event.id) or trigger is None else ("event", event.label, trigger)
    names.update((item.id, ("other", item.label)) for item in (*document.relations, *document.groups))
    return names


def _ends(item: Any, names: Mapping[str, Any]) -> tuple[Any, ...]:
    ends = item.members if hasattr(item, "members") else (item.head, item.tail)
    called = [names[end] for end in ends]
    return (item.label, None) if None in called else (item.label, *called)


def _event(event: Event, names: Mapping[str, Any]) -> tuple[Any, ...]:
    places = [(a.role, names[a.target]) for a in event.arguments]
    if names[event.trigger] is None or any(target is None for _, target in places):
        return (event.label, None)
    return (event.label, names[event.trigger], *places, *((a.name, a.value) for a in event.attributes))


def _foreign(document: Document, own_metadata: str | None) -> dict[str, Any]:
    return {key: value for key, value in document.metadata.items() if key != own_metadata}


def _not_plain(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.action != "kept"]


def _difference(a: Document, b: Document) -> str:
    """Show both sides of every list that differs; documents of these tests are invented."""
    left, right = renumbered(a), renumbered(b)
    shown = []
    for name in ("id", "text", "entities", "relations", "events", "groups", "concept_relations", "metadata"):
        x, y = getattr(left, name), getattr(right, name)
        if x != y:
            shown.append(f"{name}:\n  {x!r}\n  {y!r}")
    return "\n".join(shown)
