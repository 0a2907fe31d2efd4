"""Documents as plain JSON data: one document a line is the interchange form."""

from collections.abc import Mapping
from typing import Any

from medspan.annotation.document import (
    Argument,
    Attribute,
    ConceptRelation,
    Document,
    Entity,
    Event,
    Group,
    Relation,
    Span,
)
from medspan.errors import AnnotationError

__all__ = ["FORMAT_VERSION", "document_from_dict", "document_to_dict"]

FORMAT_VERSION = 1


def document_to_dict(document: Document) -> dict[str, Any]:
    """Return plain data; scores, codes and rare lists appear only where present."""
    data: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "entities": [
            {
                "id": e.id,
                "label": e.label,
                "fragments": [[f.start, f.end] for f in e.fragments],
                "attributes": _attributes(e.attributes),
                **_optional(code=e.code, score=e.score),
            }
            for e in document.entities
        ],
        "relations": [
            {"id": r.id, "label": r.label, "head": r.head, "tail": r.tail, **_optional(score=r.score)}
            for r in document.relations
        ],
        "events": [
            {
                "id": e.id,
                "label": e.label,
                "trigger": e.trigger,
                "arguments": [{"role": a.role, "target": a.target, **_optional(score=a.score)} for a in e.arguments],
                "attributes": _attributes(e.attributes),
                **_optional(score=e.score),
            }
            for e in document.events
        ],
    }
    if document.groups:
        data["groups"] = [{"id": g.id, "label": g.label, "members": list(g.members)} for g in document.groups]
    if document.concept_relations:
        data["concept_relations"] = [
            {"label": c.label, "head_code": c.head_code, "tail_code": c.tail_code, "extra": list(c.extra)}
            for c in document.concept_relations
        ]
    data["metadata"] = {**document.metadata, "format_version": FORMAT_VERSION}
    return data


def document_from_dict(data: Mapping[str, Any]) -> Document:
    """Build a document from plain data; empty lists may be left out.

    Raises AnnotationError for a missing key, a wrong type or a version this release cannot read.
    """
    if not isinstance(data, Mapping):
        raise AnnotationError(f"a document must be an object with id and text, not {type(data).__name__}")
    # An id of another type may hold anything, so only a string is quoted.
    where = f"document {data['id']!r}" if isinstance(data.get("id"), str) else "document without a valid id"
    try:
        metadata = data.get("metadata") or {}
        if not isinstance(metadata, Mapping):
            raise AnnotationError(f"{where}: metadata must be an object, not {type(metadata).__name__}")
        metadata = dict(metadata)
        version = metadata.pop("format_version", FORMAT_VERSION)
        if version != FORMAT_VERSION:
            raise AnnotationError(f"{where}: format version {version} is not {FORMAT_VERSION}")
        if not isinstance(data["id"], str) or not isinstance(data["text"], str):
            raise AnnotationError(f"{where}: id and text must be strings")
        return Document(
            id=data["id"],
            text=data["text"],
            entities=tuple(
                Entity(
                    id=e["id"],
                    label=e["label"],
                    fragments=tuple(Span(_offset(start), _offset(end)) for start, end in e["fragments"]),
                    attributes=_read_attributes(e.get("attributes")),
                    code=e.get("code"),
                    score=e.get("score"),
                )
                for e in data.get("entities") or ()
            ),
            relations=tuple(
                Relation(r["id"], r["label"], r["head"], r["tail"], r.get("score")) for r in data.get("relations") or ()
            ),
            events=tuple(
                Event(
                    e["id"],
                    e["label"],
                    e["trigger"],
                    tuple(Argument(a["role"], a["target"], a.get("score")) for a in e.get("arguments") or ()),
                    _read_attributes(e.get("attributes")),
                    e.get("score"),
                )
                for e in data.get("events") or ()
            ),
            groups=tuple(Group(g["id"], g["label"], tuple(g["members"])) for g in data.get("groups") or ()),
            concept_relations=tuple(
                ConceptRelation(c["label"], c["head_code"], c["tail_code"], tuple(c.get("extra") or ()))
                for c in data.get("concept_relations") or ()
            ),
            metadata=metadata,
        )
    except KeyError as error:
        raise AnnotationError(f"{where}: key {error} is missing") from error
    except (TypeError, AttributeError) as error:
        # The cause may quote a value of the record, so it is not chained into the message a user sees.
        raise AnnotationError(
            f"{where}: a value has the wrong type ({type(error).__name__}); see the interchange form in docs/formats.md"
        ) from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, AnnotationError):
            raise
        raise AnnotationError(f"{where}: a fragment is not a pair of numbers") from None


def _offset(value: Any) -> int:
    if type(value) is not int:  # 0.7, true and "3" would be rounded or read in silence
        raise ValueError
    return value


def _optional(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _attributes(attributes: tuple[Attribute, ...]) -> list[dict[str, Any]]:
    return [{"name": a.name, "value": a.value, **_optional(score=a.score)} for a in attributes]


def _read_attributes(items: Any) -> tuple[Attribute, ...]:
    return tuple(Attribute(a["name"], a["value"], a.get("score")) for a in items or ())
