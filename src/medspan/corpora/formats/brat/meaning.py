"""A Document out of the lines of an .ann file and the text they point into."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from medspan.annotation import Argument, Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats.brat.dialect import BRAT, Dialect
from medspan.corpora.formats.brat.syntax import Line, NormLine, Other, Pairs, SetLine, TextBound, Value, parse
from medspan.corpora.formats.result import Problems
from medspan.corpora.formats.sources import squeeze

__all__ = ["EXTRAS_NOTE", "arguments_of", "document_of", "rejoined"]

# The type of the note line that carries through brat what it has no place for, as one JSON object with the keys
# metadata, group_ids and concept_relations.
EXTRAS_NOTE = "DocumentExtras"
_EXTRAS = {"metadata", "group_ids", "concept_relations"}
_PLAIN_ID = re.compile(r"[A-Z*#]\d+")


def document_of(document_id: str, text: str, annotations: str, problems: Problems, dialect: Dialect = BRAT) -> Document:
    """Build the document of one .txt/.ann pair.

    Ids, file order and offsets are kept. Fragments are put in text order, as the model wants them. Normalisations
    become codes; what has no place in a Document (notes, further normalisations, unknown lines, names of relation
    ends other than Arg1 and Arg2) is kept in `metadata[dialect.name]`, from where the writer takes it back.
    """
    return _Reading(text, problems, dialect).document(document_id, list(parse(annotations, problems)))


class _Reading:
    """The state of reading one pair: what was declared so far."""

    def __init__(self, text: str, problems: Problems, dialect: Dialect) -> None:
        self.text = text
        self.problems = problems
        self.dialect = dialect
        self.entities: dict[str, Entity] = {}
        self.events: dict[str, Event] = {}
        self.relations: dict[str, Relation] = {}
        self.groups: list[Group] = []
        self.attributes: dict[str, list[Attribute]] = {}
        self.codes: dict[str, str] = {}
        self.kept: dict[str, Any] = {}
        self.extras: Mapping[str, Any] = {}

    def document(self, document_id: str, lines: Sequence[Line]) -> Document:
        bounds = [line for line in lines if isinstance(line, TextBound)]
        shift = self._shift(bounds)
        for bound in bounds:
            self._entity(bound, shift)
        pairs = [line for line in lines if isinstance(line, Pairs)]
        self._events([line for line in pairs if line.id[0] == "E"])
        for pair in pairs:
            if pair.id[0] == "R":
                self._relation(pair)
        for line in lines:
            match line:
                case Value():
                    self._attribute(line)
                case NormLine():
                    self._code(line)
                case Other():
                    self._other(line)
        self._groups([line for line in lines if isinstance(line, SetLine)])
        metadata = dict(self.extras.get("metadata", {}))
        if self.kept:
            metadata[self.dialect.name] = self.kept
        return Document(
            id=document_id,
            text=self.text,
            entities=tuple(
                Entity(e.id, e.label, e.fragments, tuple(self.attributes.get(e.id, ())), self.codes.get(e.id))
                for e in self.entities.values()
            ),
            relations=tuple(self.relations.values()),
            events=tuple(
                Event(e.id, e.label, e.trigger, e.arguments, tuple(self.attributes.get(e.id, ())))
                for e in self.events.values()
            ),
            groups=tuple(self.groups),
            concept_relations=tuple(
                ConceptRelation(label, head, tail, tuple(extra))
                for label, head, tail, extra in self.extras.get("concept_relations", ())
            ),
            metadata=metadata,
        )

    def _shift(self, bounds: Sequence[TextBound]) -> int:
        """Return 1 when the offsets were counted without the text's byte order mark, else 0."""
        if not self.text.startswith("\ufeff") or not bounds:
            return 0
        agree = [sum(self._agrees(bound, shift) for bound in bounds) for shift in (0, 1)]
        if agree[1] <= agree[0]:
            return 0
        self.problems.repaired(None, f"{len(bounds)} offsets moved by one, past the byte order mark of the text")
        return 1

    def _agrees(self, bound: TextBound, shift: int, mention: str | None = None) -> bool:
        found = " ".join(self.text[start + shift : end + shift] for start, end in bound.offsets)
        return squeeze(found) == squeeze(bound.joined if mention is None else mention)

    def _entity(self, line: TextBound, shift: int) -> None:
        offsets = sorted((start + shift, end + shift) for start, end in line.offsets)
        name = _shown(line.id)
        for start, end in offsets:
            if not start < end <= len(self.text):
                self.problems.skipped(
                    line.number, f"{name}: fragment {start} {end} is empty or outside the text of {len(self.text)}"
                )
                for number, _ in line.further:
                    self.problems.skipped(number, f"follows {name}, which was skipped")
                return
        self._compare(line, name, offsets[0][0], shift)
        if self.text[offsets[0][0]].isspace() or self.text[max(end for _, end in offsets) - 1].isspace():
            self.problems.kept(line.number, f"{name}: begins or ends with white space")
        fragments = [Span(*offsets[0])]
        for start, end in offsets[1:]:
            if start < fragments[-1].end:
                self.problems.repaired(line.number, f"{name}: overlapping fragments joined at {start}")
                fragments[-1] = Span(fragments[-1].start, max(end, fragments[-1].end))
            else:
                fragments.append(Span(start, end))
        key = self._fresh(line)
        joined = rejoined(self.text, fragments) if self.dialect.splits_lines else tuple(fragments)
        self.entities[key] = Entity(key, line.label, joined)

    def _compare(self, line: TextBound, name: str, at: int, shift: int) -> None:
        """Hold the stated mention against the text, with and without the lines that follow it."""
        if line.further and self._agrees(line, shift, line.mention):
            for number, _ in line.further:
                self.problems.skipped(number, f"no part of the mention of {name} before it, which the text bears out")
            return
        if not self._agrees(line, shift):
            self.problems.kept(line.number, f"{name}: {self._difference(line, shift)} at {at}")
        elif line.further:
            n_lines = len(line.further)
            self.problems.repaired(
                line.number,
                f"{name}: the stated mention differs from the text until {n_lines} further lines are joined",
            )
        for number, _ in line.further:
            self.problems.repaired(number, f"joined to the mention of {name}, which a line break had cut")

    def _difference(self, line: TextBound, shift: int) -> str:
        found = "".join(self.text[start + shift : end + shift] for start, end in line.offsets)
        if "".join(found.split()) == "".join(line.joined.split()):
            return "the stated mention differs from the text in white space"
        return "the stated mention differs from the text"

    def _events(self, lines: Sequence[Pairs]) -> None:
        """Read E lines. One may name another that comes later or was skipped, so arguments are pruned at the end."""
        arguments: dict[str, tuple[Pairs, list[Argument]]] = {}
        for line in lines:
            label, trigger = line.pairs[0]
            if trigger not in self.entities:
                self.problems.skipped(line.number, f"event {_shown(line.id)}: no trigger {_shown(trigger)}")
                continue
            key = self._fresh(line)
            self.events[key] = Event(key, label, trigger)
            arguments[key] = (line, arguments_of(line.pairs[1:]))
        for key, (line, found) in arguments.items():
            event = self.events[key]
            legal = [a for a in found if a.target in self.entities or a.target in self.events]
            for argument in found:
                if argument not in legal:
                    self.problems.skipped(
                        line.number,
                        f"event {_shown(key)}: an argument refers to {_shown(argument.target)}, not declared",
                    )
            self.events[key] = Event(key, event.label, event.trigger, tuple(legal))

    def _relation(self, line: Pairs) -> None:
        name = f"relation {_shown(line.id)}"
        if len(line.pairs) != 2:
            self.problems.skipped(line.number, f"{name}: {len(line.pairs)} ends where 2 are expected")
            return
        (head_role, head), (tail_role, tail) = line.pairs
        if (head_role, tail_role) == ("Arg2", "Arg1"):
            self.problems.repaired(line.number, f"{name}: Arg2 written before Arg1")
            head, tail, head_role, tail_role = tail, head, tail_role, head_role
        for target in (head, tail):
            if target not in self.entities and target not in self.events:
                self.problems.skipped(line.number, f"{name} refers to {_shown(target)}, not declared")
                return
        key = self._fresh(line)
        self.relations[key] = Relation(key, line.label, head, tail)
        if (head_role, tail_role) != ("Arg1", "Arg2"):
            self.kept.setdefault("ends", {})[key] = [head_role, tail_role]

    def _attribute(self, line: Value) -> None:
        if line.target in self.entities or line.target in self.events:
            given = self.attributes.setdefault(line.target, [])
            if self.dialect.single_values and any(a.name == line.name and a.value != line.value for a in given):
                self.problems.kept(
                    line.number,
                    f"attribute {_shown(line.id)} gives {_shown(line.target)} another value of the same name; "
                    "the first one counts, and the official scorer refuses the file",
                )
            given.append(Attribute(line.name, line.value))
        elif line.target in self.relations:
            self.problems.kept(line.number, f"attribute of relation {_shown(line.target)} kept in metadata only")
            self.kept.setdefault("lines", []).append(line.raw)
        else:
            self.problems.skipped(
                line.number, f"attribute {_shown(line.id)} refers to {_shown(line.target)}, not declared"
            )

    def _code(self, line: NormLine) -> None:
        if line.target not in self.entities and line.target not in self.events:
            self.problems.skipped(
                line.number, f"normalisation {_shown(line.id)} refers to {_shown(line.target)}, not declared"
            )
            return
        is_first = line.target in self.entities and line.target not in self.codes
        if is_first:
            self.codes[line.target] = line.code
        if not is_first or line.kind != "Reference" or line.name:
            self.kept.setdefault("normalizations", []).append(line.raw)

    def _other(self, line: Other) -> None:
        if extras := _extras(line.raw):
            self.extras = extras
            return
        if not line.raw.startswith("#"):
            self.problems.kept(line.number, "a line of unknown kind kept in metadata")
        self.kept.setdefault("lines", []).append(line.raw)

    def _groups(self, lines: Sequence[SetLine]) -> None:
        """Read sets last: they may name anything, other sets too, by ids that their lines do not show."""
        given = self.extras.get("group_ids", [])
        names = given if len(given) == len(lines) else [f"*{n}" for n in range(1, len(lines) + 1)]
        found = dict(zip(names, lines, strict=True))
        known = {*self.entities, *self.events, *self.relations}
        while missing := [n for n, line in found.items() if not known.union(found).issuperset(line.members)]:
            for name in missing:
                self.problems.skipped(found.pop(name).number, "a member of the set is not declared")
        self.groups = [Group(name, line.label, line.members) for name, line in found.items()]

    def _fresh(self, line: Line) -> str:
        """Return the line's id, or a new one where the file has used it before."""
        used = (self.entities, self.events, self.relations)
        key, n = line.id, 1
        while any(key in table for table in used):
            n += 1
            key = f"{line.id}_{n}"
        if n > 1:
            self.problems.repaired(line.number, f"id {_shown(line.id)} is used twice; the later one is now {key}")
        return key


