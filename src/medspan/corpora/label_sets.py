"""Label sets of shared tasks, derived from documents in the product's schema."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from medspan.annotation import Document, Entity, Relation
from medspan.registry import unknown_name

__all__ = ["label_sets", "view"]

_I2B2_LABELS = {"Problem": "problem", "Treatment": "treatment", "Drug": "treatment", "Test": "test"}
# The treatment is the head there.
_I2B2_RELATIONS = {"Reason-Drug": "TrAP", "ADE-Drug": "TrCP"}
_DETAILS = ("Strength", "Form", "Dosage", "Frequency", "Route", "Duration")


def label_sets() -> list[str]:
    """Return the names that `view` knows; each is also the name of a schema."""
    return sorted(_VIEWS)


def view(document: Document, name: str) -> Document:
    """Return a document of schema "clinical" in the label set `name`: "i2b2-2010" or "n2c2-2018".

    "i2b2-2010": problems keep their assertion, drugs are treatments, and only TrAP and TrCP can be derived.
    "n2c2-2018": a problem with an ADE-Drug relation becomes an ADE, one with a Reason-Drug relation a Reason, one with
    both becomes both; other problems are left out. Social history is in neither: a drug that is used rather than
    prescribed, and its frequency and duration, are left out. Groups and concept relations are left out.
    """
    if name not in _VIEWS:
        raise unknown_name("label set", name, label_sets())
    entities, relations = _VIEWS[name](document, _social(document))
    return Document(
        document.id,
        document.text,
        entities=tuple(entities),
        relations=tuple(relations),
        metadata=document.metadata,
    )


def _social(document: Document) -> set[str]:
    """Ids of entities that only social history events use."""
    used = {event.trigger for event in document.events}
    used.update(argument.target for event in document.events for argument in event.arguments)
    return used - {end for relation in document.relations for end in (relation.head, relation.tail)}


def _i2b2_2010(document: Document, social: set[str]) -> tuple[Iterable[Entity], Iterable[Relation]]:
    entities = [
        replace(e, label=_I2B2_LABELS[e.label])
        for e in document.entities
        if e.label in _I2B2_LABELS and e.id not in social
    ]
    relations = [
        replace(r, label=_I2B2_RELATIONS[r.label], head=r.tail, tail=r.head)
        for r in document.relations
        if r.label in _I2B2_RELATIONS
    ]
    return entities, relations


def _n2c2_2018(document: Document, social: set[str]) -> tuple[Iterable[Entity], Iterable[Relation]]:
    roles: dict[str, list[str]] = {}
    for relation in document.relations:
        role = relation.label.removesuffix("-Drug")
        if role in ("ADE", "Reason") and role not in roles.setdefault(relation.head, []):
            roles[relation.head].append(role)
    entities: list[Entity] = []
    for entity in document.entities:
        if entity.label == "Problem":
            entities += [
                replace(entity, id=_role_id(entity.id, role, roles), label=role, attributes=())
                for role in roles.get(entity.id, ())
            ]
        elif entity.label in ("Drug", *_DETAILS) and entity.id not in social:
            entities.append(entity)
    relations = []
    for relation in document.relations:
        role = relation.label.removesuffix("-Drug")
        if role in _DETAILS:
            relations.append(relation)
        elif role in ("ADE", "Reason"):
            relations.append(replace(relation, head=_role_id(relation.head, role, roles)))
    return entities, relations


def _role_id(entity_id: str, role: str, roles: dict[str, list[str]]) -> str:
    """The first role keeps the problem's id; a second one needs an id of its own."""
    return entity_id if roles[entity_id][0] == role else f"{entity_id}.{role}"


_View = Callable[[Document, set[str]], tuple[Iterable[Entity], Iterable[Relation]]]
_VIEWS: dict[str, _View] = {"i2b2-2010": _i2b2_2010, "n2c2-2018": _n2c2_2018}
