"""A document as one CAS, and what that cannot hold."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medspan.annotation import Attribute, Document, Entity, Event
from medspan.corpora.formats.inception.layers import (
    CODE,
    LINKS,
    NAME,
    RELATION,
    RENAMED,
    SPAN,
    is_feature_name,
    is_free,
    is_type_name,
    own_metadata,
    short_name,
)
from medspan.corpora.formats.losses import Loss, unheld
from medspan.errors import MissingExtraError

__all__ = ["encoded", "losses"]

_ANNOTATION, _TOP = "uima.tcas.Annotation", "uima.cas.TOP"
_STRING, _STRINGS, _ARRAY = "uima.cas.String", "uima.cas.StringArray", "uima.cas.FSArray"
_HELD = frozenset({"attributes", "codes", "events", "nesting", "relations"})


def losses(document: Document) -> Iterator[Loss]:
    """Name what the layers have no place for; see the description of the format."""
    layers = _Layers(document)
    for entity in document.entities:
        if layers.ordered(entity) != entity.attributes:
            reason = "a name that no feature can have, or an order that is not the layer's"
            yield Loss(document.id, "attributes", entity.id, reason)
    triggers = Counter(event.trigger for event in document.events)
    for event in document.events:
        if not _is_link(document, event, triggers):
            yield Loss(document.id, "events", event.id, "no links of a trigger with its label to other mentions")
    for relation in document.relations:
        if not {relation.head, relation.tail} <= document.by_id.keys():
            yield Loss(document.id, "relations", relation.id, "no place for a relation of an event")
    places = {entity.id: n for n, entity in enumerate(document.entities)}
    order = [places[event.trigger] for event in document.events]
    if order != sorted(order):
        yield Loss(document.id, "order", None, "events are read back in the order of their triggers")
    yield from unheld(document, _HELD, NAME)


def _is_link(document: Document, event: Event, triggers: Mapping[str, int]) -> bool:
    return (
        event.label == document.by_id[event.trigger].label
        and triggers[event.trigger] == 1
        and not event.attributes
        and bool(event.arguments)
        and all(argument.target in document.by_id for argument in event.arguments)
    )


class _Layers:
    """The layer of each annotation of a document, and the features that each layer needs."""

    def __init__(self, document: Document) -> None:
        own = own_metadata(document.metadata)
        self.types: dict[str, str] = {key: name for key, name in _table(own, "types").items() if is_type_name(name)}
        self.labels: dict[str, str | None] = {
            key: name for key, name in _table(own, "labels").items() if name is None or is_feature_name(name)
        }
        self.links: dict[str, str] = {
            key: name for key, name in _table(own, "links").items() if is_free(name) or name == LINKS
        }
        self.features = {
            key: {name: value for name, value in further.items() if is_free(name)}
            for key, further in _table(own, "features").items()
            if isinstance(further, Mapping)
        }
        # Layer -> attribute -> whether one mention has several values of it.
        self.attributes: dict[str, dict[str, bool]] = {}
        for entity in document.entities:
            features = self.attributes.setdefault(self.of(entity), {})
            counts = Counter(a.name for a in entity.attributes if self.fits(entity, a))
            for name, n in counts.items():
                features[name] = features.get(name, False) or (n > 1 and name not in RENAMED)

    def of(self, entity: Entity) -> str:
        return self.types.get(entity.id, SPAN)

    def fits(self, entity: Entity, attribute: Attribute) -> bool:
        return is_free(attribute.name) and attribute.name != self.label_of(self.of(entity))

    def label_of(self, layer: str) -> str | None:
        return self.labels.get(layer, "label")

    def ordered(self, entity: Entity) -> tuple[Attribute, ...]:
        """Return the attributes as they read back: those with a feature, in the layer's order."""
        values: dict[str, list[Attribute]] = {}
        for attribute in entity.attributes:
            if self.fits(entity, attribute) and not (attribute.name in RENAMED and attribute.name in values):
                values.setdefault(attribute.name, []).append(attribute)
        return tuple(a for name in self.attributes[self.of(entity)] for a in values.get(name, ()))


