"""A corpus.yaml as text to be edited: what was inferred, with guidance in comments and definitions to write."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from medspan.annotation import LabelSchema
from medspan.corpora.starting.inferring import Tally
from medspan.corpora.starting.patients import InferredSplit

__all__ = ["entry_text"]

_PLAIN = re.compile(r"[A-Za-z][\w./-]*( [\w./-]+)*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"}
_WIDTH = 118

_HEAD = (
    "What medspan knows of the corpus {name}, inferred from {n_documents:,} documents. Edit it: nothing else holds "
    "this. It is found as $MEDSPAN_DATA/{name}/corpus.yaml; then `medspan corpora show {name}`, "
    "load_corpus({name!r}, 'train') and `corpus: {name}` with `schema: {name}` in a recipe work."
)
_ABOUT = """\
# Say what the corpus is, whose it is and who may use it: `access` is open, non-commercial, no-licence or agreement.
"""
_SPLIT_RULE = """
# Documents of one patient never come apart: the patient is hashed with the salt, whatever other documents there are.
# {told_by}
# Where `patient` is given, the first group of this regular expression is searched in a document's id (its path without
# the suffix); otherwise the metadata key `key` tells the patient. Check it: {n_patients} patients were told apart.
"""
_SCHEMA = """
# What may be annotated. Write one sentence for each definition: questions, instructions and error messages are made of
# them. `verbalization` is what the label is called in running text. The comment behind a name says how often it occurs:
# what occurs once may be a slip, which you leave out by deleting it here.
"""
_RELATIONS = """\
  # Every head label may pair with every tail label. `is_symmetric: true` says that the direction means nothing.
"""
_ATTRIBUTES = """\
  # Exactly one of `values` each, unless `is_optional`; no values at all ([]) means that anything may stand there.
"""
_EVENTS = """\
  # `trigger` is the label of the mention that names the event. `is_required` roles are filled in every event.
"""


def entry_text(
    about: Mapping[str, Any],
    splits: Mapping[str, Sequence[str]],
    inferred: InferredSplit | None,
    schema: LabelSchema,
    tally: Tally,
    remarks: Iterable[str] = (),
) -> str:
    """Return the YAML of an entry.

    `about` holds its plain keys in order, `splits` the files of each split; `remarks` become comments at the top.
    """
    lines = [*_comment(0, _HEAD.format(name=schema.name, n_documents=tally.n_documents))]
    for remark in remarks:
        lines.extend(_comment(0, remark))
    lines.append(_ABOUT)
    lines.extend(f"{key}: {_scalar(value)}\n" for key, value in about.items())
    lines.append("splits:\n")
    for split, parts in splits.items():
        lines.append(f"  {_scalar(split)}:\n")
        lines.extend(f"    - {{file: {_scalar(part)}}}\n" for part in parts)
    if inferred is not None:
        rule = inferred.rule
        told_by = f"The patient was told by {inferred.told_by}."
        lines.append(_SPLIT_RULE.format(told_by=told_by, n_patients=f"{inferred.n_patients:,}"))
        lines.append("split_rule:\n")
        shares = ", ".join(f"{_scalar(split)}: {share}" for split, share in rule.shares.items())
        lines.append(f"  shares: {{{shares}}}\n  salt: {_scalar(rule.salt)}\n")
        if rule.patient is not None:
            lines.append(f"  patient: {_scalar(rule.patient)}\n")
        if rule.key != "patient":
            lines.append(f"  key: {_scalar(rule.key)}\n")
    lines.append(_SCHEMA)
    lines.append("schema:\n")
    lines.extend(_schema_lines(schema, tally))
    return "".join(lines)


def _schema_lines(schema: LabelSchema, tally: Tally) -> Iterator[str]:
    yield "  entities:\n"
    for entity in schema.entities:
        yield from _named(2, entity, f"{tally.entities[entity.name]:,}")
    if schema.attributes:
        yield "  attributes:\n" + _ATTRIBUTES
    for attribute in schema.attributes:
        n = sum(tally.attributes[attribute.name, label].values.total() for label in attribute.labels)
        yield from _named(2, attribute, f"{n:,}")
        yield from _listed(6, "values", attribute.values)
        yield from _listed(6, "labels", attribute.labels)
        if attribute.is_optional:
            yield "      is_optional: true\n"
    if schema.relations:
        yield "  relations:\n" + _RELATIONS
    for relation in schema.relations:
        pairs = tally.relations[relation.name]
        yield from _named(2, relation, f"{pairs.total():,}, in {len(pairs):,} pairs of labels")
        yield from _listed(6, "heads", relation.heads)
        yield from _listed(6, "tails", relation.tails)
        rare = [f"{head} -> {tail}" for (head, tail), n in sorted(pairs.items()) if n == 1]
        if rare and len(pairs) > 1:
            yield from _comment(6, f"seen once: {', '.join(rare)}")
    if schema.events:
        yield "  events:\n" + _EVENTS
    for event in schema.events:
        yield from _named(2, event, f"{tally.events[event.name]:,}")
        yield f"      trigger: {_scalar(event.trigger)}\n"
        others = [label for label in sorted(tally.triggers[event.name]) if label != event.trigger]
        if others:
            yield from _comment(6, f"triggers are also labelled {', '.join(others)}: a schema holds one label")
        if event.roles:
            yield "      roles:\n"
        for role in event.roles:
            yield from _named(8, role, f"{tally.roles[event.name][role.name].total():,}")
            yield from _listed(12, "labels", role.labels)
            if role.is_required:
                yield "            is_required: true\n"
    for kind, counts in (("groups", tally.groups), ("facts between codes", tally.concept_relations)):
        if counts:
            found = ", ".join(f"{label} {n:,}" for label, n in sorted(counts.items()))
            yield from _comment(2, f"{kind} have no place in a schema and are kept as they are: {found}")


def _named(indent: int, item: Any, count: str) -> Iterator[str]:
    inner = " " * (indent + 4)
    yield f"{' ' * (indent + 2)}- name: {_scalar(item.name)}  # {count}\n"
    yield f"{inner}definition: {_scalar(item.definition)}\n"
    yield f"{inner}verbalization: {_scalar(item.verbalization)}\n"


def _listed(indent: int, key: str, values: Sequence[str]) -> Iterator[str]:
    line = f"{' ' * indent}{key}: ["
    for number, value in enumerate(values):
        piece = _scalar(value) + ("" if number == len(values) - 1 else ",")
        if len(line) + len(piece) >= _WIDTH:
            yield line.rstrip() + "\n"
            line = " " * (indent + 2)
        line += piece + ("" if number == len(values) - 1 else " ")
    yield f"{line}]\n"


def _comment(indent: int, text: str) -> Iterator[str]:
    """Break a comment into lines; names may hold anything, so line ends are made visible."""
    line = f"{' ' * indent}#"
    for word in text.encode("unicode_escape").decode("ascii").split():
        if len(line) + len(word) >= _WIDTH:
            yield line + "\n"
            line = f"{' ' * indent}#"
        line += f" {word}"
    yield line + "\n"


def _scalar(value: object) -> str:
    """Write a text so that YAML reads it back as that text; JSON's quoting is YAML's."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text)
