"""Invented corpora in their native files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from medspan.annotation import Document
from medspan.corpora.formats import Loss, write
from medspan.corpora.invent.genres import invent_documents
from medspan.corpora.invent.kinds import KINDS, invent
from medspan.corpora.invent.untidy import untidy
from medspan.registry import unknown_name

__all__ = ["DEFAULT_SCHEMA", "documents_for", "write_corpus"]

#: The schema whose notes a format is written with unless another is asked for: that of the corpus it came with.
DEFAULT_SCHEMA: Mapping[str, str] = {
    "ade": "ade",
    "bioc": "bc5cdr",
    "bioc-json": "bc5cdr",
    "brat": "n2c2-2018",
    "conll": "i2b2-2010",
    "ddi": "ddi",
    "e3c": "e3c",
    "i2b2-2009": "i2b2-2009",
    "i2b2-2010": "i2b2-2010",
    "i2b2-2012": "i2b2-2012",
    "i2b2-2014": "i2b2-2014",
    "inception": "i2b2-2010",
    "jsonl": "clinical",
    "label-studio": "soda",
    "n2c2-2022": "n2c2-2022",
    "parquet": "clinical",
    "pubtator": "bc5cdr",
    "radgraph": "radgraph",
    "text": "clinical",
}


def documents_for(
    format: str,  # noqa: A002
    schema: str | None,
    n: int,
    seed: int,
    traps: bool = True,
    characters: int | None = None,
) -> Iterator[Document]:
    """Yield invented documents for a format: of `schema`, which may be a name in KINDS, or else of the format's own.

    Raises UnknownNameError for an unknown schema, and for a format that has none of its own where none is given.
    """
    if schema is None:
        if format not in DEFAULT_SCHEMA:
            raise unknown_name("format to invent notes in", format, list(DEFAULT_SCHEMA))
        schema = DEFAULT_SCHEMA[format]
    if schema in KINDS:
        return iter(invent(schema, n, seed))
    documents = invent_documents(schema, n, seed, traps, characters)
    return map(_titled, documents) if format == "pubtator" else documents


def _titled(document: Document) -> Document:
    """Tell title and abstract apart."""
    title = re.match(r"(?s).+?[.?](?= )", document.text)
    return replace(document, metadata={"pubtator": {"title_end": title.end()}}) if title else document


def write_corpus(
    format: str,  # noqa: A002
    schema: str | None,
    n: int,
    seed: int,
    path: Path,
    *,
    traps: bool = True,
    characters: int | None = None,
    lossy: bool = False,
) -> list[Loss]:
    """Write `n` invented notes in a native format; returns what the format could not hold.

    `schema` None means the format's own; the names in KINDS are understood, too. With `traps` the documents hold what
    readers trip over, and the files are afterwards made as untidy as real ones, without a change of meaning. Raises
    UnknownNameError for an unknown format or schema, FormatError for losses unless `lossy`.
    """
    documents = documents_for(format, schema, n, seed, traps, characters)
    lost = write(documents, path, format, lossy=lossy)
    if traps:
        untidy(path, format, seed)
    return lost
