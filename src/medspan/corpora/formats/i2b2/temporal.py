"""2012 i2b2 temporal relations: XML with a note, its events and times as tags, and links between these (TLINK).

EVENT, TIMEX3 and SECTIME become entities of that label with the tag's attributes, TLINKs relations labelled by their
type; ids are kept. A link whose end is no tag (Admission, Discharge, nothing) waits in `metadata["i2b2-2012"]["links"]`
as the file has it, further attributes of links in `...["extra"]` by their id. The same in files .extent and .tlink, by
line and token, is compared with the XML, and read in its place beside a .txt where there is no XML.

Not held: gaps, events of arguments, groups, codes, facts between codes, other metadata.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Entity, Relation
from medspan.corpora.formats.i2b2.file_sets import FileKind, FileSet, file_sets, read_sets
from medspan.corpora.formats.i2b2.mentions import (
    Ids,
    Scheme,
    entities_of,
    mention_losses,
    mention_tags,
    settled,
    words_of,
    written_ids,
)
from medspan.corpora.formats.i2b2.twins import ORDERS, compare, twin_lines, twins_of
from medspan.corpora.formats.i2b2.xml_tags import Tag, is_name, read_tagged, tag_line, tagged_file
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode
from medspan.corpora.formats.targets import file_for
from medspan.corpora.formats.xml_text import unwritable

__all__ = ["losses", "stream", "write"]

_NAME = "i2b2-2012"
_ROOT = "ClinicalNarrativeTemporalAnnotation"
_LINK = "TLINK"
_KINDS = (
    FileKind("xml", (".xml",), is_note=True),
    FileKind("txt", (".xml.txt", ".txt"), is_note=True),
    FileKind("extent", (".xml.extent", ".extent")),
    FileKind("tlink", (".xml.tlink", ".tlink")),
)
# The official scripts find tags by patterns that want exactly this order.
_SCHEME = Scheme(
    ORDERS,
    {
        "EVENT": ("modality", "polarity", "type"),
        "TIMEX3": ("type", "val", "mod"),
        "SECTIME": ("type", "dvalue"),
    },
)
_LINK_KEYS = ("id", "fromID", "fromText", "toID", "toText", "type")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every note of a folder or archive, or of one file, one at a time.

    The text is the content of TEXT exactly, the line end it begins with included.
    """
    yield from read_sets(file_sets(path, _KINDS, problems), _document, problems)


def _document(found: FileSet, problems: Problems) -> Document:
    twins = {k: decode(found.read(n), Path(n).name) for k, n in found.names.items() if k in ("extent", "tlink")}
    if "xml" not in found.names:
        text = decode(found.read(found.names["txt"]), Path(found.names["txt"]).name)
        entities, relations = twins_of(text, twins.get("extent", ""), twins.get("tlink", ""), problems)
        return Document(found.id, text, tuple(entities), tuple(relations))
    file = found.names["xml"]
    tagged = read_tagged(found.read(file), Path(file).name, _ROOT, problems)
    tags = [tag for tag in tagged.tags if tag.name != _LINK]
    text, shift = settled(tagged.text, tags, problems)
    ids, names = Ids(problems), dict[str, str]()
    entities = list(entities_of(tags, text, shift, _SCHEME, ids, names))
    relations, own = _links((tag for tag in tagged.tags if tag.name == _LINK), ids, names)
    document = Document(found.id, text, tuple(entities), tuple(relations), metadata={_NAME: own} if own else {})
    compare(document, twins.get("extent"), twins.get("tlink"), problems)
    return document


def _links(tags: Iterable[Tag], ids: Ids, names: Mapping[str, str]) -> tuple[list[Relation], dict[str, Any]]:
    """Return the links between entities, and what is kept of the others and of their further attributes."""
    relations: list[Relation] = []
    links: list[dict[str, str]] = []
    extra: dict[str, dict[str, str]] = {}
    for tag in tags:
        head, tail = (names.get(tag.attributes.get(end, "")) for end in ("fromID", "toID"))
        if not tag.attributes.get("type"):
            ids.problems.kept(tag.line, "a link has no type")
        if head is None or tail is None:
            ids.problems.kept(tag.line, "an end of a link is no tag; the link is kept in the metadata")
            links.append(tag.attributes)
            continue
        relation = Relation(
            ids.fresh(tag.attributes.get("id"), "TL", tag.line), tag.attributes.get("type", ""), head, tail
        )
        relations.append(relation)
        if further := {name: value for name, value in tag.attributes.items() if name not in _LINK_KEYS}:
            extra[relation.id] = further
    return relations, {key: value for key, value in (("links", links), ("extra", extra)) if value}


def losses(document: Document) -> Iterator[Loss]:
    """Name what the tags have no place for; see the module's description."""
    yield from unwritable(document)
    yield from mention_losses(document, _SCHEME, frozenset({_LINK}))
    for relation in document.relations:
        for end in (relation.head, relation.tail):
            entity = document.by_id.get(end)
            if entity is None or not _is_written(entity):
                reason = "no place for a relation of an event" if entity is None else f"{end} cannot be written"
                yield Loss(document.id, "relations", relation.id, reason)
                break
    yield from unheld(document, frozenset({"attributes", "relations", "nesting"}), _NAME)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder with ID.xml of every document, and ID.extent and ID.tlink when tokens can tell all mentions.

    Raises FormatError for an id that is no file name.
    """
    for document in documents:
        tags = [*mention_tags(document, _SCHEME, _is_written), *_link_tags(document)]
        file_for(path, document.id, ".xml").write_bytes(tagged_file(_ROOT, document.text, tags))
        if (twins := twin_lines(document)) is not None:
            for suffix, listed in zip((".extent", ".tlink"), twins, strict=True):
                content = "".join(f"{line}\n" for line in listed)
                file_for(path, document.id, suffix).write_bytes(content.encode("utf-8"))


def _is_written(entity: Entity) -> bool:
    return is_name(entity.label) and entity.label != _LINK


def _link_tags(document: Document) -> Iterator[str]:
    own = document.metadata.get(_NAME)
    own = own if isinstance(own, Mapping) else {}
    extra = own.get("extra")
    ids = written_ids(document)
    for relation in document.relations:
        head, tail = document.by_id.get(relation.head), document.by_id.get(relation.tail)
        if head is not None and tail is not None and _is_written(head) and _is_written(tail):
            values = {"id": ids[relation.id]}
            for end, entity in (("from", head), ("to", tail)):
                values |= {f"{end}ID": ids[entity.id], f"{end}Text": words_of(document, entity)}
            values["type"] = relation.label
            yield tag_line(_LINK, values | _named(extra.get(relation.id) if isinstance(extra, Mapping) else None))
    links = own.get("links")
    for link in links if isinstance(links, Iterable) else ():
        further = _named(link)
        yield tag_line(_LINK, {key: str(link[key]) for key in _LINK_KEYS if key in link} | further)


def _named(values: Any) -> dict[str, str]:
    """Return what can be further attributes of a link."""
    if not isinstance(values, Mapping):
        return {}
    return {str(key): str(value) for key, value in values.items() if is_name(str(key)) and key not in _LINK_KEYS}
