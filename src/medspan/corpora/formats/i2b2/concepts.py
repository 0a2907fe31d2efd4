"""2010 i2b2/VA: notes with concepts (.con), assertions of problems (.ast) and relations (.rel), by line and token.

Folders txt (or docs), concept, ast and rel side by side, or all files in one. Every line points to a range of tokens;
where its words differ from the note's, the range is right. A mention is known by its range and label, nothing else:
the assertion becomes an attribute of the problem there, the ends of a relation are found by the range, and where it
holds several labels, by what the relation links (a treatment and a problem under TrAP, and so on).

Not held: mentions that do not begin and end with tokens (they are written wider), gaps, two mentions of equal label
and range, attributes other than the assertion of problems, codes, events, groups, facts between codes, metadata.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from medspan.annotation import Attribute, Document, Entity, Relation
from medspan.corpora.formats.i2b2.fields import Field, Grammar, parse, quotable, states, written
from medspan.corpora.formats.i2b2.file_sets import FileKind, FileSet, file_sets, read_sets
from medspan.corpora.formats.i2b2.line_tokens import LineTokens, Place
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, lines
from medspan.corpora.formats.targets import file_for
from medspan.errors import AnnotationError

__all__ = ["losses", "stream", "write"]

KINDS = (
    FileKind("txt", (".txt",), frozenset({"txt", "text", "texts", "doc", "docs"}), is_note=True),
    FileKind("con", (".con",), frozenset({"con", "concept", "concepts"})),
    FileKind("ast", (".ast",), frozenset({"ast", "assertion", "assertions"})),
    FileKind("rel", (".rel",), frozenset({"rel", "relation", "relations"})),
)
_FOLDERS = {"txt": "txt", "con": "concept", "ast": "ast", "rel": "rel"}
_PLACED = frozenset({"c"})
_GRAMMARS = {
    "con": Grammar(("c", "t"), _PLACED),
    "ast": Grammar(("c", "t", "a"), _PLACED),
    "rel": Grammar(("c", "r", "c"), _PLACED),
}
_ASSERTED = "problem"
_ATTRIBUTE = "assertion"
_ENDS = {
    **dict.fromkeys(("TrIP", "TrWP", "TrCP", "TrAP", "TrNAP"), ("treatment", "problem")),
    **dict.fromkeys(("TeRP", "TeCP"), ("test", "problem")),
    "PIP": ("problem", "problem"),
}


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a folder or archive, or of one file and those that go with it, one note at a time.

    The text is kept exactly. A document's id is its path without suffix and without the folder txt or docs. A note
    with a file that is not UTF-8 is skipped in a folder, and an error by itself.
    """
    yield from read_sets(file_sets(path, KINDS, problems), _document, problems)


def _document(found: FileSet, problems: Problems) -> Document:
    contents = {kind: decode(found.read(name), Path(name).name) for kind, name in found.names.items()}
    reading = _Reading(contents["txt"], problems)
    reading.each("con", contents.get("con", ""), reading.concept)
    reading.each("ast", contents.get("ast", ""), reading.assertion)
    reading.each("rel", contents.get("rel", ""), reading.relation)
    return Document(found.id, contents["txt"], tuple(reading.entities), tuple(reading.relations))


