"""Round trips through brat for any document that brat can name."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import (
    Argument,
    Attribute,
    ConceptRelation,
    Document,
    Entity,
    Event,
    Group,
    Relation,
    Span,
)
from medspan.corpora.formats import read, write

names = st.text(string.ascii_letters + "_-.", min_size=1, max_size=8)
values = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), min_size=1, max_size=8).filter(
    lambda value: value == value.strip() and value.strip()
)
texts = st.text(
    st.one_of(st.sampled_from("\r\n\t \u2028\x85\ufeff😀é"), st.characters(codec="utf-8", exclude_characters="\0")),
    min_size=1,
    max_size=40,
)


@st.composite
def attributes(draw: st.DrawFn) -> tuple[Attribute, ...]:
    return tuple(draw(st.lists(st.builds(Attribute, names, values), max_size=2)))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(texts)
    entities = []
    for n in range(draw(st.integers(0, 4))):
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=6)))
        fragments = tuple(Span(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False))
        code = draw(st.none() | names)
        entities.append(Entity(f"T{n}", draw(names), fragments, draw(attributes()), code))
    if not entities:
        return Document("n", text)
    entity_ids = [e.id for e in entities]
    event_ids = [f"E{n}" for n in range(draw(st.integers(0, 3)))]
    ends = st.sampled_from(entity_ids + event_ids)
    events = [
        Event(
            name,
            draw(names),
            draw(st.sampled_from(entity_ids)),
            tuple(draw(st.lists(st.builds(Argument, names, ends), max_size=4))),
            draw(attributes()),
        )
        for name in event_ids
    ]
    relations = [Relation(f"R{n}", draw(names), draw(ends), draw(ends)) for n in range(draw(st.integers(0, 3)))]
    groups = [
        Group(draw(st.sampled_from(["*", "G"])) + str(n), draw(names), tuple(draw(st.lists(ends, min_size=1))))
        for n in range(1, draw(st.integers(1, 3)))
    ]
    facts = draw(st.lists(st.builds(ConceptRelation, names, values, values, st.tuples(values)), max_size=2))
    metadata = draw(st.dictionaries(names.filter(lambda name: name != "brat"), values, max_size=2))
    return Document("n", text, tuple(entities), tuple(relations), tuple(events), tuple(groups), tuple(facts), metadata)


@settings(max_examples=150, deadline=None)
@given(documents())
def test_reading_what_was_written_gives_the_document_back(document: Document) -> None:
    with TemporaryDirectory() as folder:
        assert write([document], Path(folder), "brat") == []
        result = read(Path(folder), "brat")
    assert result.documents == (document,)
    # Mentions may be drawn so, and keep what is doubtful about them.
    assert {p.reason.partition(": ")[2] for p in result.problems} <= {"begins or ends with white space"}


ids = st.sampled_from(["T1", "T2", "T3", "E1", "E2", "R1", "A1", "*", "*1", "T1_2", "T:", "R 1", "#1", "", "T"])
labels = st.sampled_from(["A", "B:c", "A;b", "Type", "Type2", "Arg1", "Arg2", "C\u2028d", "Réf", "Reference", "x 1"])
places = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=3).map(
    lambda pairs: ";".join(f"{start} {end}" for start, end in pairs)
)
pairs = st.lists(st.builds(lambda role, target: f"{role}:{target}", labels, ids), max_size=4).map(" ".join)
ends = st.sampled_from(["", " x", " a  b", " true", "  ", " ü\u2028z", "\tname"])
lines = st.one_of(
    st.builds(lambda *parts: "{}\t{} {}\t{}".format(*parts), ids, labels, places, st.text(max_size=6)),
    st.builds(lambda *parts: "{}\t{} {}".format(*parts), ids, labels, pairs),
    st.builds(lambda *parts: "{}\t{}".format(*parts), ids, pairs),
    st.builds(lambda *parts: "{}\t{} {}{}".format(*parts), ids, labels, ids, ends),
    st.builds(lambda *parts: "{}\t{} {} {}{}".format(*parts), ids, labels, ids, labels, ends),
    st.text(max_size=8),
)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=8, max_size=14), st.lists(lines, max_size=12).map("\n".join))
def test_any_annotation_file_is_read_and_what_was_understood_survives(text: str, annotations: str) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "n.txt").write_bytes(text.encode("utf-8"))
        (Path(folder) / "n.ann").write_bytes(annotations.encode("utf-8"))
        result = read(Path(folder), "brat")
        assert len(result.documents) == 1
        write(result.documents, Path(folder) / "again", "brat")
        assert read(Path(folder) / "again", "brat").documents == result.documents
