"""The data model: spans, entities, relations, events, documents and label schemas."""

from medspan.annotation.codec import FORMAT_VERSION, document_from_dict, document_to_dict
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
from medspan.annotation.schema import (
    AttributeType,
    EntityType,
    EventType,
    LabelSchema,
    RelationType,
    RoleType,
)
from medspan.annotation.stream import Quarantine, Sink

__all__ = [
    "FORMAT_VERSION",
    "Argument",
    "Attribute",
    "AttributeType",
    "ConceptRelation",
    "Document",
    "Entity",
    "EntityType",
    "Event",
    "EventType",
    "Group",
    "LabelSchema",
    "Quarantine",
    "Relation",
    "RelationType",
    "RoleType",
    "Sink",
    "Span",
    "document_from_dict",
    "document_to_dict",
]