class _Reading:
    """One note's files on their way to a document."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.tokens = LineTokens(text)
        self.problems = problems
        self.entities: list[Entity] = []
        self.relations: list[Relation] = []
        # What stands at a range: places in `entities`, by label, in file order.
        self.found: dict[Place, dict[str, int]] = {}

    def each(self, suffix: str, content: str, take: Callable[[int, list[Field]], None]) -> None:
        """Hand the fields of every line that can be understood to `take`, with the line's number."""
        agrees = partial(states, self.tokens)
        for number, line in enumerate(lines(content), start=1):
            if not line.strip():
                continue
            fields = parse(line, _GRAMMARS[suffix], agrees)
            if fields is None or any(len(field.places) > 1 for field in fields):
                self.problems.skipped(number, f".{suffix}: not a line of this kind of file")
                continue
            try:
                for field in fields:
                    if field.places:
                        span = self.tokens.span(field.places[0])
                        if not agrees(field.value, field.places):
                            reason = f".{suffix}: the stated words differ from the text at {span.start}"
                            self.problems.kept(number, reason)
                take(number, fields)
            except AnnotationError as error:
                self.problems.skipped(number, f".{suffix}: {error}")

    def concept(self, line: int, fields: list[Field]) -> None:
        """Add the mention of a .con line."""
        (place,), label = fields[0].places, fields[1].value
        if label in self.found.get(place, {}):
            self.problems.skipped(line, f".con: {place} has this label already")
        else:
            self._add(place, label)

    def assertion(self, line: int, fields: list[Field]) -> None:
        """Give the problem of an .ast line its attribute."""
        (place,), label = fields[0].places, fields[1].value
        if label != _ASSERTED:
            self.problems.skipped(line, f".ast: an assertion of something else than a {_ASSERTED}")
            return
        at = self.found.get(place, {}).get(label)
        if at is None:
            self.problems.repaired(line, f".ast: {place} has no {_ASSERTED} in .con; one was made")
            at = self._add(place, label)
        entity = self.entities[at]
        if entity.attributes:
            said = "again" if entity.attributes[0].value == fields[2].value else "otherwise"
            self.problems.skipped(line, f".ast: the {_ASSERTED} at {place} is asserted {said}")
        else:
            self.entities[at] = replace(entity, attributes=(Attribute(_ATTRIBUTE, fields[2].value),))

    def relation(self, line: int, fields: list[Field]) -> None:
        """Link the mentions of a .rel line."""
        label = fields[1].value
        ends: list[str] = []
        for n, field in enumerate((fields[0], fields[2])):
            (place,) = field.places
            there = self.found.get(place)
            if there is None:
                self.problems.skipped(line, f".rel: no concept at {place}")
                return
            which = chosen(list(there), label, n)
            if len(there) > 1 and label not in _ENDS:
                self.problems.kept(line, f".rel: {place} has {len(there)} concepts; the first was taken")
            ends.append(self.entities[there[which]].id)
        head, tail = ends
        self.relations.append(Relation(f"R{len(self.relations) + 1}", label, head, tail))

    def _add(self, place: Place, label: str) -> int:
        at = len(self.entities)
        self.entities.append(Entity(f"T{at + 1}", label, (self.tokens.span(place),)))
        self.found.setdefault(place, {})[label] = at
        return at


def chosen(labels: Sequence[str], relation: str, end: int) -> str:
    """Return which of the labels at one range a relation means at its head (0) or tail (1)."""
    wanted = _ENDS.get(relation, ("", ""))[end]
    return wanted if wanted in labels else labels[0]


class _Layout:
    """Which line each mention of a document is written as."""

    def __init__(self, document: Document) -> None:
        self.tokens = LineTokens(document.text)
        self.places: dict[str, Place] = {}
        self.exact: set[str] = set()
        # Mentions of one label and range are one line: that of the first whose range is exact, or else of the first.
        owners: dict[tuple[Place, str], Entity] = {}
        for entity in document.entities:
            place = self.tokens.covering(entity.span)
            if place is None or not quotable(entity.label):
                continue
            self.places[entity.id] = place
            if len(entity.fragments) == 1 and self.tokens.span(place) == entity.span:
                self.exact.add(entity.id)
            owner = owners.get((place, entity.label))
            if owner is None or (owner.id not in self.exact and entity.id in self.exact):
                owners[place, entity.label] = entity
        kept = {entity.id for entity in owners.values()}
        self.written = [entity for entity in document.entities if entity.id in kept]
        self.labels: dict[Place, list[str]] = {}
        for entity in self.written:
            self.labels.setdefault(self.places[entity.id], []).append(entity.label)


