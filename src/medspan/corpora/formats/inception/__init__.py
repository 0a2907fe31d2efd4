"""INCEpTION's UIMA CAS JSON (0.4.0), through the dkpro-cassis package; one file a document.

Every annotation of a span layer is an entity, except tokens, sentences and the document's own data. Its label is the
feature `label` or `value`, or the only string feature, or else the layer's name; `identifier` is its code, and other
features with plain values are attributes. Relation layers (Governor, Dependent) are relations, head to tail; a link
feature with targets is an event whose trigger is the entity. Files count offsets in UTF-16 code units, as Java does;
cassis converts them. Which layer and which features an annotation had is kept in `metadata["inception"]`.

Written are the layers `custom.Span` and `custom.Relation` (feature `label`) where the metadata name no others, with the
attributes as string features and an event's arguments as the link feature `arguments` of its trigger.

Not held: discontinuity (written as the covering range), groups, facts between codes, metadata of others, relations of
events, events that have attributes, no arguments, another label than their trigger or a trigger in common with another
event or an event as argument, and attributes whose name is no feature name or which come in another order than the
layer's.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.inception.reading import document_of
from medspan.corpora.formats.inception.writing import encoded, losses
from medspan.corpora.formats.reading import read_singly
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.corpora.formats.targets import file_for, write_file
from medspan.errors import FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".json", ".json.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the document of a file, or those of all files in a folder; its id is the path without the suffix."""
    named = ((document_id(name, *SUFFIXES), (name, content)) for name, content in files(path, SUFFIXES))
    yield from read_singly(named, _document, problems)


def _document(file: tuple[str, bytes], problems: Problems) -> Document:
    name, content = file
    return document_of(problems.document, decode(content, name), name, problems)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write ID.json for every document under the folder `path`, or one file when the name ends in .json.

    Raises FormatError for a second document where one file is to be written.
    """
    written: set[str] = set()
    for document in documents:
        if document.id in written:
            raise FormatError(f"document id {document.id!r} is used twice; ids must be unique to be file names")
        if path.name.lower().endswith(SUFFIXES):
            if written:
                raise FormatError(f"{path.name}: a file holds one document; give a folder")
            write_file(path, encoded(document))
        else:
            write_file(file_for(path, document.id, ".json"), encoded(document))
        written.add(document.id)
