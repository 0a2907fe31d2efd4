"""Label Studio's JSON export and import: tasks with a text, and regions, relations and choices of each annotator.

A region is an entity (one for each of its labels), a choice about a region an attribute, a text field `code` about a
region its code. A task that several annotators completed becomes one document each, with the ids
TASK#annotator-N and `group` (the task) and `annotator` in its metadata; they join again on writing.

The document id is written as `data.document_id` and read from there, or else is the task's own id. Other metadata
travel in the task's `meta`. Not held: discontinuity (written as the covering range), events, groups, facts between
codes. Rows of the JSON-MIN export are read too, and written as whole tasks.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats.json_parts import parts
from medspan.corpora.formats.label_studio.reading import documents_of
from medspan.corpora.formats.label_studio.writing import Tasks
from medspan.corpora.formats.losses import Loss, unheld
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, document_id, files
from medspan.corpora.formats.targets import write_file

__all__ = ["losses", "stream", "write"]

SUFFIXES = (".json", ".json.gz")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file, or of all files in a folder, one task and annotator at a time.

    Annotations that their annotator cancelled are skipped. A task without annotations gives the documents of its
    predictions, or else a bare note. What the file says beside that is kept in `metadata["label-studio"]`.
    """
    # Tasks without an id get one by their place, which must not be that of another task.
    seen: set[str] = set()
    yield from read_files(files(path, SUFFIXES), partial(_documents, seen), problems)


def _documents(seen: set[str], name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    for number, (line, _, task) in enumerate(parts(decode(content, name), problems), start=1):
        problems.line = line
        for document in documents_of(task, f"{document_id(name, *SUFFIXES)}-{number}", seen, line, problems):
            yield document
            seen.add(document.id)


def losses(document: Document) -> Iterator[Loss]:
    """Name what Label Studio has no place for; see the description above."""
    entity_ids = {entity.id for entity in document.entities}
    for relation in document.relations:
        if not {relation.head, relation.tail} <= entity_ids:
            yield Loss(document.id, "relations", relation.id, "no place for a relation of an event")
    yield from unheld(document, frozenset({"attributes", "codes", "nesting", "relations", "metadata"}))


def write(documents: Iterable[Document], path: Path) -> None:
    """Write one file of tasks, or under a folder `tasks.json`, fit for Label Studio's import.

    The labelling interface needs a Labels tag called `label` for the text called `text`, Choices called as the
    attributes are, and a TextArea called `code`, all of the latter per region.
    """
    tasks = Tasks()
    for document in documents:
        tasks.add(document)
    write_file(path if path.name.lower().endswith(SUFFIXES) else path / "tasks.json", tasks.encoded())
