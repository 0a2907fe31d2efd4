"""Documents as flat rows: what a data frame or a database table is made of.

Every row has the same columns in the same order, so `pandas.DataFrame(entity_rows(documents))` just works. Offsets are
code points, half-open. Columns named in `keep_columns` are copied from the document's metadata to the end of each row.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from medspan.annotation import Argument, Attribute, Document, Entity, Event
from medspan.errors import ConfigError

__all__ = [
    "ENTITY_COLUMNS",
    "EVENT_COLUMNS",
    "RELATION_COLUMNS",
    "attributes_json",
    "check_keep_columns",
    "entity_rows",
    "event_rows",
    "relation_rows",
    "rows",
]

ENTITY_COLUMNS = (
    "document_id",
    "entity_id",
    "label",
    "start",
    "end",
    "fragments",
    "mention",
    "assertion",
    "attributes",
    "code",
    "score",
)
RELATION_COLUMNS = (
    "document_id",
    "relation_id",
    "label",
    "head_id",
    "head_label",
    "head_start",
    "head_end",
    "head_mention",
    "tail_id",
    "tail_label",
    "tail_start",
    "tail_end",
    "tail_mention",
    "score",
)
EVENT_COLUMNS = (
    "document_id",
    "event_id",
    "label",
    "trigger_id",
    "trigger_start",
    "trigger_end",
    "trigger_mention",
    "attributes",
    "score",
    "role",
    "argument_id",
    "argument_label",
    "argument_start",
    "argument_end",
    "argument_mention",
    "argument_attributes",
    "argument_score",
)

Kind = Literal["entities", "relations", "events"]
Row = dict[str, Any]


def rows(documents: Iterable[Document], kind: Kind = "entities", keep_columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows of one kind: one an entity, one a relation, or one an event argument."""
    makers: Mapping[str, Callable[..., Iterator[Row]]] = {
        "entities": entity_rows,
        "relations": relation_rows,
        "events": event_rows,
    }
    if kind not in makers:
        raise ConfigError(f"rows: kind {kind!r} is none of {', '.join(makers)}")
    return makers[kind](documents, keep_columns)


def entity_rows(documents: Iterable[Document], keep_columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yield one row an entity.

    `fragments` is text, "10 14;20 25" for a mention in two pieces; `assertion` is that attribute's value or None;
    `attributes` is a JSON object of all attributes, assertion included ("{}" where there are none).
    """
    check_keep_columns(keep_columns, ENTITY_COLUMNS)
    for document in documents:
        kept = _kept(document, keep_columns)
        for entity in document.entities:
            yield _entity_row(document, entity) | kept


def relation_rows(documents: Iterable[Document], keep_columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yield one row a relation. An end that is an event has the event's label and its trigger's place and words."""
    check_keep_columns(keep_columns, RELATION_COLUMNS)
    for document in documents:
        kept, ends = _kept(document, keep_columns), _ends(document)
        for relation in document.relations:
            yield {
                "document_id": document.id,
                "relation_id": relation.id,
                "label": relation.label,
                **_end(document, "head", relation.head, ends),
                **_end(document, "tail", relation.tail, ends),
                "score": relation.score,
                **kept,
            }


def event_rows(documents: Iterable[Document], keep_columns: Sequence[str] = ()) -> Iterator[Row]:
    """Yield one row an event argument, and one row with role None for an event that has no argument."""
    check_keep_columns(keep_columns, EVENT_COLUMNS)
    for document in documents:
        kept, ends = _kept(document, keep_columns), _ends(document)
        for event in document.events:
            arguments: tuple[Argument | None, ...] = event.arguments or (None,)
            for argument in arguments:
                yield _event_row(document, event, ends) | _argument_columns(document, argument, ends) | kept


def check_keep_columns(keep_columns: Iterable[str], taken: Iterable[str]) -> None:
    """Refuse columns to keep that are named twice or like a column of the output. Raises ConfigError."""
    names = list(keep_columns)
    clashes = sorted({name for name in names if name in set(taken) or names.count(name) > 1})
    if clashes:
        raise ConfigError(
            f"columns to keep: {', '.join(clashes)} named twice, or like a column that medspan writes; "
            "rename it in the input"
        )


def attributes_json(attributes: tuple[Attribute, ...]) -> str:
    """Return attributes as a JSON object; a name that occurs twice has the list of its values."""
    return _attributes_json(attributes) if attributes else "{}"


# Few combinations occur, each very often.
@lru_cache(maxsize=4_096)
def _attributes_json(attributes: tuple[Attribute, ...]) -> str:
    found: dict[str, list[str]] = {}
    for attribute in attributes:
        found.setdefault(attribute.name, []).append(attribute.value)
    return json.dumps({k: v[0] if len(v) == 1 else v for k, v in found.items()}, ensure_ascii=False)


def _kept(document: Document, keep_columns: Sequence[str]) -> Row:
    return {name: document.metadata.get(name) for name in keep_columns}


def _entity_row(document: Document, entity: Entity) -> Row:
    return {
        "document_id": document.id,
        "entity_id": entity.id,
        "label": entity.label,
        "start": entity.start,
        "end": entity.end,
        "fragments": ";".join(f"{f.start} {f.end}" for f in entity.fragments),
        "mention": document.mention(entity),
        "assertion": entity.attribute("assertion"),
        "attributes": attributes_json(entity.attributes),
        "code": entity.code,
        "score": entity.score,
    }


def _ends(document: Document) -> dict[str, tuple[str, Entity]]:
    """Label and place of everything that a relation or argument may point at."""
    ends = {entity.id: (entity.label, entity) for entity in document.entities}
    ends.update({event.id: (event.label, document.by_id[event.trigger]) for event in document.events})
    return ends


def _end(document: Document, side: str, target: str, ends: Mapping[str, tuple[str, Entity]]) -> Row:
    label, entity = ends[target]
    return {
        f"{side}_id": target,
        f"{side}_label": label,
        f"{side}_start": entity.start,
        f"{side}_end": entity.end,
        f"{side}_mention": document.mention(entity),
    }


def _event_row(document: Document, event: Event, ends: Mapping[str, tuple[str, Entity]]) -> Row:
    trigger = _end(document, "trigger", event.trigger, ends)
    del trigger["trigger_label"]
    return {
        "document_id": document.id,
        "event_id": event.id,
        "label": event.label,
        **trigger,
        "attributes": attributes_json(event.attributes),
        "score": event.score,
    }


def _argument_columns(document: Document, argument: Argument | None, ends: Mapping[str, tuple[str, Entity]]) -> Row:
    if argument is None:
        return dict.fromkeys(EVENT_COLUMNS[EVENT_COLUMNS.index("role") :])
    return {
        "role": argument.role,
        **_end(document, "argument", argument.target, ends),
        "argument_attributes": attributes_json(ends[argument.target][1].attributes),
        "argument_score": argument.score,
    }
