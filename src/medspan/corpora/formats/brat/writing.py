"""A Document as .txt and .ann."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats.brat.dialect import BRAT, Dialect
from medspan.corpora.formats.brat.meaning import EXTRAS_NOTE
from medspan.corpora.formats.targets import file_for
from medspan.errors import FormatError

__all__ = ["by_line", "numbered", "write"]

_NAME = re.compile(r"\S+")
_LINE_END = re.compile(r"[\r\n]")


def write(documents: Iterable[Document], path: Path, dialect: Dialect = BRAT) -> None:
    """Write ID.txt and ID.ann for every document under the folder `path`; scores are left out.

    What the reader had to keep in `metadata[dialect.name]` is written back. Other metadata and what else brat has no
    place for travels in one note line. Ids that are not brat's (T1, R1, E1) are renumbered. Raises FormatError for
    labels that cannot stand in a line and for document ids that are no file names.
    """
    written: set[str] = set()
    for document in documents:
        if document.id in written:
            raise FormatError(f"document id {document.id!r} is used twice; ids must be unique to be file names")
        written.add(document.id)
        content = "".join(f"{line}\n" for line in _lines(_with_brat_ids(document), dialect))
        file_for(path, document.id, ".txt").write_bytes(document.text.encode("utf-8"))
        file_for(path, document.id, ".ann").write_bytes(content.encode("utf-8"))


def _lines(document: Document, dialect: Dialect) -> Iterable[str]:
    kept: Mapping[str, Any] = document.metadata.get(dialect.name, {})
    attributes: list[tuple[str, Attribute]] = []
    # First, since a line without a tab would read as the rest of a mention after a T line.
    yield from kept.get("lines", ())
    for entity in document.entities:
        fragments = by_line(document.text, entity.fragments) if dialect.splits_lines else entity.fragments
        offsets = ";".join(f"{f.start} {f.end}" for f in fragments)
        # Each line end is one space, so that a scorer which counts in the mention finds the joints.
        mention = _LINE_END.sub(" ", document.mention(entity))
        yield f"{entity.id}\t{_name(document, entity.label)} {offsets}\t{mention}"
        attributes.extend((entity.id, attribute) for attribute in entity.attributes)
    for event in document.events:
        places = [(event.label, event.trigger), *numbered(event.arguments)]
        yield f"{event.id}\t" + " ".join(f"{_name(document, role)}:{target}" for role, target in places)
        attributes.extend((event.id, attribute) for attribute in event.attributes)
    for relation in document.relations:
        head, tail = kept.get("ends", {}).get(relation.id, ("Arg1", "Arg2"))
        yield f"{relation.id}\t{_name(document, relation.label)} {head}:{relation.head} {tail}:{relation.tail}"
    for group in document.groups:
        yield f"*\t{_name(document, group.label)} {' '.join(group.members)}"
    for number, (target, attribute) in enumerate(attributes, start=1):
        is_bare = attribute.value == "true" and not dialect.single_values
        value = "" if is_bare else f" {_value(document, target, attribute)}"
        yield f"A{number}\t{_name(document, attribute.name)} {target}{value}"
    yield from _normalizations(document, kept.get("normalizations", ()))
    if extras := _extras(document, dialect):
        yield f"#0\t{EXTRAS_NOTE} document\t{json.dumps(extras)}"


def _extras(document: Document, dialect: Dialect) -> dict[str, Any]:
    """Collect what brat has no place for."""
    extras: dict[str, Any] = {}
    if metadata := {key: value for key, value in document.metadata.items() if key != dialect.name}:
        extras["metadata"] = metadata
    ids = [group.id for group in document.groups]
    if ids != [f"*{n}" for n in range(1, len(ids) + 1)]:
        extras["group_ids"] = ids
    if document.concept_relations:
        extras["concept_relations"] = [
            [c.label, c.head_code, c.tail_code, list(c.extra)] for c in document.concept_relations
        ]
    return extras


def _normalizations(document: Document, kept: Iterable[str]) -> Iterable[str]:
    # A kept line that gave an entity its code says more than the code; other entities get a bare line. Bare lines
    # come first, since the first normalisation of an entity is its code.
    said = {tuple(line.split("\t")[1].split()[1:3]) for line in kept}
    number = 0
    for entity in document.entities:
        if entity.code is not None and (entity.id, entity.code) not in said:
            number += 1
            yield f"N{_free(number, kept)}\tReference {entity.id} {_code(document, entity)}\t"
    yield from kept


def _free(number: int, kept: Iterable[str]) -> int:
    used = {line.split("\t")[0] for line in kept}
    base = max((int(name[1:]) for name in used if name[1:].isdigit()), default=0)
    return base + number


def numbered(arguments: Iterable[Argument]) -> Iterator[tuple[str, str]]:
    """Yield (role, target) with a digit after the second and further uses of a role (Type, Type2)."""
    seen: dict[str, int] = {}
    for argument in arguments:
        seen[argument.role] = seen.get(argument.role, 0) + 1
        number = seen[argument.role]
        yield argument.role if number == 1 else f"{argument.role}{number}", argument.target


def by_line(text: str, fragments: Iterable[Span]) -> tuple[Span, ...]:
    """Cut fragments at line ends, which belong to none of the pieces; one that holds nothing else stays."""
    pieces: list[Span] = []
    for fragment in fragments:
        found = [
            Span(fragment.start + match.start(), fragment.start + match.end())
            for match in re.finditer(r"[^\r\n]+", text[fragment.start : fragment.end])
        ]
        pieces.extend(found or [fragment])
    return tuple(pieces)


def _with_brat_ids(document: Document) -> Document:
    """Return the document with ids that brat accepts: the ones it has where all do, else fresh ones throughout."""
    kinds = {
        "T": [e.id for e in document.entities],
        "R": [r.id for r in document.relations],
        "E": [e.id for e in document.events],
    }
    if all(re.fullmatch(rf"{letter}[\w.-]+", name) for letter, names in kinds.items() for name in names):
        return document
    new = {name: f"{letter}{n}" for letter, names in kinds.items() for n, name in enumerate(names, start=1)}
    new.update((group.id, f"*{n}") for n, group in enumerate(document.groups, start=1))
    return replace(
        document,
        entities=tuple(replace(e, id=new[e.id]) for e in document.entities),
        relations=tuple(Relation(new[r.id], r.label, new[r.head], new[r.tail]) for r in document.relations),
        events=tuple(
            Event(
                new[e.id],
                e.label,
                new[e.trigger],
                tuple(Argument(a.role, new[a.target]) for a in e.arguments),
                e.attributes,
            )
            for e in document.events
        ),
        groups=tuple(Group(new[g.id], g.label, tuple(new[m] for m in g.members)) for g in document.groups),
    )


def _name(document: Document, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FormatError(
            f"document {document.id!r}: the name {name!r} is empty or holds white space, which brat cannot write"
        )
    return name


def _value(document: Document, target: str, attribute: Attribute) -> str:
    if not attribute.value.strip() or re.search(r"[\t\r\n]", attribute.value):
        raise FormatError(
            f"document {document.id!r}: attribute {attribute.name} of {target} is empty or holds a line end or tab, "
            "which brat cannot write"
        )
    return attribute.value


def _code(document: Document, entity: Entity) -> str:
    if entity.code is None or not entity.code or re.search(r"\s", entity.code):
        raise FormatError(f"document {document.id!r}: the code of {entity.id} is empty or holds white space")
    return entity.code
