"""Documents as tasks that Label Studio imports."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from math import isfinite
from typing import Any

from medspan.annotation import Document, Entity
from medspan.corpora.formats.label_studio.reading import CODE_FIELD, ID_FIELD, META_FIELD, NAME
from medspan.errors import FormatError

__all__ = ["Tasks"]

_NUMBERS = ("rating", "number")


class Tasks:
    """Tasks under way to one file: documents of one group become annotations of one task."""

    def __init__(self) -> None:
        self._tasks: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, list[str]] = {}
        self._seen: set[str] = set()

    def add(self, document: Document) -> None:
        """Add a document; raises FormatError for an id used twice and for texts of one group that differ."""
        if document.id in self._seen:
            raise FormatError(f"document id {document.id!r} is used twice; ids must be unique to name tasks")
        self._seen.add(document.id)
        own = _kept(document)
        name, key = _group(document) or document.id, own.get("text_key", "text")
        if name not in self._tasks:
            self._tasks[name] = {
                **own.get("task", {}),
                "data": {**own.get("data", {}), ID_FIELD: name, key: document.text},
                "predictions" if own.get("predicted") else "annotations": [],
                **({"predictions": own["predictions"]} if "predictions" in own else {}),
            }
        elif self._tasks[name]["data"].get(key) != document.text:
            raise FormatError(f"documents of task {name!r} have different texts; give them different groups")
        self._ids.setdefault(name, []).append(document.id)
        _annotate(self._tasks[name], document, own)

    def encoded(self) -> bytes:
        """Return the file, one task a line."""
        for name, ids in self._ids.items():
            if ids != [name] and len(ids) == 1:
                # The only annotator of a group must be told by the task's id, which has no suffix otherwise.
                self._tasks[name]["data"][ID_FIELD] = ids[0]
                _add_metadata(self._tasks[name], ids[0], {"group": name})
        body = ",\n".join(json.dumps(task, ensure_ascii=False) for task in self._tasks.values())
        return f"[\n{body}\n]\n".encode()


def _group(document: Document) -> str | None:
    """Return the task whose annotation by one annotator the document is, by the id and metadata `stream` gives."""
    annotator, group = document.metadata.get("annotator"), document.metadata.get("group")
    fits = isinstance(group, str) and isinstance(annotator, str) and document.id == f"{group}#annotator-{annotator}"
    return group if isinstance(group, str) and annotator and fits else None


def _annotate(task: dict[str, Any], document: Document, own: Mapping[str, Any]) -> None:
    annotator = document.metadata.get("annotator")
    known = [NAME] if _group(document) is None else [NAME, "annotator", "group"]
    if isinstance(annotator, str) and annotator:
        known.append("annotator")
    if metadata := {k: v for k, v in document.metadata.items() if k not in known}:
        _add_metadata(task, document.id, metadata)
    annotation: dict[str, Any] = {**own.get("annotation", {}), "result": [*_results(document, own)]}
    if own.get("predicted"):
        if "annotator" in known:
            annotation["model_version"] = annotator
        task["predictions"].append(annotation)
    elif "annotator" in known:
        annotation.setdefault("completed_by", _user(str(annotator)))
        task["annotations"].append(annotation)
    elif not own.get("unannotated") or document.entities:
        task["annotations"].append(annotation)


def _add_metadata(task: dict[str, Any], document_id: str, metadata: Mapping[str, Any]) -> None:
    meta = {**task.get("meta", {})}
    ours = {**meta.get(META_FIELD, {})}
    ours[document_id] = {**ours.get(document_id, {}), **metadata}
    task["meta"] = {**meta, META_FIELD: ours}


def _user(annotator: str) -> int | dict[str, str]:
    return int(annotator) if annotator.isdecimal() and str(int(annotator)) == annotator else {"email": annotator}


def _kept(document: Document) -> Mapping[str, Any]:
    own = document.metadata.get(NAME)
    return own if isinstance(own, Mapping) else {}


def _results(document: Document, own: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    controls: Mapping[str, str] = own.get("controls", {})
    for entity in document.entities:
        yield _region(document, entity, own)
        place: dict[str, Any] = {"start": entity.start, "end": entity.end}
        if entity.code is not None:
            code = {**place, "text": [entity.code]}
            yield {"id": entity.id, "from_name": CODE_FIELD, "to_name": "text", "type": "textarea", "value": code}
        for name, attributes in groupby(entity.attributes, key=lambda attribute: attribute.name):
            kind = controls.get(name, "choices")
            values: list[Any] = [attribute.value for attribute in attributes]
            held = _number(values[0]) if kind in _NUMBERS and len(values) == 1 else values
            value = {**place, "text" if kind == "textarea" else kind: held}
            yield {"id": entity.id, "from_name": name, "to_name": "text", "type": kind, "value": value}
    for relation in document.relations:
        if relation.head in document.by_id and relation.tail in document.by_id:
            yield {
                "from_id": relation.head,
                "to_id": relation.tail,
                "type": "relation",
                "direction": "bi" if relation.id in own.get("both_ways", ()) else "right",
                "labels": [relation.label],
            }
    yield from own.get("results", ())


def _region(document: Document, entity: Entity, own: Mapping[str, Any]) -> dict[str, Any]:
    from_name, to_name, kind = own.get("names", {}).get(entity.id, ("label", "text", "labels"))
    words = document.text[entity.start : entity.end]
    return {
        "id": entity.id,
        "from_name": from_name,
        "to_name": to_name,
        "type": kind,
        "origin": "manual",
        **({} if entity.score is None else {"score": entity.score}),
        **own.get("regions", {}).get(entity.id, {}),
        "value": {"start": entity.start, "end": entity.end, "text": words, kind: [entity.label]},
    }


def _number(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        if str(number) == value and isfinite(number):
            return number
    return value
