"""Round trips of arbitrary documents through every format: equal, or every difference named."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora.roundtrip import assert_round_trip
from medspan.annotation import (
    Argument,
    Attribute,
    ConceptRelation,
    Document,
    Entity,
    Event,
    Group,
    LabelSchema,
    Relation,
    Span,
)
from medspan.corpora.formats import FORMATS, write
from medspan.corpora.invent import DEFAULT_SCHEMA
from medspan.corpora.schemas import schema, schema_names
from medspan.errors import FormatError

# What trips readers: separators of some format, markup, quotes, white space of all kinds, more than one code unit.
WORDS = st.sampled_from(
    ["pain", "mg", "a", "B12", "||", "|", '"', '||t="', "'", "<b>", "&", "&amp;", "]]>", "T1", "O", "B-x", "nm", "...",
     "😀", "é", "e\u0301", ":", ";", ",", "#", "*", "-DOCSTART-", "\\", "{}", "[", "0", "12:3", "."]
)  # fmt: skip
GAPS = st.sampled_from([" ", " ", " ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u2028", "", "\x0b", "\x85"])
VALUES = st.sampled_from(["true", "x", "a b", '"', "||", "NA", "nm", "<&>", "\u00e9", "1"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(st.tuples(WORDS, GAPS), min_size=1, max_size=10))
    return draw(st.sampled_from(["", "\n", " ", "\ufeff"])) + "".join(word + gap for word, gap in pieces)


@st.composite
def documents(draw: st.DrawFn, known: LabelSchema) -> Document:
    """Draw a document with labels of a schema, mostly, anywhere in an awkward text."""
    text = draw(texts())
    labels = st.sampled_from([*known.labels] * 3 + ["Odd-Label"])
    edges = sorted(
        {i for i in range(len(text) + 1) if i in (0, len(text)) or text[i - 1].isspace() != text[i].isspace()}
    )
    cuts = st.sampled_from(edges) if draw(st.booleans()) else st.integers(0, len(text))
    entities = []
    for n in range(1, draw(st.integers(0, 4)) + 1):
        places = sorted(draw(st.sets(cuts, max_size=4)))
        fragments = tuple(Span(*pair) for pair in zip(places[::2], places[1::2], strict=False))
        if not fragments:
            continue
        label = draw(labels)
        attributes = [
            Attribute(a.name, draw(st.sampled_from(a.values) if a.values and draw(st.booleans()) else VALUES))
            for a in known.attributes
            if draw(st.integers(0, 9)) < (8 if label in a.labels else 1)
        ]
        code = draw(st.sampled_from([None, None, None, "C1", "MESH:D1|D2"]))
        entities.append(Entity(f"T{n}", label, fragments, tuple(attributes), code))
    if not entities:
        return Document("n1", text)
    ids = st.sampled_from([e.id for e in entities])
    relation_labels = st.sampled_from([r.name for r in known.relations] * 3 + ["Odd"])
    relations = draw(
        st.lists(st.tuples(relation_labels, ids, ids), max_size=3 if draw(st.booleans()) else 0, unique=True)
    )
    event_types = [e.name for e in known.events] * 3 + ["Odd"]
    roles = st.sampled_from([r.name for e in known.events for r in e.roles] * 2 + ["Odd"])
    events = []
    if known.events or draw(st.integers(0, 9)) == 0:
        for n in range(1, draw(st.integers(0, 3)) + 1):
            label = draw(st.sampled_from(event_types))
            arguments = draw(st.lists(st.builds(Argument, roles, ids), max_size=3))
            events.append(Event(f"E{n}", label, draw(ids), tuple(arguments)))
    groups = [Group("G1", "OR", (entities[0].id, entities[-1].id))] if draw(st.integers(0, 9)) == 0 else []
    facts = [ConceptRelation("CID", "C1", "D1", ("No",))] if draw(st.integers(0, 9)) == 0 else []
    metadata = {"ward": "B2"} if draw(st.integers(0, 9)) == 0 else {}
    return Document(
        "n1",
        text,
        tuple(entities),
        tuple(Relation(f"R{n}", *relation) for n, relation in enumerate(relations, start=1)),
        tuple(events),
        tuple(groups),
        tuple(facts),
        metadata,
    )


def schema_of(name: str) -> LabelSchema:
    return schema(DEFAULT_SCHEMA.get(name, name if name in schema_names() else "clinical"))


@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_document_comes_back_or_every_difference_is_named(name: str, data: st.DataObject) -> None:
    assert_round_trip(name, data.draw(documents(schema_of(name))))


@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_would_be_lost_is_not_written_unasked(name: str, data: st.DataObject) -> None:
    document = data.draw(documents(schema_of(name)))
    if not list(FORMATS.get(name).losses(document)):
        return
    with TemporaryDirectory() as folder:
        with pytest.raises(FormatError, match="would lose"):
            write([document], Path(folder) / "out", name)
        assert not list(Path(folder).iterdir())
