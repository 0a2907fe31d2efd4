"""Hypothesis documents with every trap a format can fall into: names, white space, nesting, links to events."""

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

__all__ = ["documents"]

_LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
# Names that mean something in one format or another, and names that none of them expects.
_NAMES = st.one_of(
    st.sampled_from(["Drug", "ANAT-DP", "Type", "Type2", "Type22", "type", "label", "value", "kind", "code"]),
    st.sampled_from(["identifier", "self", "begin", "text", "choices", "True", "a b", "x_", "1a", "-", "O"]),
    st.text(_LETTERS, min_size=1, max_size=4),
)
_VALUES = st.one_of(st.sampled_from(["true", "", " a", "a ", "4", "4.0", "007"]), st.text(_LETTERS, max_size=4))
_TEXTS = st.text(st.one_of(st.sampled_from("\r\n\t \n  ab_😀é\xa0\u2028.-"), _LETTERS), max_size=40)


@st.composite
def documents(draw: st.DrawFn, document_id: str = "n") -> Document:
    """Draw a document of a few words and annotations; its ids are of no format's kind."""
    text = draw(_TEXTS)
    entities = [draw(_entity(f"e {n}", len(text))) for n in range(draw(st.integers(0, 4)) if len(text) > 1 else 0)]
    if not entities:
        return Document(document_id, text, metadata=draw(_metadata()))
    mentions = st.sampled_from([entity.id for entity in entities])
    event_ids = [f"v {n}" for n in range(draw(st.integers(0, 2)))]
    ends = st.one_of(mentions, st.sampled_from([*event_ids, entities[0].id]))
    by_id = {entity.id: entity for entity in entities}
    events = []
    for name in event_ids:
        trigger = draw(mentions)
        label = draw(st.one_of(_NAMES, st.just(by_id[trigger].label)))
        arguments = draw(st.lists(st.builds(Argument, _NAMES, ends), max_size=3))
        events.append(Event(name, label, trigger, tuple(arguments), tuple(draw(_attributes(1)))))
    relations = [Relation(f"r {n}", draw(_NAMES), draw(ends), draw(ends)) for n in range(draw(st.integers(0, 3)))]
    groups = [Group("g", draw(_NAMES), tuple(draw(st.lists(mentions, min_size=1, max_size=2))))]
    facts = [ConceptRelation("CID", "D1", "D2")]
    return Document(
        document_id,
        text,
        tuple(entities),
        tuple(relations),
        tuple(events),
        tuple(draw(st.sampled_from([[], groups]))),
        tuple(draw(st.sampled_from([[], facts]))),
        draw(_metadata()),
    )


@st.composite
def _entity(draw: st.DrawFn, name: str, length: int) -> Entity:
    cuts = sorted(draw(st.sets(st.integers(0, length), min_size=2, max_size=4)))
    fragments = tuple(Span(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False))
    return Entity(name, draw(_NAMES), fragments, tuple(draw(_attributes(3))), draw(st.none() | _VALUES))


def _attributes(n: int) -> st.SearchStrategy[list[Attribute]]:
    return st.lists(st.builds(Attribute, _NAMES, _VALUES), max_size=n)


def _metadata() -> st.SearchStrategy[dict[str, object]]:
    names = st.sampled_from(["annotator", "group", "labeler", "kind", "é"])
    return st.dictionaries(names, st.one_of(_VALUES, st.integers(0, 9)), max_size=2)
