"""Reviewed mappings from corpus schemas to the product's schema, kept as YAML beside this file.

A mapping lists every label, attribute, relation and event of its source and says what becomes of it, so that a label
nobody thought of is an error and not a silent loss. docs/schemas.md describes the file format.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from medspan.annotation import Document, LabelSchema, RelationType
from medspan.corpora.mapping_apply import Rules, carry
from medspan.corpora.mapping_rules import Annotates, AttributeRule, EntityRule, Join, PairRule
from medspan.corpora.schemas import schema
from medspan.errors import ConfigError
from medspan.registry import unknown_name

__all__ = ["Mapping", "map_documents", "mapping", "mapping_from_dict", "mapping_names"]

_FLAGS = re.IGNORECASE | re.DOTALL


@dataclass(frozen=True)
class Mapping:
    """How documents of the schema `source` become documents of the schema `target`."""

    source: LabelSchema
    target: LabelSchema
    rules: Rules
    annotates: Annotates

    def apply(self, document: Document) -> Document:
        """Return the document in the target schema; the input is not changed.

        `metadata["unannotated"]` lists [start, end] ranges where the corpus's own labels hide what the target would
        annotate: training learns nothing there. Labels outside the source schema are left out.
        """
        return carry(document, self.rules, self.target)


def mapping_names() -> list[str]:
    """Return the names of the mappings that ship with the package."""
    folder = files("medspan.corpora") / "mappings"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


@cache
def mapping(name: str) -> Mapping:
    """Load the mapping of one source schema, such as "maccrobat".

    Raises UnknownNameError for a name that has no mapping, ConfigError for a file that does not hold together.
    """
    import yaml

    if name not in mapping_names():
        raise unknown_name("mapping", name, mapping_names())
    text = (files("medspan.corpora") / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    return mapping_from_dict(data, schema(data["source"]), schema(data["target"]))


def map_documents(documents: Iterable[Document], name: str) -> list[Document]:
    """Return the documents in the target schema of the mapping called `name`."""
    chosen = mapping(name)
    return [chosen.apply(document) for document in documents]


def mapping_from_dict(data: Lookup[str, Any], source: LabelSchema, target: LabelSchema) -> Mapping:
    """Build a mapping from plain data and check it against both schemas.

    Raises ConfigError that names the place: a source name that is not listed or not known, a target that does not
    exist or cannot be legal, an unknown key, a pattern that does not compile.
    """
    where = f"mapping {source.name!r} to {target.name!r}"
    _keys(where, data, {"source", "target", "annotates", "entities", "attributes", "relations", "events"})
    reader = _Reader(where, source, target)
    rules = Rules(
        entities=reader.entities(data.get("entities") or {}),
        attributes=reader.attributes(data.get("attributes") or {}),
        relations=reader.relations(data.get("relations") or {}),
        events=reader.events(data.get("events") or {}),
    )
    reader.check_pairs(rules)
    annotates = reader.annotates(data.get("annotates") or {}, rules)
    return Mapping(source, target, rules, annotates)


@dataclass(frozen=True)
class _Reader:
    """Reads the sections of one mapping file; every error names the file's place."""

    where: str
    source: LabelSchema
    target: LabelSchema

    def entities(self, data: Lookup[str, Any]) -> dict[str, tuple[EntityRule, ...]]:
        self._complete("entities", data, self.source.labels)
        return {label: tuple(self._entity(label, case) for case in _cases(value)) for label, value in data.items()}

    def _entity(self, label: str, case: Any) -> EntityRule:
        where = f"{self.where}: entity {label!r}"
        if not isinstance(case, dict):
            case = {"to": case}
        _keys(where, case, {"to", "match", "linked", "mask", "join", "extend"})
        linked = tuple(case.get("linked", ()))
        self._among(f"{where}: linked", linked, self.source.labels)
        rule = EntityRule(
            target=case.get("to"),
            match=_pattern(where, case.get("match")),
            linked=linked,
            is_masked=bool(case.get("mask", False)),
            join=self._join(where, case["join"]) if "join" in case else None,
            extend=_pattern(where, case.get("extend")),
        )
        self._among(where, rule.targets, self.target.labels)
        if rule.target and rule.match and rule.match.groupindex:
            raise ConfigError(f"{where}: give either 'to' or named groups in 'match', not both")
        return rule

    def _join(self, where: str, data: Lookup[str, Any]) -> Join:
        where = f"{where}: join"
        _keys(where, data, {"by", "before", "after", "gap_before", "gap_after", "unless"})
        before, after = tuple(data.get("before", ())), tuple(data.get("after", ()))
        self._among(where, before + after, self.source.labels)
        self._among(where, (data.get("by", ""),), [r.name for r in self.source.relations])
        return Join(
            by=data["by"],
            before=before,
            after=after,
            # White space without line breaks: a mention does not run on into the next line of a list.
            gap_before=_pattern(where, data.get("gap_before")) or re.compile(r"[^\S\r\n]+"),
            gap_after=_pattern(where, data.get("gap_after")) or re.compile(r"[^\S\r\n]+"),
            unless=_pattern(where, data.get("unless")),
        )

    def attributes(self, data: Lookup[str, Any]) -> dict[str, AttributeRule | None]:
        self._complete("attributes", data, [a.name for a in self.source.attributes])
        declared = {a.name: a for a in self.source.attributes}
        targets = {a.name: a for a in self.target.attributes}
        rules: dict[str, AttributeRule | None] = {}
        for name, value in data.items():
            if value is None:
                rules[name] = None
                continue
            where = f"{self.where}: attribute {name!r}"
            if isinstance(value, str):
                value = {"to": value, "values": {v: v for v in declared[name].values}}
            _keys(where, value, {"to", "values", "default"})
            self._among(where, (value.get("to"),), list(targets))
            values = tuple((value.get("values") or {}).items())
            self._complete(f"{name} values", dict(values), declared[name].values)
            default = value.get("default")
            given = [new for _, new in values if new is not None] + ([] if default is None else [default])
            self._among(where, given, targets[value["to"]].values)
            rules[name] = AttributeRule(value["to"], values, default)
        return rules

    def relations(self, data: Lookup[str, Any]) -> dict[str, tuple[PairRule, ...]]:
        names = [r.name for r in self.source.relations]
        self._complete("relations", data, names)
        return {
            name: tuple(self._pair(f"relation {name!r}", case, self.source.labels) for case in _cases(value) if case)
            for name, value in data.items()
        }

    def events(self, data: Lookup[str, Any]) -> dict[str, tuple[PairRule, ...] | str]:
        self._complete("events", data, [e.name for e in self.source.events])
        roles = {e.name: [r.name for r in e.roles] for e in self.source.events}
        rules: dict[str, tuple[PairRule, ...] | str] = {}
        for name, value in data.items():
            if isinstance(value, str):
                self._among(f"{self.where}: event {name!r}", (value,), [e.name for e in self.target.events])
                rules[name] = value
            else:
                rules[name] = tuple(self._pair(f"event {name!r}", case, roles[name]) for case in _cases(value) if case)
        return rules

    def _pair(self, owner: str, case: Any, ends: Sequence[str]) -> PairRule:
        where = f"{self.where}: {owner}"
        if isinstance(case, str):
            case = {"to": case}
        _keys(where, case, {"head", "tail", "to", "flip", "nearest", "unless"})
        rule = PairRule(
            heads=_names(case.get("head")),
            tails=_names(case.get("tail")),
            targets=_names(case.get("to")),
            is_flipped=bool(case.get("flip", False)),
            nearest=bool(case.get("nearest", False)),
            unless=_names(case.get("unless")),
        )
        self._among(where, rule.heads + rule.tails + rule.unless, ends)
        self._among(where, rule.targets, [r.name for r in self.target.relations])
        if not rule.targets:
            raise ConfigError(f"{where}: 'to' is missing")
        return rule

    def check_pairs(self, rules: Rules) -> None:
        """Refuse a pair rule that can never give a legal relation, such as one with head and tail exchanged."""
        targets = {label: {t for case in cases for t in case.targets} for label, cases in rules.entities.items()}
        legal = {r.name: r for r in self.target.relations}
        for name, cases in rules.relations.items():
            for case in cases:
                self._check_pair(f"relation {name!r}", case, targets, legal)
        for event in self.source.events:
            # A role's filler becomes whatever its labels become.
            filled = {role.name: {t for label in role.labels for t in targets[label]} for role in event.roles}
            event_rules = rules.events[event.name]
            for case in () if isinstance(event_rules, str) else event_rules:
                self._check_pair(f"event {event.name!r}", case, filled, legal)

    def _check_pair(
        self, owner: str, rule: PairRule, given: Lookup[str, set[str]], legal: Lookup[str, RelationType]
    ) -> None:
        for target in rule.targets:
            ends = ((rule.heads, legal[target].heads, "head"), (rule.tails, legal[target].tails, "tail"))
            for names, allowed, end in ends:
                labels = {label for name in names or given for label in given[name]}
                if not labels.intersection(allowed):
                    raise ConfigError(
                        f"{self.where}: {owner}: a {target!r} has {' or '.join(allowed)} as its {end}, but this rule's "
                        f"{end} becomes {' or '.join(sorted(labels)) or 'nothing'}; exchange the ends or add flip"
                    )

    def annotates(self, data: Lookup[str, Any], rules: Rules) -> Annotates:
        where = f"{self.where}: annotates"
        _keys(where, data, {"entities", "attributes", "relations", "events"})
        found = Annotates(**{key: tuple(value or ()) for key, value in data.items()})
        self._among(where, found.entities, {t for cases in rules.entities.values() for c in cases for t in c.targets})
        self._among(where, found.attributes, {r.target for r in rules.attributes.values() if r})
        pairs = [pair for cases in (*rules.relations.values(), *rules.events.values()) for pair in cases]
        self._among(where, found.relations, {t for pair in pairs if isinstance(pair, PairRule) for t in pair.targets})
        self._among(where, found.events, {event for event in rules.events.values() if isinstance(event, str)})
        return found

    def _complete(self, section: str, data: Lookup[str, Any], names: Iterable[str]) -> None:
        missing, extra = [n for n in names if n not in data], [n for n in data if n not in set(names)]
        if missing:
            raise ConfigError(f"{self.where}: {section}: not listed: {missing}; map each to a label or to null")
        if extra:
            raise ConfigError(f"{self.where}: {section}: {extra} are not in schema {self.source.name!r}")

    def _among(self, where: str, names: Iterable[Any], known: Iterable[str]) -> None:
        allowed = list(known)
        for name in names:
            if name not in allowed:
                raise ConfigError(f"{where}: {name!r} is not among {', '.join(allowed) or 'anything mapped'}")


def _cases(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _names(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _keys(where: str, data: Any, known: set[str]) -> None:
    if not isinstance(data, Lookup):
        raise ConfigError(f"{where}: expected keys and values, not {type(data).__name__}")
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigError(f"{where}: {unknown_name('key', str(unknown[0]), sorted(known))}")


def _pattern(where: str, text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    # Long patterns are written over several lines; the breaks and indents are no part of them.
    text = "".join(line.strip() for line in text.splitlines())
    try:
        return re.compile(text, _FLAGS)
    except re.error as error:
        raise ConfigError(f"{where}: the pattern {text!r} does not compile: {error}") from error
