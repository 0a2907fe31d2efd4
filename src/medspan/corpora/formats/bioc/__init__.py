"""BioC XML: collections of documents in passages, with annotations, relations and infons.

Its meaning is shared with BioC JSON (`formats.bioc_json`): `reading` and `writing` turn documents of the bioc package
into ours and back, whichever syntax they come in.
"""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from medspan.annotation import Document
from medspan.corpora.formats.bioc.losses import named
from medspan.corpora.formats.bioc.reading import document_of
from medspan.corpora.formats.bioc.writing import collection_of, made_of
from medspan.corpora.formats.losses import Loss
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import document_id, files
from medspan.corpora.formats.targets import write_file
from medspan.corpora.formats.xml_safety import refuse_declarations
from medspan.corpora.formats.xml_text import legal, unwritable
from medspan.errors import AnnotationError, FormatError, MissingExtraError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".xml", ".xml.gz", ".bioc", ".bioc.gz", ".bioc.xml", ".bioc.xml.gz")
# The reference to the DTD that BioC files begin with, if they have any. Nothing is ever fetched, so that it can go.
_DTD = re.compile(
    rb"""(\xef\xbb\xbf)?\s*(<\?xml[^>]*\?>)?\s*(<!DOCTYPE\s+collection\s+SYSTEM\s+["'][\w./:-]*BioC\.dtd["']\s*>)"""
)


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of an XML file, gzipped or not, or of those in a folder or archive, one at a time.

    A document that cannot be read is skipped with its line. Ids are those of the file.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    if match := _DTD.match(content):
        line_ends = b"\n" * content.count(b"\n", *match.span(3))
        content = content[: match.start(3)] + line_ends + content[match.end(3) :]
    refuse_declarations(content, name)
    try:
        import bioc
        from lxml import etree
    except ImportError:
        raise MissingExtraError("bioc", "formats") from None

    elements = etree.iterparse(
        BytesIO(content), events=("end",), tag="document", resolve_entities=False, no_network=True, huge_tree=False
    )
    collection: dict[str, Any] = {}
    try:
        for n, (_, element) in enumerate(elements):
            line = element.sourceline
            is_bioc = any(element.find(tag) is not None for tag in ("id", "passage"))
            if n == 0:
                collection = _collection(element.getparent())
            alone = etree.tostring(element, encoding="unicode", with_tail=False)
            # What was read is freed, so that memory does not grow with the collection.
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]
            problems.document = name
            if not is_bioc:
                problems.skipped(line, "a document with neither id nor passage; is this BioC?")
                continue
            try:
                source = bioc.biocxml.loads(f"<collection>{alone}</collection>").documents[0]
                for part in _parts(source):
                    if hasattr(part, "infons"):
                        part.infons = {key: value or "" for key, value in part.infons.items()}
                source.id = source.id or f"{document_id(name, *SUFFIXES)}#{n}"
                problems.document = source.id
                yield document_of(source, collection, line, problems, "bioc")
            except AnnotationError as error:
                problems.skipped(line, str(error))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
                # The cause could quote the file.
                problems.skipped(line, f"not a BioC document ({type(error).__name__})")
    except etree.XMLSyntaxError as error:
        place = f"{name} line {error.lineno or 1}"
        raise FormatError(f"{place}: not well-formed XML, or beyond the parser's limits of size and depth") from None
    if elements.root is None or elements.root.tag not in ("collection", "document"):
        raise FormatError(f"{name} line 1: the root is no <collection> element; is this BioC?")


def _collection(root: Any) -> dict[str, Any]:
    if root is None:
        return {}
    found = {key: root.findtext(key) for key in ("source", "date", "key")}
    infons = {infon.get("key") or "": infon.text or "" for infon in root.findall("infon")}
    return {key: value for key, value in {**found, "infons": infons}.items() if value}


def losses(document: Document) -> Iterator[Loss]:
    """Name characters that XML cannot hold; all else has a place in infons."""
    yield from unwritable(document, attributes=False)
    yield from named(document)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file, gzipped when the name ends in .gz, as one collection, described as that of the first document."""
    try:
        from bioc.biocxml import BioCXMLDocumentWriter
    except ImportError:
        raise MissingExtraError("bioc", "formats") from None

    out = BytesIO()
    writer = BioCXMLDocumentWriter(out, encoding="UTF-8")
    for n, document in enumerate(documents):
        if n == 0:
            collection = collection_of(document)
            _legalize(collection)
            writer.write_collection_info(collection)
        made = made_of(document)
        for part in _parts(made):
            _legalize(part)
        writer.write_document(made)
    writer.close()
    write_file(path, out.getvalue())


def _parts(made: Any) -> Iterator[Any]:
    """Yield a document and everything in it that has words of its own."""
    for part in (made, *made.passages, *(s for p in made.passages for s in p.sentences)):
        yield part
        yield from part.annotations
        for relation in part.relations:
            yield relation
            yield from relation.nodes


def _legalize(part: Any) -> None:
    for name in ("id", "text", "source", "date", "key", "refid", "role"):
        if isinstance(value := getattr(part, name, None), str):
            setattr(part, name, legal(value))
    if hasattr(part, "infons"):
        part.infons = {legal(str(k)): "" if v is None else legal(str(v)) for k, v in part.infons.items()}
