"""Small changes to predicted documents: weak annotations dropped, codes filled in."""

from dataclasses import replace

from medspan.annotation import Document

__all__ = ["drop_below"]


def drop_below(document: Document, least: float) -> Document:
    """Drop entities, relations, arguments and events scored below `least`, and what then lacks an end.

    An event goes with its trigger; a relation with either end; an argument with its target; a group keeps its
    remaining members if two are left. Annotations without a score stay.
    """
    entities = tuple(e for e in document.entities if _is_kept(e.score, least))
    alive = {entity.id for entity in entities}
    events = tuple(e for e in document.events if e.trigger in alive and _is_kept(e.score, least))
    alive |= {event.id for event in events}
    # An argument may point at another event, so the targets are judged once all events are.
    events = tuple(
        replace(e, arguments=tuple(a for a in e.arguments if a.target in alive and _is_kept(a.score, least)))
        for e in events
    )
    relations = tuple(r for r in document.relations if r.head in alive and r.tail in alive and _is_kept(r.score, least))
    alive |= {relation.id for relation in relations}
    groups = (replace(g, members=tuple(m for m in g.members if m in alive)) for g in document.groups)
    return replace(
        document,
        entities=entities,
        relations=relations,
        events=events,
        groups=tuple(g for g in groups if len(g.members) > 1),
    )


def _is_kept(score: float | None, least: float) -> bool:
    return score is None or score >= least
