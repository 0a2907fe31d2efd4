"""The .extent and .tlink files of 2012: the mentions and links of a note again, by line and token.

Lines count from the first character of the note, the line end before it left aside, tokens as in 2010.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats.i2b2.fields import Field, Grammar, parse, quotable, states, written
from medspan.corpora.formats.i2b2.line_tokens import LineTokens, Place
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import lines
from medspan.errors import AnnotationError

__all__ = ["ORDERS", "compare", "twin_lines", "twins_of"]

ORDERS: Mapping[str, tuple[str, ...]] = {
    "EVENT": ("type", "modality", "polarity"),
    "TIMEX3": ("type", "val", "mod"),
    "SECTIME": ("type", "dvalue"),
}
_PLACED = frozenset(ORDERS)
_EXTENT = {name: Grammar((name, *order), _PLACED, frozenset(order)) for name, order in ORDERS.items()}
_ANY = "|".join(ORDERS)
_TLINK = Grammar((_ANY, _ANY, "type"), _PLACED)
_LETTERS = {"EVENT": "E", "TIMEX3": "T", "SECTIME": "S"}

_Line = tuple[int, list[Field], list[Span]]
_End = tuple[str, Span]


def twins_of(text: str, extent: str, tlink: str, problems: Problems) -> tuple[list[Entity], list[Relation]]:
    """Return the mentions and links that the two files state, with ids as the corpus gives them (E0, T0, S0, TL0)."""
    tokens = _tokens(text, extent)
    entities: list[Entity] = []
    counts: Counter[str] = Counter()
    found: dict[_End, str] = {}
    for _, fields, (span,) in _lines(extent, tokens, ".extent", problems):
        label = fields[0].key
        key = f"{_LETTERS[label]}{counts[label]}"
        counts[label] += 1
        entities.append(Entity(key, label, (span,), _attributes(fields)))
        found.setdefault((label, span), key)
    relations: list[Relation] = []
    for line, fields, spans in _lines(tlink, tokens, ".tlink", problems):
        head, tail = (found.get((field.key, span)) for field, span in zip(fields, spans, strict=False))
        if head is None or tail is None:
            problems.skipped(line, ".tlink: no mention in .extent is where it says")
        else:
            relations.append(Relation(f"TL{len(relations)}", fields[2].value, head, tail))
    return entities, relations


def compare(document: Document, extent: str | None, tlink: str | None, problems: Problems) -> None:
    """Note where the two files say otherwise than the document; the document stays as it is."""
    tokens = _tokens(document.text, extent or "")
    entities: dict[_End, list[tuple[Attribute, ...]]] = {}
    for entity in document.entities:
        entities.setdefault((entity.label, entity.span), []).append(entity.attributes)
    n_left = sum(map(len, entities.values()))
    if extent is not None:
        for line, fields, (span,) in _lines(extent, tokens, ".extent", problems):
            there = entities.get((fields[0].key, span), [])
            stated = _attributes(fields)
            n_left -= 1
            if not there:
                problems.kept(line, f".extent: the XML has no {fields[0].key} at {span.start}")
                n_left += 1
            elif not any(set(stated) <= set(attributes) for attributes in there):
                problems.kept(line, f".extent: the attributes differ from the XML's at {span.start}")
        if n_left:
            problems.kept(None, f".extent: {n_left} more mentions are in the XML")
    if tlink is not None:
        ends = {entity.id: (entity.label, entity.span) for entity in document.entities}
        links = {(ends[r.head], ends[r.tail], r.label) for r in document.relations}
        for line, fields, spans in _lines(tlink, tokens, ".tlink", problems):
            head, tail = ((field.key, span) for field, span in zip(fields, spans, strict=False))
            if (head, tail, fields[2].value) not in links:
                problems.kept(line, f".tlink: the XML has no such link from {spans[0].start} to {spans[1].start}")


def twin_lines(document: Document) -> tuple[list[str], list[str]] | None:
    """Return the lines of both files, None when they cannot hold all mentions and all links between them."""
    tokens = LineTokens(document.text, _origin(document.text))
    places: dict[str, Place] = {}
    for entity in document.entities:
        place = tokens.exact(entity.span)
        if place is None or len(entity.fragments) > 1 or entity.label not in ORDERS:
            return None
        if not all(quotable(attribute.value) for attribute in entity.attributes):
            return None
        places[entity.id] = place
    if not all(quotable(relation.label) for relation in document.relations):
        return None

    def _mention(key: str) -> str:
        return written(tokens, document.by_id[key].label, (places[key],), keeps_case=True)

    extents = ["||".join([_mention(e.id), *(f'{a.name}="{a.value}"' for a in _known(e))]) for e in document.entities]
    links = [
        f'{_mention(r.head)}||{_mention(r.tail)}||type="{r.label}"'
        for r in document.relations
        if r.head in places and r.tail in places
    ]
    return extents, links


def _known(entity: Entity) -> Iterator[Attribute]:
    for name in ORDERS[entity.label]:
        if (value := entity.attribute(name)) is not None:
            yield Attribute(name, value)


def _attributes(fields: list[Field]) -> tuple[Attribute, ...]:
    return tuple(Attribute(field.key, field.value) for field in fields[1:] if field.value)


def _origin(text: str) -> int:
    return 1 if text.startswith("\n") else 0


def _tokens(text: str, extent: str) -> LineTokens:
    """Return the token table in which lines are counted as most mentions show, with the first line end or without."""
    tokens = LineTokens(text, _origin(text))
    if not _origin(text):
        return tokens
    counted = LineTokens(text)
    agree = [0, 0]
    for line in lines(extent):
        for n, table in enumerate((tokens, counted)):
            grammar = _grammar(line, ".extent")
            fields = parse(line, grammar, partial(states, table)) if grammar else None
            agree[n] += fields is not None and states(table, fields[0].value, fields[0].places)
    return counted if agree[1] > agree[0] else tokens


def _grammar(line: str, suffix: str) -> Grammar | None:
    return _TLINK if suffix == ".tlink" else _EXTENT.get(line.lstrip().partition("=")[0])


def _lines(content: str, tokens: LineTokens, suffix: str, problems: Problems) -> Iterator[_Line]:
    """Yield (number, fields, the characters of the fields that stand in the note) of the lines of a file."""
    agrees = partial(states, tokens)
    for number, line in enumerate(lines(content), start=1):
        if not line.strip():
            continue
        grammar = _grammar(line, suffix)
        fields = parse(line, grammar, agrees) if grammar else None
        if fields is None or any(len(field.places) > 1 for field in fields):
            problems.skipped(number, f"{suffix}: not a line of this kind of file")
            continue
        try:
            spans = [tokens.span(field.places[0]) for field in fields if field.places]
        except AnnotationError as error:
            problems.skipped(number, f"{suffix}: {error}")
            continue
        if not all(agrees(field.value, field.places) for field in fields if field.places):
            problems.kept(number, f"{suffix}: the stated words differ from the text at {spans[0].start}")
        yield number, fields, spans
