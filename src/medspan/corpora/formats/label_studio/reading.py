"""Documents out of one task of a Label Studio export."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.corpora.formats.json_parts import plain, shown
from medspan.corpora.formats.label_studio.offsets import Counting, Stated, agrees, counting_of
from medspan.corpora.formats.result import Problems
from medspan.errors import AnnotationError

__all__ = ["CODE_FIELD", "ID_FIELD", "META_FIELD", "NAME", "documents_of"]

NAME = "label-studio"
ID_FIELD = "document_id"
META_FIELD = "medspan"
CODE_FIELD = "code"
_REGION_KEYS = {"id", "type", "value", "from_name", "to_name", "score"}
_UNLABELLED = "relation"


def documents_of(task: Any, fallback: str, seen: set[str], line: int, problems: Problems) -> Iterator[Document]:
    """Yield the documents of one task, an annotator each; `fallback` is its id where the task has none."""
    owner = problems.document
    if not isinstance(task, Mapping):
        problems.skipped(line, "a task must be an object")
        return
    if "data" not in task:
        task = _whole_task(task, seen)
    data = task.get("data")
    key = _text_key(data) if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or key is None:
        problems.skipped(line, "the task has no text in its data")
        return
    name = data.get(ID_FIELD, task.get("id"))
    name = str(name) if isinstance(name, (str, int)) else fallback
    problems.document = name
    shared: dict[str, Any] = {}
    if further := {k: v for k, v in data.items() if k not in (key, ID_FIELD)}:
        shared["data"] = further
    if key != "text":
        shared["text_key"] = key
    for document_id, annotation, common, metadata in _views(name, task, line, problems):
        problems.document = document_id
        reading = _Reading(data[key], line, problems)
        own = {**shared, **common, **reading.read(annotation)}
        try:
            yield Document(
                document_id,
                data[key],
                tuple(reading.entities.values()),
                tuple(reading.relations),
                metadata={**metadata, **_other(task, document_id), **({NAME: own} if own else {})},
            )
        except AnnotationError as error:
            problems.skipped(line, str(error))
    problems.document = owner


def _whole_task(row: Mapping[str, Any], seen: set[str]) -> dict[str, Any]:
    """Return a row of the JSON-MIN export as the task it came from: lists of regions are what one annotator did."""
    regions = {key: value for key, value in row.items() if _is_regions(value)}
    result = [
        {"id": f"{key}-{number}", "from_name": key, "to_name": "text", "type": "labels", "value": value}
        for key, values in regions.items()
        for number, value in enumerate(values, start=1)
    ]
    data = {key: value for key, value in row.items() if key not in regions and key != "id"}
    name = str(row["id"]) if isinstance(row.get("id"), (str, int)) else None
    if name in seen and "annotation_id" in row:
        name = f"{name}#annotation-{row['annotation_id']}"
    return {"id": name, "data": data, "annotations": [{"result": result}]}


def _is_regions(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and "start" in item and "labels" in item for item in value)
    )


def _text_key(data: Mapping[str, Any]) -> str | None:
    """Return the key of the text: `text`, or the longest string, since only the labelling interface knows."""
    if isinstance(data.get("text"), str):
        return "text"
    strings = [key for key, value in data.items() if isinstance(value, str) and key != ID_FIELD]
    return max(strings, key=lambda key: len(data[key])) if strings else None


def _views(
    name: str, task: Mapping[str, Any], line: int, problems: Problems
) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any], dict[str, Any]]]:
    """Yield (document id, annotation, own metadata, metadata) of each annotation that counts."""
    common: dict[str, Any] = {}
    rest = {k: v for k, v in task.items() if k not in ("data", "annotations", "completions", "predictions")}
    if rest.get("id") is None or str(rest["id"]) == name:
        rest.pop("id", None)
    meta = rest.get("meta")
    if isinstance(meta, Mapping) and META_FIELD in meta:
        rest["meta"] = {k: v for k, v in meta.items() if k != META_FIELD}
    rest = {k: v for k, v in rest.items() if v not in (None, {}, [])}
    if rest:
        common["task"] = rest
    done = []
    for annotation in _listed(task, "annotations", "completions"):
        if annotation.get("was_cancelled"):
            problems.skipped(line, "an annotation that its annotator cancelled")
        else:
            done.append(annotation)
    predictions = _listed(task, "predictions")
    if done and predictions:
        common["predictions"] = predictions
    elif predictions:
        done = [{**prediction, "completed_by": prediction.get("model_version")} for prediction in predictions]
        common["predicted"] = True
    if not done:
        yield name, {}, {**common, "unannotated": True}, {}
    used: set[str] = set()
    for number, annotation in enumerate(done, start=1):
        annotator = _annotator(annotation.get("completed_by"))
        if len(done) == 1:
            yield name, annotation, common, {"annotator": annotator} if annotator else {}
            continue
        # Two annotations of one annotator are told apart by their place.
        annotator = annotator or str(number)
        if annotator in used:
            annotator = f"{annotator}.{number}"
        used.add(annotator)
        yield f"{name}#annotator-{annotator}", annotation, common, {"annotator": annotator, "group": name}


def _listed(task: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    items: list[Any] = next((task[key] for key in keys if isinstance(task.get(key), list)), [])
    return [item for item in items if isinstance(item, Mapping)]


def _annotator(completed_by: Any) -> str | None:
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return str(completed_by) if isinstance(completed_by, (str, int)) and str(completed_by) else None


def _other(task: Mapping[str, Any], document_id: str) -> dict[str, Any]:
    meta = task.get("meta")
    ours = meta.get(META_FIELD) if isinstance(meta, Mapping) else None
    found = ours.get(document_id) if isinstance(ours, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


class _Reading:
    """The results of one annotation on their way to entities and relations."""

    def __init__(self, text: str, line: int, problems: Problems) -> None:
        self.text = text
        self.line = line
        self.problems = problems
        self.entities: dict[str, Entity] = {}
        self.relations: list[Relation] = []
        self.regions: dict[str, list[str]] = {}
        self.own: dict[str, Any] = {}
        self.number = 0

    def read(self, annotation: Mapping[str, Any]) -> dict[str, Any]:
        """Read all results; returns what is left for the metadata."""
        rest = {k: v for k, v in annotation.items() if k not in ("result", "was_cancelled")}
        if not isinstance(rest.get("completed_by"), Mapping):
            rest.pop("completed_by", None)
        if rest:
            self.own["annotation"] = rest
        results = annotation.get("result", [])
        if not isinstance(results, list) or not all(isinstance(item, Mapping) for item in results):
            self.problems.skipped(self.line, "the result of an annotation is not a list of objects")
            return self.own
        regions = [item for item in results if _labels(item)]
        stated = [place for item in regions if (place := _stated(item))]
        way = counting_of(self.text, stated)
        if way.name != "code points":
            self.problems.repaired(self.line, f"offsets of {len(stated)} regions converted from {way.name}")
        for item in regions:
            self._region(item, way)
        for item in results:
            if _labels(item):
                continue
            if item.get("type") == "relation":
                self._relation(item)
            else:
                self._field(item)
        return self.own

    def _region(self, item: Mapping[str, Any], way: Counting) -> None:
        place = _stated(item)
        name = str(item.get("id", len(self.entities) + 1))
        if place is None:
            self.problems.skipped(self.line, f"region {shown(name)} has no whole numbers as start and end")
            return
        span = way.span(place[0], place[1])
        if span is None:
            self.problems.skipped(
                self.line,
                f"region {shown(name)}: {place[0]} {place[1]} is empty or outside the text of {len(self.text)}",
            )
            return
        if not agrees(self.text, way, place):
            self.problems.kept(self.line, f"region {shown(name)}: the stated words differ from the text at {span[0]}")
        labels = _labels(item)
        if len(labels) > 1:
            self.problems.kept(
                self.line, f"region {shown(name)} has {len(labels)} labels and is read as so many mentions"
            )
        score = item.get("score")
        for label in labels:
            key = self._fresh(name)
            self.entities[key] = Entity(
                key, label, (Span(*span),), score=float(score) if isinstance(score, (int, float)) else None
            )
            self.regions.setdefault(name, []).append(key)
        names = [item.get("from_name", "label"), item.get("to_name", "text"), item.get("type", "labels")]
        if names != ["label", "text", "labels"]:
            self.own.setdefault("names", {})[self.regions[name][-1]] = names
        self._further(item, self.regions[name][-1])

    def _further(self, item: Mapping[str, Any], key: str) -> None:
        further = {k: v for k, v in item.items() if k not in _REGION_KEYS and (k, v) != ("origin", "manual")}
        if further:
            self.own.setdefault("regions", {})[key] = further

    def _fresh(self, name: str) -> str:
        key, n = name, 1
        while key in self.entities:
            n += 1
            key = f"{name}_{n}"
        return key

    def _relation(self, item: Mapping[str, Any]) -> None:
        ends = [self.regions.get(str(item.get(side)), [None])[0] for side in ("from_id", "to_id")]
        head, tail = reversed(ends) if item.get("direction") == "left" else ends
        if head is None or tail is None:
            self.problems.skipped(self.line, "a relation refers to a region that is not declared")
            return
        labels = item.get("labels")
        strings = [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []
        if not strings:
            self.problems.kept(self.line, f"a relation without label is labelled {_UNLABELLED!r}")
        for label in strings or [_UNLABELLED]:
            self.number += 1
            while f"R{self.number}" in self.entities:
                self.number += 1
            if item.get("direction") == "bi":
                self.own.setdefault("both_ways", []).append(f"R{self.number}")
            self.relations.append(Relation(f"R{self.number}", label, head, tail))

    def _field(self, item: Mapping[str, Any]) -> None:
        """Read what was chosen or written about a region; what concerns the whole text is kept for the metadata."""
        kind, name, value = item.get("type"), item.get("from_name"), item.get("value")
        owners = self.regions.get(str(item.get("id")), [])
        values = _values(value.get(kind)) if isinstance(value, Mapping) and isinstance(kind, str) else None
        if kind == "textarea" and isinstance(value, Mapping):
            values = _values(value.get("text"))
        if not owners or not isinstance(name, str) or values is None:
            if "id" in item and kind not in ("choices", "textarea", "rating", "number", "datetime", "taxonomy"):
                self.problems.kept(self.line, "a result of a kind that is no mention kept in metadata")
            self.own.setdefault("results", []).append(dict(item))
            return
        for owner in owners:
            entity = self.entities[owner]
            if kind == "textarea" and name == CODE_FIELD and len(values) == 1 and entity.code is None:
                self.entities[owner] = _changed(entity, entity.attributes, values[0])
                continue
            if kind != "choices":
                self.own.setdefault("controls", {})[name] = kind
            attributes = tuple(Attribute(name, found) for found in values)
            self.entities[owner] = _changed(entity, entity.attributes + attributes, entity.code)


def _changed(entity: Entity, attributes: Sequence[Attribute], code: str | None) -> Entity:
    return Entity(entity.id, entity.label, entity.fragments, tuple(attributes), code, entity.score)


def _labels(item: Mapping[str, Any]) -> list[str]:
    """Return the labels of a region; none for a result that is no labelled region."""
    kind, value = item.get("type"), item.get("value")
    if not isinstance(kind, str) or not kind.endswith("labels") or not isinstance(value, Mapping):
        return []
    labels = value.get(kind, value.get("labels"))
    return [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []


def _stated(item: Mapping[str, Any]) -> Stated | None:
    value = item["value"]
    start, end, words = value.get("start"), value.get("end"), value.get("text")
    if type(start) is not int or type(end) is not int:
        return None
    return start, end, words if isinstance(words, str) else None


def _values(value: Any) -> list[str] | None:
    """Return what a field holds as strings; None when it is of another shape."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, (str, int, float)) for item in items) or not plain(items):
        return None
    return [str(item) for item in items]
