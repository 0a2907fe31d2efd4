"""2014 i2b2/UTHealth de-identification: XML with a note and a tag for each identifier in it.

The tag's name is the category and becomes the label; TYPE and, when not empty, comment become attributes. Not held:
gaps, relations, events, groups, codes, facts between codes, metadata.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.i2b2.file_sets import FileKind, FileSet, file_sets, read_sets
from medspan.corpora.formats.i2b2.mentions import Ids, Scheme, entities_of, mention_losses, mention_tags, settled
from medspan.corpora.formats.i2b2.xml_tags import is_name, read_tagged, tagged_file
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.targets import file_for
from medspan.corpora.formats.xml_text import unwritable

__all__ = ["losses", "stream", "write"]

_ROOT = "deIdi2b2"
_KINDS = (FileKind("xml", (".xml",), is_note=True),)
_SCHEME = Scheme({}, {}, ("TYPE", "comment"))


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of every XML file of a folder or archive, or of one file, one at a time.

    The text is the content of TEXT exactly. Ids are kept, but for those used twice.
    """
    yield from read_sets(file_sets(path, _KINDS, problems), _document, problems)


def _document(found: FileSet, problems: Problems) -> Document:
    file = found.names["xml"]
    tagged = read_tagged(found.read(file), Path(file).name, _ROOT, problems)
    text, shift = settled(tagged.text, tagged.tags, problems)
    return Document(found.id, text, tuple(entities_of(tagged.tags, text, shift, _SCHEME, Ids(problems), {})))


def losses(document: Document) -> Iterator[Loss]:
    """Name what the tags have no place for; see the module's description."""
    yield from unwritable(document)
    yield from mention_losses(document, _SCHEME)
    yield from unheld(document, frozenset({"attributes", "nesting"}))


def write(documents: Iterable[Document], path: Path) -> None:
    """Write a folder of one XML file a document; raises FormatError for an id that is no file name."""
    for document in documents:
        content = tagged_file(_ROOT, document.text, mention_tags(document, _SCHEME, lambda e: is_name(e.label)))
        file_for(path, document.id, ".xml").write_bytes(content)
