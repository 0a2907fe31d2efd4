"""Annotations without their text: offsets that ship with the package and are joined with public text on the spot."""

import gzip
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from medspan.annotation import Document, document_from_dict, document_to_dict
from medspan.errors import CorpusError

__all__ = ["join_standoff", "packaged_standoff", "standoff_lines"]


def standoff_lines(documents: Iterable[Document]) -> bytes:
    """Return gzipped JSON Lines of the documents with a hash of each text in its place."""
    records = []
    for document in documents:
        record = document_to_dict(document)
        record["sha256"] = _hash(record.pop("text"))
        records.append(json.dumps(record, ensure_ascii=True, separators=(",", ":"), sort_keys=True))
    return gzip.compress("".join(f"{record}\n" for record in records).encode("ascii"), compresslevel=9, mtime=0)


def packaged_standoff(name: str, split: str) -> list[dict[str, Any]]:
    """Return the stand-off records of one split of a corpus that ships so; raises CorpusError for any other."""
    source = files("medspan.corpora") / "standoff" / f"{name}-{split}.jsonl.gz"
    if not source.is_file():
        raise CorpusError(f"corpus {name}: no stand-off annotations for split {split!r} come with the package")
    return [json.loads(line) for line in gzip.decompress(source.read_bytes()).decode("ascii").splitlines()]


def join_standoff(records: Iterable[Mapping[str, Any]], texts: Mapping[str, str]) -> list[Document]:
    """Put the texts back by document id, in the order of the records.

    Raises CorpusError, naming documents, when a text is missing or its hash shows that it is not the one annotated.
    """
    documents, missing, changed = [], [], []
    for record in records:
        text = texts.get(record["id"])
        if text is None:
            missing.append(record["id"])
        elif _hash(text) != record["sha256"]:
            changed.append(record["id"])
        else:
            documents.append(document_from_dict({**record, "text": text}))
    if missing or changed:
        raise CorpusError(
            f"the text of {len(missing)} documents is missing and of {len(changed)} is not the text annotated "
            f"(first: {(missing + changed)[0]}); fetch the text corpus again, at the commit the catalog states"
        )
    return documents


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()
