"""Tags with offsets as entities, and entities as tags: what the XML of 2012 and of 2014 has in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from medspan.annotation import Attribute, Document, Entity, Span
from medspan.corpora.formats.i2b2.xml_tags import Tag, is_name, tag_line
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.xml_text import legal
from medspan.errors import AnnotationError

__all__ = [
    "Ids",
    "Scheme",
    "entities_of",
    "mention_losses",
    "mention_tags",
    "settled",
    "words_of",
    "written_ids",
]

_PLACE = ("id", "start", "end", "text")
_SHIFTS = (0, -1, 1)
_MAX_DIGITS = 9
_N_FAR = 1000


@dataclass(frozen=True, slots=True)
class Scheme:
    """Attributes of tags: `read` gives their order on an entity, `written` that in the file, by the tag's name.

    A tag has all of its own, empty where nothing is known. Names in neither follow in the order they have.
    """

    read: Mapping[str, tuple[str, ...]]
    written: Mapping[str, tuple[str, ...]]
    other: tuple[str, ...] = ()

    def order(self, label: str) -> tuple[str, ...]:
        """Return the order in which an entity of this label has its attributes."""
        return self.read.get(label, self.other)

    def file_order(self, label: str) -> tuple[str, ...]:
        """Return the order in which a tag of this name has its attributes."""
        return self.written.get(label, self.other)


class Ids:
    """Ids given once: what a file uses twice gets a new one."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.used: set[str] = set()
        self._counts: dict[str, int] = {}

    def fresh(self, given: str | None, letter: str, line: int) -> str:
        """Return the given id, or one of its own kind where it is missing or used already."""
        base = given or letter
        key = given or f"{letter}{len(self.used)}"
        while key in self.used:
            # The count goes on from one clash to the next: a damaged file may hold one id very often.
            self._counts[base] = self._counts.get(base, 1) + 1
            key = f"{base}_{self._counts[base]}"
        if key != given:
            self.problems.repaired(line, "an id is missing or used twice; a new one is given")
        self.used.add(key)
        return key


def settled(text: str, tags: Sequence[Tag], problems: Problems) -> tuple[str, int]:
    r"""Return the text and the shift under which most tags have the words they state.

    Some tools count offsets from the first character after the leading line end, others from 1. And XML's rules turn
    \r\n into \n before a tool counts. Another reading must give more than half of the tags their words, and more of
    them than the plain one.
    """
    checked = [
        (*offsets, tag.attributes["text"]) for tag in tags if "text" in tag.attributes and (offsets := _offsets(tag))
    ]
    best, reading = -1, (text, 0)
    for candidate in dict.fromkeys((text, text.replace("\r\n", "\n").replace("\r", "\n"))):
        for shift in _SHIFTS:
            n = sum(_states(candidate, start + shift, end + shift, words) for start, end, words in checked)
            if n > best and (best < 0 or 2 * n > len(checked)):
                best, reading = n, (candidate, shift)
    if reading[0] != text:
        problems.repaired(None, f"line ends are \\n alone, as {best} of {len(checked)} tags count them")
    if reading[1]:
        problems.repaired(None, f"offsets are shifted by {reading[1]:+d}, as {best} of {len(checked)} tags show")
    return reading


def entities_of(
    tags: Iterable[Tag], text: str, shift: int, scheme: Scheme, ids: Ids, names: dict[str, str]
) -> Iterator[Entity]:
    """Yield the entity of each tag; `names` learns which entity the file means by an id, the first of its name."""
    problems = ids.problems
    for number, tag in enumerate(tags):
        given = tag.attributes.get("id")
        shown = f"tag {number}"
        offsets = _offsets(tag)
        if offsets is None:
            problems.skipped(tag.line, f"{shown} has no start and end that are numbers")
            continue
        start, end = offsets[0] + shift, offsets[1] + shift
        try:
            span = Span(start, end)
            if end > len(text):
                raise AnnotationError(f"ends at {end}, past the text's end {len(text)}")
        except AnnotationError as error:
            problems.skipped(tag.line, f"{shown}: {error}")
            continue
        if not _states(text, start, end, tag.attributes.get("text", "")):
            problems.kept(tag.line, f"{shown}: the stated words differ from the text at {start}")
        key = ids.fresh(given, tag.name[:1], tag.line)
        if given:
            names.setdefault(given, key)
        yield Entity(key, tag.name, (span,), tuple(_read_attributes(tag, scheme)))


