"""Ways in which a JSON file may be untidy."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

__all__ = ["counted_by_single_spaces", "dangling_relations", "indented"]


def indented(content: bytes, _: Random) -> bytes:
    """Lay the file out over many lines, in ASCII."""
    return json.dumps(json.loads(content), indent=1).encode("ascii")


def counted_by_single_spaces(content: bytes, _: Random) -> bytes:
    """Count the words of RadGraph's reports between single spaces, so that a non-breaking space is inside a word.

    A report in which a mention would not be whole words any more is left as it is.
    """
    reports = json.loads(content)
    for report in reports.values():
        words = report["text"].split(" ")
        if words == report["text"].split():
            continue
        starts, at = {}, 0
        for n, word in enumerate(words):
            starts[at] = n
            at += len(word) + 1
        ends = {start + len(words[n]): n for start, n in starts.items()}
        places = _places(report["text"])
        entities = list(_entities(report))
        spans = [(places[e["start_ix"]][0], places[e["end_ix"]][1]) for e in entities]
        if not all(start in starts and end in ends for start, end in spans):
            continue
        for entity, (start, end) in zip(entities, spans, strict=True):
            entity["start_ix"], entity["end_ix"] = starts[start], ends[end]
            entity["tokens"] = report["text"][start:end]
    return _written(reports)


def dangling_relations(content: bytes, rng: Random) -> bytes:
    """Let some entities of RadGraph's reports modify one that is not there."""
    reports = json.loads(content)
    for report in reports.values():
        for entity in _entities(report):
            if rng.random() < 0.01:
                entity["relations"].append(["modify", "9999"])
    return _written(reports)


def _entities(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for owner in (report, *(value for key, value in report.items() if key.startswith("labeler_"))):
        yield from owner.get("entities", {}).values()


def _places(text: str) -> list[tuple[int, int]]:
    places, at = [], 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        places.append((start, at))
    return places


def _written(reports: dict[str, Any]) -> bytes:
    return f"{json.dumps(reports, ensure_ascii=False)}\n".encode()
