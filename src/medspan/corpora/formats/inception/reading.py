"""A Document out of one CAS."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora.formats.inception.layers import (
    CODE,
    LINKS,
    NAME,
    RELATION,
    RENAMED,
    SPAN,
    is_feature_name,
    is_technical,
    is_type_name,
    label_feature,
    short_name,
)
from medspan.corpora.formats.json_parts import plain
from medspan.corpora.formats.result import Problems
from medspan.errors import FormatError, MissingExtraError

__all__ = ["document_of"]

_ANNOTATION, _SOFA, _STRING = "uima.tcas.Annotation", "uima.cas.Sofa", "uima.cas.String"
_ARRAY = "uima.cas.FSArray"
_VIEW = "_InitialView"


def document_of(document_id: str, content: str, name: str, problems: Problems) -> Document:
    """Build the document of one file. Raises FormatError for a file that is no CAS in JSON."""
    data = _loaded(content, name)
    raw = _checked(data, name, problems)
    cas = _cas(data, name)
    views = [view.sofa.sofaID for view in cas.views]
    if len(views) > 1:
        problems.skipped(None, f"{len(views) - 1} further views of the document")
    text = cas.sofa_string
    if not isinstance(text, str):
        raise FormatError(f"{name}: the CAS holds no text")
    return _Reading(cas, raw, problems).document(document_id, text)


def _loaded(content: str, name: str) -> dict[str, Any]:
    try:
        data = json.loads(content.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise FormatError(f"{name} line {error.lineno}: not JSON at column {error.colno}") from None
    except RecursionError:
        raise FormatError(f"{name} line 1: nested too deeply") from None
    except ValueError:
        raise FormatError(f"{name}: a number is too long") from None
    if not isinstance(data, dict) or "%FEATURE_STRUCTURES" not in data or not isinstance(data.get("%VIEWS"), dict):
        raise FormatError(f"{name}: no CAS in JSON: %FEATURE_STRUCTURES and %VIEWS are expected")
    if not isinstance(data.get("%TYPES"), dict):
        raise FormatError(f"{name}: the types are missing; export as UIMA CAS JSON with the type system")
    _check_names(data["%TYPES"], name)
    if not plain(data):
        raise FormatError(f"{name}: half of a surrogate pair stands in the file; write it again as UTF-8")
    return data


def _check_names(types: Mapping[str, Any], name: str) -> None:
    """Refuse types and features whose names are no identifiers, before cassis generates code with them."""
    for type_name, features in types.items():
        legal = is_type_name(type_name) and isinstance(features, Mapping) and is_type_name(features.get("%SUPER_TYPE"))
        for key, feature in features.items() if legal else ():
            is_named = key.startswith("%") or (is_feature_name(key) and isinstance(feature, Mapping))
            ranges = [feature[r] for r in ("%RANGE", "%ELEMENT_TYPE") if r in feature] if is_named else []
            legal = legal and is_named and (key.startswith("%") or all(is_type_name(r) for r in ranges))
        if not legal:
            raise FormatError(f"{name}: a type or feature in %TYPES has no legal name")


def _checked(data: dict[str, Any], name: str, problems: Problems) -> dict[int, dict[str, Any]]:
    """Drop feature structures that cassis cannot read; returns the others by id."""
    given = data["%FEATURE_STRUCTURES"]
    if isinstance(given, dict):
        given = [{"%ID": int(key), **item} for key, item in given.items() if key.isdecimal() and isinstance(item, dict)]
    if not isinstance(given, list):
        raise FormatError(f"{name}: %FEATURE_STRUCTURES must be a list or an object")
    kept: dict[int, dict[str, Any]] = {}
    for item in given:
        if not isinstance(item, dict) or type(item.get("%ID")) is not int or not isinstance(item.get("%TYPE"), str):
            problems.skipped(None, "a feature structure without %ID or %TYPE")
        elif item["%ID"] in kept:
            problems.skipped(None, f"feature structure {item['%ID']} is there twice")
        else:
            kept[item["%ID"]] = item
    bounds = {key: _bounds(item.get("sofaString")) for key, item in kept.items() if item["%TYPE"] == _SOFA}
    for key, item in list(kept.items()):
        if item["%TYPE"] in (_ARRAY, "uima.cas.FSArray[]") or item["%TYPE"].endswith("[]"):
            item.setdefault("%ELEMENTS", [])
        for reference in [f"@{feature}" for feature in RENAMED if f"@{feature}" in item]:
            # cassis would take the reference for the structure's own type.
            problems.skipped(None, f"feature {reference} of feature structure {key}")
            del item[reference]
        if not ({"begin", "end", "@sofa"} & item.keys()):
            continue
        # INCEpTION leaves out a value of 0.
        start, end, legal = item.setdefault("begin", 0), item.setdefault("end", 0), bounds.get(item.get("@sofa", -1))
        if legal is None or type(start) is not int or type(end) is not int:
            problems.skipped(None, f"feature structure {key} has no text or no whole numbers as begin and end")
            del kept[key]
        elif not (start in legal and end in legal):
            problems.skipped(None, f"feature structure {key}: {start} {end} lies outside the text or cuts a character")
            del kept[key]
    data["%FEATURE_STRUCTURES"] = list(kept.values())
    for view in data["%VIEWS"].values():
        if not isinstance(view, dict) or not isinstance(view.get("%MEMBERS"), list):
            raise FormatError(f"{name}: a view has no list of members")
        view["%MEMBERS"] = [member for member in view["%MEMBERS"] if type(member) is int and member in kept]
    return kept


def _bounds(text: Any) -> Sequence[int] | set[int] | None:
    """Return the legal offsets into a text, in UTF-16 code units."""
    if not isinstance(text, str):
        return None
    if text.isascii() or max(text) <= "\uffff":
        return range(len(text) + 1)
    found, at = {0}, 0
    for character in text:
        at += 2 if character > "\uffff" else 1
        found.add(at)
    return found


def _cas(data: Mapping[str, Any], name: str) -> Any:
    try:
        from cassis import load_cas_from_json
    except ImportError as error:
        raise MissingExtraError("dkpro-cassis", "formats") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_cas_from_json(json.dumps(data))
    except Exception as error:  # cassis raises whatever its code meets; the message may quote the note
        raise FormatError(f"{name}: cassis cannot read this as a CAS ({type(error).__name__})") from None


class _Reading:
    """The state of reading one CAS: its annotations, by the ids of their feature structures."""

    def __init__(self, cas: Any, raw: Mapping[int, Mapping[str, Any]], problems: Problems) -> None:
        self.cas = cas
        self.raw = raw
        self.problems = problems
        self.entities: dict[int, Entity] = {}
        self.relations: list[Relation] = []
        self.events: list[Event] = []
        self.types: dict[str, str] = {}
        self.features: dict[str, Mapping[str, Any]] = {}
        self.links: dict[str, str] = {}
        self.labels: dict[str, str | None] = {}

    def document(self, document_id: str, text: str) -> Document:
        found = sorted(self.cas.select_all_annotations(), key=lambda fs: fs.xmiID)
        layers = [fs for fs in found if not is_technical(fs.type.name) and hasattr(fs, "begin")]
        relations = [fs for fs in layers if _is_relation(fs)]
        for fs in layers:
            if not _is_relation(fs):
                self._entity(fs)
        for fs in relations:
            self._relation(fs)
        for fs in layers:
            if fs.xmiID in self.entities:
                self._event(fs)
        kept = {
            "types": {key: name for key, name in self.types.items() if name not in (SPAN, RELATION)},
            "labels": {name: feature for name, feature in self.labels.items() if feature != "label"},
            "features": self.features,
            "links": self.links,
        }
        own = {key: value for key, value in kept.items() if value}
        return Document(
            document_id,
            text,
            tuple(self.entities.values()),
            tuple(self.relations),
            tuple(self.events),
            metadata={NAME: own} if own else {},
        )

    def _label(self, fs: Any) -> tuple[str, str | None]:
        """Return the label of an annotation, and the feature that holds it."""
        name = fs.type.name
        if name not in self.labels:
            strings = [f.name for f in fs.type.all_features if f.rangeType.name == _STRING]
            self.labels[name] = label_feature(strings)
        feature = self.labels[name]
        value = getattr(fs, feature) if feature else None
        return (value, feature) if isinstance(value, str) else (short_name(name), None)

    def _entity(self, fs: Any) -> None:
        if not fs.begin < fs.end:
            self.problems.skipped(None, f"annotation {fs.xmiID} of layer {fs.type.name} is empty at {fs.begin}")
            return
        label, feature = self._label(fs)
        key = f"T{len(self.entities) + 1}"
        attributes: list[Attribute] = []
        code = None
        for name, value in self._values(fs):
            if name == feature:
                continue
            if name == CODE and isinstance(value, str):
                code = value
            elif (values := _plain_values(value)) is not None:
                attributes.extend(Attribute(name, item) for item in values)
        self.entities[fs.xmiID] = Entity(key, label, (Span(fs.begin, fs.end),), tuple(attributes), code)
        self.types[key] = fs.type.name

    def _values(self, fs: Any) -> Iterator[tuple[str, Any]]:
        """Yield the features of an annotation in the order of the file."""
        for key in self.raw[fs.xmiID]:
            name = key.lstrip("@#")
            if key[0] not in "%^" and name not in ("begin", "end", "sofa"):
                yield name, getattr(fs, f"{name}_" if name in RENAMED else name, None)

    def _relation(self, fs: Any) -> None:
        head, tail = (self.entities.get(getattr(getattr(fs, end), "xmiID", -1)) for end in ("Governor", "Dependent"))
        if head is None or tail is None:
            self.problems.skipped(None, f"relation {fs.xmiID} of layer {fs.type.name} has an end that is no mention")
            return
        label, feature = self._label(fs)
        key = f"R{len(self.relations) + 1}"
        self.relations.append(Relation(key, label, head.id, tail.id))
        self.types[key] = fs.type.name
        further = {
            name: value
            for name, value in self._values(fs)
            if name not in (feature, "Governor", "Dependent") and isinstance(value, (str, int, float))
        }
        if further:
            self.features[key] = further

    def _event(self, fs: Any) -> None:
        """Read link features with targets; several of one annotation are one event."""
        arguments: list[Argument] = []
        names: list[str] = []
        for name, value in self._values(fs):
            for link in getattr(value, "elements", None) or ():
                if not (hasattr(link, "role") and hasattr(link, "target")):
                    break
                target = self.entities.get(getattr(link.target, "xmiID", -1))
                if target is None:
                    self.problems.skipped(None, f"a link of annotation {fs.xmiID} has a target that is no mention")
                    continue
                names.append(name)
                arguments.append(Argument(link.role if isinstance(link.role, str) else name, target.id))
        if not arguments:
            return
        trigger = self.entities[fs.xmiID]
        key = f"E{len(self.events) + 1}"
        self.events.append(Event(key, trigger.label, trigger.id, tuple(arguments)))
        if set(names) != {LINKS}:
            self.links[key] = names[0]


def _is_relation(fs: Any) -> bool:
    return hasattr(fs, "Governor") and hasattr(fs, "Dependent")


def _plain_values(value: Any) -> list[str] | None:
    """Return the values of a feature as strings; None for references to other annotations."""
    items = value if isinstance(value, (str, bool, int, float)) else getattr(value, "elements", None)
    items = [items] if isinstance(items, (str, bool, int, float)) else items
    if not isinstance(items, list) or not all(isinstance(item, (str, bool, int, float)) for item in items):
        return None
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
