"""CoNLL: a token a line with its tag last, a blank line between sentences.

Read are UF's form (columns separated by single spaces) and the tab form, with further columns between token and tag;
where a pair of them holds offsets (`token start end ... tag`), the text is rebuilt in its true length, else its tokens
are joined by spaces and its sentences by line ends. Tags are BIO, or IOBES or BILOU. `-DOCSTART-` begins a document.

Written is the tab form `token, start, end, tag`, after a line `-DOCSTART- (ID)` that spans the whole text. A sentence
is a line of the text, and of the next where a mention goes on there; a token is a run of letters, digits and
underscores, or any other character that is not white space. So many blank lines follow a sentence as line ends follow
its line, and what else lies between tokens is read as spaces.

Not held: white space other than that (tabs, spaces before a line end, carriage returns, line ends inside a mention:
read as spaces or line ends, so that offsets stay), mentions that share a token with another or begin or end inside one,
discontinuity, attributes, codes, relations, events, groups, facts between codes, metadata, and mentions in another
order than the text's. Ids of entities are given anew.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.conll.reading import documents_of
from medspan.corpora.formats.conll.writing import losses, rows
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.corpora.formats.targets import file_for, write_file
from medspan.errors import FormatError

__all__ = ["losses", "stream", "write"]

SUFFIXES = tuple(f"{suffix}{gz}" for suffix in (".tsv", ".conll", ".bio", ".iob", ".txt") for gz in ("", ".gz"))


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file, or of all files in a folder.

    A document's id is what its `-DOCSTART- (ID)` line says, or else the path under `path` without the suffix, with a
    number where the file holds several.
    """
    yield from read_files(files(path, SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    return documents_of(decode(content, name), document_id(name, *SUFFIXES), problems)


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file when the name ends in .tsv, .conll, .bio, .iob or .txt, else ID.tsv for each under a folder.

    Raises FormatError for labels and ids that cannot stand in a line.
    """
    one_file = path.name.lower().endswith(SUFFIXES)
    parts: list[str] = []
    written: set[str] = set()
    for document in documents:
        if document.id in written:
            raise FormatError(f"document id {document.id!r} is used twice; ids must be unique to be told apart")
        written.add(document.id)
        content = "".join(f"{row}\n" for row in rows(document))
        if one_file:
            parts.append(content)
        else:
            write_file(file_for(path, document.id, ".tsv"), content.encode("utf-8"))
    if one_file:
        write_file(path, "".join(parts).encode("utf-8"))
