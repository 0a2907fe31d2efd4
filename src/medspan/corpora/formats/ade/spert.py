"""SpERT's JSON of the ADE corpus: a list of tokenised sentences, with mentions and relations by position."""

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats.ade.rows import text_order
from medspan.corpora.formats.reading import read_files
from medspan.corpora.formats.result import Problem, Problems
from medspan.corpora.formats.sources import decode, files
from medspan.errors import AnnotationError, FormatError

__all__ = ["stream"]

_SUFFIXES = (".json", ".json.gz")
_OWN = ("tokens", "entities", "relations")


def stream(path: Path, problems: list[Problem]) -> Iterator[Document]:
    """Yield a document a sentence of one JSON file or of those in a folder; the text is the tokens, spaces between.

    Ids are PMID-1, PMID-2 ... where a sentence states its PMID, else `orig_id` or its number. Further keys are kept in
    `metadata["ade"]`.
    """
    yield from read_files(files(path, _SUFFIXES), _documents, problems)


def _documents(name: str, content: bytes, problems: Problems) -> Iterator[Document]:
    numbers: dict[str, int] = {}
    used: set[str] = set()
    for n, record in enumerate(_records(name, content, problems)):
        try:
            document = _document(record, n, numbers, used, problems)
        except AnnotationError as error:
            problems.skipped(None, f"sentence {n}: {error}")
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            # The cause could quote the sentence.
            problems.skipped(None, f"sentence {n}: not as SpERT writes it ({type(error).__name__})")
        else:
            used.add(document.id)
            yield document


def _records(name: str, content: bytes, problems: Problems) -> list[Any]:
    try:
        found = json.loads(decode(content, name))
    except json.JSONDecodeError as error:
        problems.skipped(error.lineno, f"not JSON: {error.msg} at character {error.pos}")
    except (FormatError, RecursionError, ValueError) as error:
        problems.skipped(None, str(error) if isinstance(error, FormatError) else "not JSON: too deep or too long")
    else:
        if isinstance(found, list):
            return found
        problems.skipped(1, "not a JSON list of sentences")
    return []


def _document(
    record: Mapping[str, Any], n: int, numbers: dict[str, int], used: set[str], problems: Problems
) -> Document:
    tokens: list[str] = record["tokens"]
    ends = list(accumulate(len(token) + 1 for token in tokens))
    starts = [end - len(token) - 1 for end, token in zip(ends, tokens, strict=True)]
    mentions: dict[int, tuple[str, Span]] = {}
    for number, entity in enumerate(record["entities"]):
        first, last = entity["start"], entity["end"] - 1
        try:
            if not 0 <= first <= last < len(tokens):
                raise AnnotationError(f"tokens {first} to {last} are not all among the {len(tokens)} of the sentence")
            mentions[number] = str(entity["type"]), Span(starts[first], ends[last] - 1)
        except AnnotationError as error:
            problems.skipped(None, f"sentence {n}: entity {number}: {error}")
    order = sorted(mentions, key=lambda number: text_order(mentions[number]))
    ids = {number: f"T{n}" for n, number in enumerate(order, start=1)}
    relations: list[Relation] = []
    for number, relation in enumerate(record["relations"], start=1):
        if relation["head"] not in ids or relation["tail"] not in ids:
            problems.skipped(None, f"sentence {n}: relation {number} refers to an entity that is not there")
            continue
        head, tail = ids[relation["head"]], ids[relation["tail"]]
        relations.append(Relation(f"R{number}", str(relation["type"]), head, tail))
    kept = {key: value for key, value in record.items() if key not in _OWN}
    key = str(record.get("orig_id", n))
    if "pmid" in record:
        pmid = str(record["pmid"])
        numbers[pmid] = numbers.get(pmid, 0) + 1
        key = f"{pmid}-{numbers[pmid]}"
    if key in used:
        problems.repaired(None, f"sentence {n}: document id {key!r} is used twice; the later one is now {key}#{n}")
        key = f"{key}#{n}"
    entities = tuple(Entity(ids[number], mentions[number][0], (mentions[number][1],)) for number in order)
    return Document(key, " ".join(tokens), entities, tuple(relations), metadata={"ade": kept})