def losses(document: Document) -> Iterator[Loss]:
    """Name what these files have no place for; see the module's description."""
    layout = _Layout(document)
    kept = {entity.id for entity in layout.written}
    for entity in document.entities:
        if not quotable(entity.label):
            yield Loss(document.id, "labels", entity.id, "a label with a quote or line end cannot be written")
        elif entity.id not in layout.places:
            yield Loss(document.id, "entities", entity.id, "holds no token")
        elif entity.id not in kept:
            yield Loss(document.id, "entities", entity.id, f"{layout.places[entity.id]} has this label already")
        elif entity.id not in layout.exact and len(entity.fragments) == 1:
            span = layout.tokens.span(layout.places[entity.id])
            grown = len(span) - len(entity.span)
            yield Loss(document.id, "entities", entity.id, f"ends inside a token or white space: {grown:+d} characters")
        yield from _attribute_losses(document.id, entity)
    for relation in document.relations:
        if reason := _unlinked(document, layout, relation):
            yield Loss(document.id, "relations", relation.id, reason)
    yield from unheld(document, frozenset({"attributes", "relations", "nesting"}))


def _attribute_losses(document_id: str, entity: Entity) -> Iterator[Loss]:
    stated = _assertion(entity)
    for attribute in entity.attributes:
        if attribute is stated:
            continue
        if attribute.name != _ATTRIBUTE:
            reason = f"no place for attribute {attribute.name!r}"
        elif entity.label != _ASSERTED:
            reason = f"an assertion of something else than a {_ASSERTED}"
        else:
            reason = "a second assertion" if quotable(attribute.value) else "a value with a quote or line end"
        yield Loss(document_id, "attributes", entity.id, reason)


def _assertion(entity: Entity) -> Attribute | None:
    """Return the attribute that becomes an .ast line."""
    if entity.label != _ASSERTED:
        return None
    return next((a for a in entity.attributes if a.name == _ATTRIBUTE and quotable(a.value)), None)


def _unlinked(document: Document, layout: _Layout, relation: Relation) -> str | None:
    """Say why the relation would not come back as it is, None when it would."""
    if not quotable(relation.label):
        return "a label with a quote or line end cannot be written"
    for n, end in enumerate((relation.head, relation.tail)):
        entity = document.by_id.get(end)
        if entity is None:
            return "no place for a relation of an event"
        if end not in layout.places:
            return f"links {end}, which cannot be written"
        place = layout.places[end]
        if chosen(layout.labels[place], relation.label, n) != entity.label:
            return f"links {end} at {place}, which has {len(layout.labels[place])} labels"
    return None


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder with txt/ID.txt, concept/ID.con, ast/ID.ast and rel/ID.rel of every document.

    A mention is written as all the tokens it touches. Raises FormatError for an id that is no file name.
    """
    for document in documents:
        layout = _Layout(document)
        contents = {"con": list(_con(layout)), "ast": list(_ast(layout)), "rel": list(_rel(document, layout))}
        for kind, listed in contents.items():
            content = "".join(f"{line}\n" for line in listed)
            file_for(path / _FOLDERS[kind], document.id, f".{kind}").write_bytes(content.encode("utf-8"))
        file_for(path / _FOLDERS["txt"], document.id, ".txt").write_bytes(document.text.encode("utf-8"))


def _con(layout: _Layout) -> Iterator[str]:
    for entity in layout.written:
        yield f'{_concept(layout, entity.id)}||t="{entity.label}"'


def _ast(layout: _Layout) -> Iterator[str]:
    for entity in layout.written:
        if attribute := _assertion(entity):
            yield f'{_concept(layout, entity.id)}||t="{entity.label}"||a="{attribute.value}"'


def _rel(document: Document, layout: _Layout) -> Iterator[str]:
    for relation in document.relations:
        if quotable(relation.label) and relation.head in layout.places and relation.tail in layout.places:
            head, tail = _concept(layout, relation.head), _concept(layout, relation.tail)
            yield f'{head}||r="{relation.label}"||{tail}'


def _concept(layout: _Layout, entity_id: str) -> str:
    return written(layout.tokens, "c", (layout.places[entity_id],))
