"""Marked-up text to annotated document: how templates say what is annotated in them.

    [Drug #d|aspirin] [Strength >d|81 mg] for [Problem Reason>d|chest pain], no [Problem=absent|fever]

A mention is `[Label|words]`. `Label=value` sets the label's attribute (left out: the first value its schema lists);
`#key` names the mention; `>key` links it to a named one, `Name>key` with a name where the schema leaves a choice.
A link to an event's trigger is an argument of that event, any other link is a relation. Two labels on the same words
are parted by ` & `; mentions may nest. `‹` and `›` bound the names declared between them, so that a list can repeat
one template. A backslash before any character takes it literally. Spans never touch white space at their edges.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medspan.annotation import Argument, Attribute, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.errors import AnnotationError

__all__ = ["concatenate", "parse"]

_HEAD = re.compile(r"(?P<label>[^\s=#>]+)(?:=(?P<value>[^\s#>]+))?(?:\s+#(?P<key>\w+))?(?P<links>(?:\s+[\w-]*>\w+)*)$")


@dataclass
class _Mention:
    label: str
    value: str | None
    key: str | None
    links: list[tuple[str, str]]
    scope: int
    start: int
    end: int = 0


@dataclass
class _State:
    text: list[str] = field(default_factory=list)
    mentions: list[_Mention] = field(default_factory=list)
    open: list[list[_Mention]] = field(default_factory=list)
    parents: list[int | None] = field(default_factory=lambda: [None])
    scope: int = 0


def parse(markup: str, schema: LabelSchema, document_id: str = "markup") -> Document:
    """Turn marked-up text into a document of `schema`.

    Raises AnnotationError with the markup position for an unbalanced bracket, an empty mention, a label, link or
    attribute value the schema does not know, a key declared twice in one scope, and a link to one never declared.
    """
    state = _read(markup, document_id)
    text = "".join(state.text)
    mentions = sorted(state.mentions, key=lambda m: (m.start, -m.end))
    for mention in mentions:
        words = text[mention.start : mention.end]
        mention.start += len(words) - len(words.lstrip())
        mention.end -= len(words) - len(words.rstrip())
        if mention.start >= mention.end:
            raise AnnotationError(f"markup {document_id!r}: a {mention.label} mention is empty")
    ids = {id(mention): f"T{n}" for n, mention in enumerate(mentions, start=1)}
    keys: dict[tuple[int, str], _Mention] = {}
    for mention in mentions:
        if mention.key and keys.setdefault((mention.scope, mention.key), mention) is not mention:
            raise AnnotationError(f"markup {document_id!r}: #{mention.key} is declared twice in one scope")
    triggers = {event.trigger: event for event in schema.events}
    relations: list[Relation] = []
    arguments: dict[str, list[Argument]] = {ids[id(m)]: [] for m in mentions if m.label in triggers}
    for mention in mentions:
        for name, key in mention.links:
            target = _resolve(mention.scope, key, keys, state.parents, document_id)
            head, tail = ids[id(mention)], ids[id(target)]
            if target.label in triggers:
                role = _role(schema, target.label, mention.label, name)
                arguments[tail].append(Argument(role, head))
            else:
                label = _relation(schema, mention.label, target.label, name)
                relations.append(Relation(f"R{len(relations) + 1}", label, head, tail))
    return Document(
        id=document_id,
        text=text,
        entities=tuple(
            Entity(ids[id(m)], m.label, (Span(m.start, m.end),), _attributes(schema, m.label, m.value))
            for m in mentions
        ),
        relations=tuple(relations),
        events=tuple(
            Event(f"E{n}", triggers[m.label].name, ids[id(m)], tuple(arguments[ids[id(m)]]))
            for n, m in enumerate((m for m in mentions if m.label in triggers), start=1)
        ),
    )


def concatenate(parts: Sequence[Document], document_id: str) -> Document:
    """Join documents end to end into one, with fresh ids; offsets move with the text."""
    entities: list[Entity] = []
    relations: list[Relation] = []
    events: list[Event] = []
    origin = 0
    for part in parts:
        new = {e.id: f"T{n}" for n, e in enumerate(part.entities, start=len(entities) + 1)}
        for e in part.entities:
            entities.append(replace(e, id=new[e.id], fragments=tuple(f.shift(origin) for f in e.fragments)))
        for r in part.relations:
            relations.append(replace(r, id=f"R{len(relations) + 1}", head=new[r.head], tail=new[r.tail]))
        for event in part.events:
            moved = tuple(replace(a, target=new[a.target]) for a in event.arguments)
            events.append(replace(event, id=f"E{len(events) + 1}", trigger=new[event.trigger], arguments=moved))
        origin += len(part.text)
    return Document(document_id, "".join(p.text for p in parts), tuple(entities), tuple(relations), tuple(events))


def _read(markup: str, document_id: str) -> _State:
    state = _State()
    position = length = 0
    while position < len(markup):
        character = markup[position]
        if character == "[":
            bar = markup.find("|", position)
            if bar < 0:
                raise AnnotationError(f"markup {document_id!r}: '[' at {position} has no '|'")
            head = markup[position + 1 : bar]
            specs = head.split(" & ")
            state.open.append([_mention(spec, state.scope, length, position, document_id) for spec in specs])
            position = bar
        elif character == "]":
            if not state.open:
                raise AnnotationError(f"markup {document_id!r}: ']' at {position} closes nothing")
            for mention in state.open.pop():
                mention.end = length
                state.mentions.append(mention)
        elif character == "‹":
            state.parents.append(state.scope)
            state.scope = len(state.parents) - 1
        elif character == "›":
            parent = state.parents[state.scope]
            if parent is None:
                raise AnnotationError(f"markup {document_id!r}: '›' at {position} closes nothing")
            state.scope = parent
        else:
            if character == "\\":
                position += 1
                character = markup[position : position + 1]
            state.text.append(character)
            length += len(character)
        position += 1
    if state.open:
        raise AnnotationError(f"markup {document_id!r}: {len(state.open)} '[' never closed")
    return state


def _mention(spec: str, scope: int, start: int, position: int, document_id: str) -> _Mention:
    match = _HEAD.match(spec.strip())
    if match is None:
        raise AnnotationError(f"markup {document_id!r}: cannot read the head of the mention at {position}")
    links = []
    for link in match["links"].split():
        name, key = link.split(">")
        links.append((name, key))
    return _Mention(match["label"], match["value"], match["key"], links, scope, start)


def _resolve(
    scope: int, key: str, keys: dict[tuple[int, str], _Mention], parents: list[int | None], document_id: str
) -> _Mention:
    at: int | None = scope
    while at is not None:
        if (at, key) in keys:
            return keys[at, key]
        at = parents[at]
    raise AnnotationError(f"markup {document_id!r}: nothing here is called #{key}")


def _attributes(schema: LabelSchema, label: str, value: str | None) -> tuple[Attribute, ...]:
    if label not in schema.labels:
        raise AnnotationError(f"markup: {label!r} is no label of schema {schema.name!r}")
    for attribute in schema.attributes:
        if label in attribute.labels:
            if value is None and attribute.is_optional:
                continue
            chosen = attribute.values[0] if value is None else value
            if chosen not in attribute.values:
                raise AnnotationError(f"markup: {attribute.name}={chosen} is not in schema {schema.name!r}")
            return (Attribute(attribute.name, chosen),)
    if value is not None:
        raise AnnotationError(f"markup: {label!r} carries no attribute in schema {schema.name!r}")
    return ()


def _relation(schema: LabelSchema, head: str, tail: str, name: str) -> str:
    legal: list[Any] = [
        r for r in schema.relations if head in r.heads and tail in r.tails and r.name.split("-")[0] == (name or head)
    ]
    if len(legal) != 1:
        raise AnnotationError(f"markup: {len(legal)} relations {name or head!r} from {head} to {tail}; name one")
    return str(legal[0].name)


def _role(schema: LabelSchema, event: str, label: str, name: str) -> str:
    roles = next(e.roles for e in schema.events if e.trigger == event)
    legal = [r.name for r in roles if label in r.labels and (not name or r.name == name)]
    if len(legal) != 1:
        raise AnnotationError(f"markup: {len(legal)} roles of {event} take a {label}; name one")
    return legal[0]