def rejoined(text: str, fragments: Sequence[Span]) -> tuple[Span, ...]:
    """Join fragments that only line ends part, as they are written for a mention across a line break."""
    joined: list[Span] = []
    for fragment in fragments:
        gap = text[joined[-1].end : fragment.start] if joined else ""
        if gap and not gap.strip("\r\n") and not any(_is_line_end(text, part) for part in (joined[-1], fragment)):
            joined[-1] = Span(joined[-1].start, fragment.end)
        else:
            joined.append(fragment)
    return tuple(joined)


def _is_line_end(text: str, part: Span) -> bool:
    return not text[part.start : part.end].strip("\r\n")


def arguments_of(pairs: Sequence[tuple[str, str]]) -> list[Argument]:
    """Drop the digit that tells repeated roles apart (Type, Type2), but not one that belongs to a role's name."""
    roles = {role for role, _ in pairs}
    arguments = []
    for role, target in pairs:
        n_digits = len(role) - len(role.rstrip("0123456789"))
        bases = (role[:-n] for n in range(1, n_digits + 1))
        arguments.append(Argument(next((base for base in bases if base in roles), role), target))
    return arguments


def _extras(raw: str) -> Mapping[str, Any]:
    columns = raw.split("\t", 2)
    if len(columns) < 3 or not raw.startswith("#") or columns[1].split()[:1] != [EXTRAS_NOTE]:
        return {}
    try:
        extras = json.loads(columns[2])
    except json.JSONDecodeError:
        return {}
    return extras if isinstance(extras, dict) and extras.keys() <= _EXTRAS else {}


def _shown(name: str) -> str:
    """Return an id fit for a message; what does not look like one might be note text."""
    return name if _PLAIN_ID.fullmatch(name) else "(unreadable id)"