def _read_attributes(tag: Tag, scheme: Scheme) -> Iterator[Attribute]:
    order = scheme.order(tag.name)
    for name in (*order, *(name for name in tag.attributes if name not in order and name not in _PLACE)):
        value = tag.attributes.get(name, "")
        if value or name not in order:
            yield Attribute(name, value)


def mention_tags(document: Document, scheme: Scheme, is_written: Callable[[Entity], bool]) -> Iterator[str]:
    """Write the entities of a document, one a line; a mention with gaps as the range that covers it."""
    ids = written_ids(document)
    for entity in document.entities:
        if is_written(entity):
            values = {"id": ids[entity.id], "start": str(entity.start), "end": str(entity.end)}
            values["text"] = words_of(document, entity)
            order = scheme.file_order(entity.label)
            given = {a.name: a.value for a in reversed(entity.attributes) if _named(a.name)}
            values |= {name: given.pop(name, "") for name in order}
            values |= {a.name: given[a.name] for a in entity.attributes if a.name in given}
            yield tag_line(entity.label, values)


def written_ids(document: Document) -> dict[str, str]:
    """Return the id in the file by each id: the same, or all numbered where XML cannot hold them or needs one."""
    keys = [entity.id for entity in document.entities] + [relation.id for relation in document.relations]
    ids = {key: legal(key) for key in keys}
    if "" in ids.values() or len(set(ids.values())) < len(ids):
        return {key: f"{'T' if n < len(document.entities) else 'R'}{n}" for n, key in enumerate(ids)}
    return ids


def words_of(document: Document, entity: Entity) -> str:
    """Return the words that a tag states: as they stand in the file's text, gaps included, with single spaces."""
    return " ".join(legal(document.text[entity.start : entity.end]).split())


def mention_losses(document: Document, scheme: Scheme, taken: frozenset[str] = frozenset()) -> Iterator[Loss]:
    """Name labels and attributes that no tag can have; `taken` are labels with a meaning of their own."""
    for entity in document.entities:
        if not is_name(entity.label) or entity.label in taken:
            yield Loss(document.id, "labels", entity.id, "the label is no name for a tag")
        order = scheme.order(entity.label)
        ranks: list[int] = []
        for n, attribute in enumerate(entity.attributes):
            reason = None
            if not _named(attribute.name):
                reason = "its name is none for an attribute of a tag"
            elif any(a.name == attribute.name for a in entity.attributes[:n]):
                reason = f"no place for a second {attribute.name!r}"
            elif attribute.name in order and not attribute.value:
                reason = f"an empty {attribute.name!r} is none"
            if reason:
                yield Loss(document.id, "attributes", entity.id, reason)
            else:
                ranks.append(order.index(attribute.name) if attribute.name in order else len(order))
        if ranks != sorted(ranks):
            yield Loss(document.id, "attributes", entity.id, f"come back in the order {', '.join(order)}")


def _named(name: str) -> bool:
    return is_name(name) and name not in _PLACE


def _offsets(tag: Tag) -> tuple[int, int] | None:
    found: list[int] = []
    for name in ("start", "end"):
        written = tag.attributes.get(name, "").strip()
        if not (written.isascii() and written.isdigit() and len(written) <= _MAX_DIGITS):
            return None
        found.append(int(written))
    return found[0], found[1]


def _states(text: str, start: int, end: int, words: str) -> bool:
    if start < 0 or end > len(text) or end - start > _N_FAR + 8 * len(words):
        return False
    return " ".join(text[start:end].split()) == " ".join(words.split())
