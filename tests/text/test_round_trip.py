"""merge(cut(document)) gives the document back, less what no window holds, for any document and plan."""

from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Group, Relation, Span
from medspan.text import cut, merge, plan_windows, sentences, unreachable

LABELS = st.sampled_from(["A", "B"])
PIECES = st.sampled_from(["Pain", " ", ". ", "\n", "\n\n", "Plan:\n", "He took", "👍", "1. ", "xxxx xxxx xxxx xxxx "])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(st.lists(PIECES, min_size=1, max_size=40).map("".join))
    entities = []
    for n in range(draw(st.integers(0, 8))):
        points = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=4)))
        if draw(st.booleans()) or len(points) < 4:
            points = [points[0], min(points[0] + draw(st.integers(1, 12)), len(text))]
        fragments = tuple(Span(a, b) for a, b in zip(points[::2], points[1::2], strict=True))
        entities.append(Entity(f"T{n}", draw(LABELS), fragments, (Attribute("value", draw(LABELS)),)))
    entities = list(draw(st.permutations(entities)))
    names = [e.id for e in entities]
    if not names:
        return Document("d", text)
    events = []
    event_ids = [f"E{n}" for n in range(draw(st.integers(0, 4)))]
    targets = st.sampled_from(names + event_ids)
    for name in event_ids:
        arguments = draw(st.lists(st.builds(Argument, LABELS, targets), max_size=4))
        events.append(Event(name, draw(LABELS), draw(st.sampled_from(names)), tuple(arguments)))
    relations = [Relation(f"R{n}", draw(LABELS), draw(targets), draw(targets)) for n in range(draw(st.integers(0, 5)))]
    group_ids = [f"G{n}" for n in range(draw(st.integers(0, 3)))]
    members = st.lists(
        st.sampled_from(names + event_ids + [r.id for r in relations] + group_ids), min_size=1, max_size=3
    )
    groups = [Group(name, draw(LABELS), (draw(st.sampled_from(names)), *draw(members))) for name in group_ids]
    return Document("d", text, tuple(entities), tuple(relations), tuple(events), tuple(groups))


@st.composite
def planned(draw: st.DrawFn) -> tuple[Document, list[Span]]:
    document = draw(documents())
    text = document.text
    positions = [i for i, c in enumerate(text) if not c.isspace() and draw(st.integers(0, 2))]
    budget = draw(st.integers(2, 40))
    overlap = draw(st.integers(0, budget - 1))
    return document, plan_windows(sentences(text), positions, len(text), budget, overlap, text=text)


@settings(deadline=None)  # the machine may be busy
@given(planned())
def test_what_no_window_holds_is_exactly_what_is_lost(case: tuple[Document, list[Span]]) -> None:
    document, spans = case
    merged = merge(document, cut(document, spans))
    assert unreachable(document, spans) == {
        "entities": len(document.entities) - len(merged.entities),
        "relations": len(document.relations) - len(merged.relations),
        "events": len(document.events) - len(merged.events),
        "arguments": sum(len(e.arguments) for e in document.events) - sum(len(e.arguments) for e in merged.events),
        "groups": len(document.groups) - len(merged.groups),
    }


@settings(deadline=None)  # the machine may be busy
@given(planned())
def test_merge_gives_back_what_was_cut_with_ids_and_order(case: tuple[Document, list[Span]]) -> None:
    document, spans = case
    merged = merge(document, cut(document, spans))
    if not any(unreachable(document, spans).values()):
        assert merged == document
    assert list(merged.entities) == [e for e in document.entities if e in merged.entities]
    assert list(merged.relations) == [r for r in document.relations if r in merged.relations]
    assert list(merged.groups) == [g for g in document.groups if g in merged.groups]


@settings(deadline=None)  # the machine may be busy
@given(planned())
def test_windows_onto_the_bare_text_keep_content_and_ids(case: tuple[Document, list[Span]]) -> None:
    document, spans = case
    merged = merge(document.bare(), cut(document, spans))
    kept = merge(document, cut(document, spans))
    assert sorted(merged.entities, key=lambda e: e.id) == sorted(kept.entities, key=lambda e: e.id)
    assert sorted(merged.relations, key=lambda r: r.id) == sorted(kept.relations, key=lambda r: r.id)


@settings(deadline=None)  # the machine may be busy
@given(planned())
def test_every_mention_of_a_window_is_the_mention_of_the_document(case: tuple[Document, list[Span]]) -> None:
    document, spans = case
    windows = cut(document, spans)
    for window in windows:
        for entity in window.document.entities:
            assert window.document.mention(entity) == document.mention(document.by_id[entity.id])
