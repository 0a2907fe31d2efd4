"""Marked-up text to annotated document: how templates say what is annotated in them.

    [Drug #d|aspirin] [Strength >d|81 mg] for [Problem Reason>d|chest pain], no [Problem=absent|fever]

A mention is `[Label|words]`. Behind the label stand, in any order and parted by spaces:

    =value       at the label itself: the value of its attribute (left out: the first value its schema lists; -: none)
    name=value   the value of a named attribute
    %name=value  an attribute of the event whose trigger this is
    @code        the concept meant
    #key         a name for the mention; a trigger with two names is the trigger of two events
    >key         a link to a named mention, `Name>key` with a name where the schema leaves a choice
    <key         a link from a named mention to this one, called as this one's label unless named

A link to an event's trigger is an argument of that event, any other link is a relation. Two labels on the same words
are parted by ` & `; mentions may nest. `[+key|words]` adds a fragment to the mention of that name. `‹` and `›` bound
the names declared between them, so that a list can repeat one template. A backslash before any character takes it
literally. Spans never touch white space at their edges.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from medspan.annotation import Argument, Attribute, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.errors import AnnotationError

__all__ = ["concatenate", "parse", "plain"]

_SPECIAL = re.compile(r"[\[\]‹›\\]")
_LABEL = re.compile(r"(?P<label>[^\s=#<>@%+]+)(?:=(?P<value>[^\s#<>]+))?$")
_WORD = re.compile(
    r"#(?P<key>\w+)|@(?P<code>\S+)|(?P<event>%)?(?P<name>[\w-]+)=(?P<value>\S+)|(?P<link>[\w-]*)(?P<way>[<>])(?P<target>\w+)"
)
_MARKS = re.compile(r"\[[^|\]]*\||[\]‹›]|\\")


@dataclass
class _Mention:
    label: str
    value: str | None
    scope: int
    start: int
    end: int = 0
    keys: list[str] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    event_values: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    continues: str | None = None
    more: list[Span] = field(default_factory=list)


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
    for mention in state.mentions:
        words = text[mention.start : mention.end]
        mention.start += len(words) - len(words.lstrip())
        mention.end -= len(words) - len(words.rstrip())
        if mention.start >= mention.end:
            raise AnnotationError(f"markup {document_id!r}: a {mention.label} mention is empty")
    whole = sorted((m for m in state.mentions if m.continues is None), key=lambda m: (m.start, -m.end))
    names = _Names(whole, state.parents, document_id)
    for mention in state.mentions:
        if mention.continues is not None:
            names.find(mention.scope, mention.continues).more.append(Span(mention.start, mention.end))
    return _document(whole, names, _Legal(schema), text, document_id)


def plain(markup: str) -> str:
    """Return the text of some markup without its marks."""
    return _MARKS.sub("", markup)


def concatenate(parts: Sequence[Document], document_id: str) -> Document:
    """Join documents end to end into one, with fresh ids; offsets move with the text."""
    entities: list[Entity] = []
    relations: list[Relation] = []
    events: list[Event] = []
    origin = 0
    for part in parts:
        new = {e.id: f"T{n}" for n, e in enumerate(part.entities, start=len(entities) + 1)}
        for e in part.entities:
            fragments = tuple(f.shift(origin) for f in e.fragments)
            entities.append(Entity(new[e.id], e.label, fragments, e.attributes, e.code))
        for r in part.relations:
            relations.append(Relation(f"R{len(relations) + 1}", r.label, new[r.head], new[r.tail]))
        for event in part.events:
            moved = tuple(Argument(a.role, new[a.target]) for a in event.arguments)
            events.append(Event(f"E{len(events) + 1}", event.label, new[event.trigger], moved, event.attributes))
        origin += len(part.text)
    return Document(document_id, "".join(p.text for p in parts), tuple(entities), tuple(relations), tuple(events))


def _document(mentions: Sequence[_Mention], names: "_Names", legal: "_Legal", text: str, document_id: str) -> Document:
    ids = {id(mention): f"T{n}" for n, mention in enumerate(mentions, start=1)}
    relations: list[Relation] = []
    arguments: dict[tuple[int, str], list[Argument]] = {}
    for mention in mentions:
        for name, way, key in mention.links:
            target = names.find(mention.scope, key)
            head, tail = (mention, target) if way == ">" else (target, mention)
            if target.label in legal.triggers:
                role = legal.role(target.label, mention.label, name)
                arguments.setdefault((id(target), key), []).append(Argument(role, ids[id(mention)]))
            else:
                label = legal.relation(head.label, tail.label, name or mention.label)
                relations.append(Relation(f"R{len(relations) + 1}", label, ids[id(head)], ids[id(tail)]))
    events: list[Event] = []
    for mention in mentions:
        if mention.label in legal.triggers:
            for key in mention.keys or [""]:
                taken = tuple(arguments.get((id(mention), key), ()))
                given = tuple(Attribute(name, value) for name, value in mention.event_values.items())
                event = legal.triggers[mention.label]
                events.append(Event(f"E{len(events) + 1}", event, ids[id(mention)], taken, given))
    return Document(
        id=document_id,
        text=text,
        entities=tuple(
            Entity(
                ids[id(m)],
                m.label,
                (Span(m.start, m.end), *sorted(m.more)),
                legal.attributes(m.label, m.value, m.values),
                m.code,
            )
            for m in mentions
        ),
        relations=tuple(relations),
        events=tuple(events),
    )


def _read(markup: str, document_id: str) -> _State:
    state = _State()
    position = length = 0
    while match := _SPECIAL.search(markup, position):
        at = match.start()
        if at > position:
            state.text.append(markup[position:at])
            length += at - position
        position = at + 1
        character = match[0]
        if character == "[":
            bar = markup.find("|", at)
            if bar < 0:
                raise AnnotationError(f"markup {document_id!r}: '[' at {at} has no '|'")
            specs = markup[at + 1 : bar].split(" & ")
            state.open.append([_mention(spec, state.scope, length, at, document_id) for spec in specs])
            position = bar + 1
        elif character == "]":
            if not state.open:
                raise AnnotationError(f"markup {document_id!r}: ']' at {at} closes nothing")
            for mention in state.open.pop():
                mention.end = length
                state.mentions.append(mention)
        elif character == "‹":
            state.parents.append(state.scope)
            state.scope = len(state.parents) - 1
        elif character == "›":
            parent = state.parents[state.scope]
            if parent is None:
                raise AnnotationError(f"markup {document_id!r}: '›' at {at} closes nothing")
            state.scope = parent
        else:
            literal = markup[position : position + 1]
            state.text.append(literal)
            length += len(literal)
            position += 1
    state.text.append(markup[position:])
    if state.open:
        raise AnnotationError(f"markup {document_id!r}: {len(state.open)} '[' never closed")
    return state


def _mention(spec: str, scope: int, start: int, position: int, document_id: str) -> _Mention:
    first, *rest = spec.split() or [""]
    if first.startswith("+") and not rest:
        return _Mention(first, None, scope, start, continues=first[1:])
    label = _LABEL.match(first)
    words = [_WORD.fullmatch(word) for word in rest]
    if label is None or not all(words):
        raise AnnotationError(f"markup {document_id!r}: cannot read the head of the mention at {position}")
    mention = _Mention(label["label"], label["value"], scope, start)
    for word in words:
        assert word is not None  # checked above, which the type checker cannot see
        if word["key"]:
            mention.keys.append(word["key"])
        elif word["code"]:
            mention.code = word["code"]
        elif word["name"]:
            (mention.event_values if word["event"] else mention.values)[word["name"]] = word["value"]
        else:
            mention.links.append((word["link"], word["way"], word["target"]))
    return mention


class _Names:
    """What the mentions are called, scope by scope."""

    def __init__(self, mentions: Sequence[_Mention], parents: Sequence[int | None], document_id: str) -> None:
        self._parents = parents
        self._document_id = document_id
        self._by_key: dict[tuple[int, str], _Mention] = {}
        for mention in mentions:
            for key in mention.keys:
                if self._by_key.setdefault((mention.scope, key), mention) is not mention:
                    raise AnnotationError(f"markup {document_id!r}: #{key} is declared twice in one scope")

    def find(self, scope: int, key: str) -> _Mention:
        """Return the mention that `key` names in this scope or the nearest around it."""
        at: int | None = scope
        while at is not None:
            if (at, key) in self._by_key:
                return self._by_key[at, key]
            at = self._parents[at]
        raise AnnotationError(f"markup {self._document_id!r}: nothing here is called #{key}")


class _Legal:
    """What a schema allows, looked up once for each question."""

    def __init__(self, schema: LabelSchema) -> None:
        self._schema = schema
        self.triggers = {event.trigger: event.name for event in schema.events}
        self._relations: dict[tuple[str, str, str], str] = {}
        self._roles: dict[tuple[str, str, str], str] = {}

    def attributes(self, label: str, value: str | None, values: Mapping[str, str]) -> tuple[Attribute, ...]:
        """Return the attributes of a mention, the first values of those that are not given included."""
        return tuple(self._attributes(label, value, dict(values)))

    def _attributes(self, label: str, value: str | None, values: dict[str, str]) -> Iterator[Attribute]:
        name = self._schema.name
        if label not in self._schema.labels:
            raise AnnotationError(f"markup: {label!r} is no label of schema {name!r}")
        for attribute in self._schema.attributes:
            if label not in attribute.labels:
                continue
            first, value = (values.pop(attribute.name, None) or value), None
            if first == "-" or (first is None and (attribute.is_optional or not attribute.values)):
                continue
            chosen = attribute.values[0] if first is None else first
            if attribute.values and chosen not in attribute.values:
                raise AnnotationError(f"markup: {attribute.name}={chosen} is not in schema {name!r}")
            yield Attribute(attribute.name, chosen)
        if value is not None or values:
            raise AnnotationError(f"markup: {label!r} carries no attribute {', '.join(values)} in schema {name!r}")

    def relation(self, head: str, tail: str, name: str) -> str:
        """Return the one relation that may be meant."""
        key = (head, tail, name)
        if key not in self._relations:
            legal = [
                r.name
                for r in self._schema.relations
                if head in r.heads and tail in r.tails and name in (r.name, r.name.split("-")[0])
            ]
            if len(legal) != 1:
                raise AnnotationError(f"markup: {len(legal)} relations {name!r} from {head} to {tail}; name one")
            self._relations[key] = legal[0]
        return self._relations[key]

    def role(self, event: str, label: str, name: str) -> str:
        """Return the one role of an event that may be meant."""
        key = (event, label, name)
        if key not in self._roles:
            roles = next(e.roles for e in self._schema.events if e.trigger == event)
            legal = [r.name for r in roles if label in r.labels and (not name or r.name == name)]
            if len(legal) != 1:
                raise AnnotationError(f"markup: {len(legal)} roles of {event} take a {label}; name one")
            self._roles[key] = legal[0]
        return self._roles[key]