def _table(own: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = own.get(key)
    return found if isinstance(found, Mapping) else {}


def encoded(document: Document) -> bytes:
    """Return the file of a document, without what `losses` names."""
    try:
        from cassis import Cas, TypeSystem
    except ImportError as error:
        raise MissingExtraError("dkpro-cassis", "formats") from error
    with warnings.catch_warnings():
        # A feature called `type`, which i2b2 and others have, is renamed inside Python alone.
        warnings.simplefilter("ignore")
        types = TypeSystem()
        cas = Cas(typesystem=types)
        cas.sofa_string = document.text
        cas.sofa_mime = "text/plain"
        _fill(cas, types, document)
        return str(cas.to_json()).encode("utf-8")


def _fill(cas: Any, types: Any, document: Document) -> None:
    layers = _Layers(document)
    triggers = Counter(event.trigger for event in document.events)
    events = [event for event in document.events if _is_link(document, event, triggers)]
    linked = {event.trigger: layers.links.get(event.id, LINKS) for event in events}
    links: dict[str, set[str]] = {SPAN: set()}
    for entity in document.entities:
        links.setdefault(layers.of(entity), set()).update({linked[entity.id]} if entity.id in linked else ())
    for layer in sorted(links):
        _declare(types, layer, layers, links[layer])
    found: dict[str, Any] = {}
    for entity in document.entities:
        found[entity.id] = _span(types, layers, entity)
        cas.add(found[entity.id])
    for event in events:
        _link(types, event, found, linked[event.trigger])
    _relations(types, cas, layers, document, found)


def _declare(types: Any, layer: str, layers: _Layers, links: Iterable[str]) -> None:
    made = types.create_type(name=layer, supertypeName=_ANNOTATION)
    for name in dict.fromkeys([layers.label_of(layer), CODE]):
        if name is not None:
            types.create_feature(domainType=made, name=name, rangeType=_STRING)
    for name, is_many in layers.attributes.get(layer, {}).items():
        types.create_feature(domainType=made, name=name, rangeType=_STRINGS if is_many else _STRING)
    for name in sorted(links):
        link = types.create_type(name=_link_type(layer, name), supertypeName=_TOP)
        types.create_feature(domainType=link, name="role", rangeType=_STRING)
        types.create_feature(domainType=link, name="target", rangeType=_ANNOTATION)
        types.create_feature(domainType=made, name=name, rangeType=_ARRAY, elementType=link)


def _link_type(layer: str, name: str) -> str:
    return f"{layer}{name.capitalize()}Link"


def _span(types: Any, layers: _Layers, entity: Entity) -> Any:
    layer = layers.of(entity)
    values: dict[str, Any] = {}
    label = layers.label_of(layer)
    if label is not None and (label == "label" or entity.label != short_name(layer)):
        values[label] = entity.label
    if entity.code is not None:
        values[CODE] = entity.code
    for attribute in layers.ordered(entity):
        values.setdefault(attribute.name, []).append(attribute.value)
    arrays = layers.attributes[layer]
    for name in {a.name for a in layers.ordered(entity)}:
        values[name] = _strings(types, values[name]) if arrays[name] else values[name][0]
    renamed = {f"{name}_" if name in RENAMED else name: value for name, value in values.items()}
    return types.get_type(layer)(begin=entity.start, end=entity.end, **renamed)


def _strings(types: Any, values: list[str]) -> Any:
    return types.get_type(_STRINGS)(elements=values)


def _link(types: Any, event: Event, found: Mapping[str, Any], name: str) -> None:
    trigger = found[event.trigger]
    link = types.get_type(_link_type(trigger.type.name, name))
    elements = [link(role=argument.role, target=found[argument.target]) for argument in event.arguments]
    setattr(trigger, name, types.get_type(_ARRAY)(elements=elements))


def _relations(types: Any, cas: Any, layers: _Layers, document: Document, found: Mapping[str, Any]) -> None:
    kept = [r for r in document.relations if r.head in found and r.tail in found]
    for layer in sorted({layers.types.get(relation.id, RELATION) for relation in kept}):
        ours = [relation for relation in kept if layers.types.get(relation.id, RELATION) == layer]
        ends = {found[end].type.name for relation in ours for end in (relation.head, relation.tail)}
        made = types.create_type(name=layer, supertypeName=_ANNOTATION)
        for name in ("Governor", "Dependent"):
            types.create_feature(made, name, rangeType=ends.copy().pop() if len(ends) == 1 else _ANNOTATION)
        further = {name: None for relation in ours for name in layers.features.get(relation.id, {})}
        label = layers.label_of(layer)
        for name in dict.fromkeys([*([label] if label else []), *further]):
            types.create_feature(made, name, rangeType=_STRING)
    for relation in kept:
        layer = layers.types.get(relation.id, RELATION)
        label = layers.label_of(layer)
        values = {name: str(value) for name, value in layers.features.get(relation.id, {}).items()}
        if label is not None and (label == "label" or relation.label != short_name(layer)):
            values[label] = relation.label
        head, tail = found[relation.head], found[relation.tail]
        place = {"begin": tail.begin, "end": tail.end}
        cas.add(types.get_type(layer)(Governor=head, Dependent=tail, **place, **values))
