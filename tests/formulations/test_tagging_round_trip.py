"""Gold through tags and back: what comes back, and that all else is counted."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.formulations import TextTokenizer
from medspan.formulations.mentions import Layout, Outputs, SpanArray, encode
from medspan.formulations.tagging import (
    Layers,
    Options,
    Units,
    apart,
    attach_arguments,
    count_lost,
    give_back,
    layers_of,
    overlapping_labels,
    unit_spans,
    units_of,
)
from tiny import TINY_SCHEMA, tiny_tokenizer

TEXT = "one twos three four five six seven eight nine ten"
LAYOUT = Layout(TINY_SCHEMA, TINY_SCHEMA.labels)
# The pieces of "twos" are t, w, o and s, those of other words the words.
TOKENIZER = TextTokenizer(tiny_tokenizer([TEXT.replace("twos", "t w o s")]))
TOKENS = TOKENIZER([TEXT])[0]
WORDS = [(TEXT.index(word), TEXT.index(word) + len(word)) for word in TEXT.split()]
STARTS, ENDS = zip(*WORDS, strict=True)


def words(first: int, last: int | None = None) -> Span:
    """The characters of words `first` to `last`, both inclusive."""
    return Span(STARTS[first], ENDS[first if last is None else last])


def mention(name: str, label: str, *fragments: Span, **attributes: str) -> Entity:
    if label == "Problem":
        attributes = {"assertion": "present"} | attributes
    return Entity(name, label, fragments, tuple(Attribute(*pair) for pair in attributes.items()))


def there_and_back(document: Document, options: Options, layers: Layers | None = None) -> tuple[Document, Counter[str]]:
    units = units_of(TEXT, TOKENS, options.pieces)
    targets = encode(document, TOKENS, LAYOUT)
    if layers is None and options.layers == "auto":
        layers = apart(len(LAYOUT.labels), overlapping_labels(unit_spans(targets, units)))
    layers = layers or layers_of(options, {"": LAYOUT})[""]
    (back,) = give_back([document], [TOKENS], [units], [targets], layers, LAYOUT, options)
    return back, count_lost(document, back, back, TOKENS, units, LAYOUT)


def lost_in(*entities: Entity, events: tuple[Event, ...] = (), **options: str) -> dict[str, int]:
    return dict(there_and_back(Document("n", TEXT, entities, events=events), Options.model_validate(options))[1])


def test_overlapping_labels_come_back_from_layers_and_the_shorter_is_lost_from_one() -> None:
    gold = mention("T1", "Problem", words(0, 3)), mention("T2", "Drug", words(2)), mention("T3", "Dose", words(3, 4))
    document = Document("n", TEXT, gold)
    for layers in "auto", "label":
        assert there_and_back(document, Options.model_validate({"layers": layers})) == (document, Counter())
    assert lost_in(*gold, layers="one") == {"overlap in one layer": 2}


def test_of_nested_mentions_of_one_label_the_longer_comes_back() -> None:
    gold = Document("n", TEXT, (mention("T1", "Drug", words(0, 2)), mention("T2", "Drug", words(1))))
    back, lost = there_and_back(gold, Options())
    assert back.entities == gold.entities[:1]
    assert lost == {"overlap in one layer": 1}


def test_an_edge_inside_a_word_comes_back_from_pieces_alone() -> None:
    inside = mention("T1", "Drug", Span(4, 6))
    assert lost_in(inside, pieces="all") == {}
    assert lost_in(inside, pieces="first") == {"edge inside a word": 1}
    assert lost_in(mention("T1", "Drug", Span(0, 2)), pieces="all") == {"edge inside a word piece": 1}


def test_fragments_come_back_as_mentions_and_the_whole_is_counted() -> None:
    gold = Document("n", TEXT, (mention("T1", "Drug", words(0), words(2)),))
    back, lost = there_and_back(gold, Options())
    assert [entity.fragments for entity in back.entities] == [(words(0),), (words(2),)]
    assert lost == {"discontinuous mention": 1}


def test_relations_are_counted() -> None:
    gold = mention("T1", "Drug", words(0)), mention("T2", "Dose", words(1))
    document = Document("n", TEXT, gold, (Relation("R1", "dose-of", "T2", "T1"),))
    assert there_and_back(document, Options()) == (Document("n", TEXT, gold), {"relation": 1})


SMOKES = (
    mention("T1", "Habit", words(2)),
    mention("T2", "Status", words(3)),
    mention("T3", "Amount", words(5)),
    mention("T4", "Habit", words(6)),
    mention("T5", "Status", words(9)),
)


def test_arguments_join_the_nearest_trigger() -> None:
    events = (
        Event("E1", "Smoking", "T1", (Argument("status", "T2"),)),
        Event("E2", "Smoking", "T4", (Argument("amount", "T3"), Argument("status", "T5"))),
    )
    gold = Document("n", TEXT, SMOKES, events=events)
    assert there_and_back(gold, Options()) == (gold, Counter())


def test_arguments_of_a_farther_trigger_are_counted_twice_as_missing_and_as_too_many() -> None:
    events = (
        Event("E1", "Smoking", "T1", (Argument("status", "T2"), Argument("amount", "T3"))),
        Event("E2", "Smoking", "T4", (Argument("status", "T5"),)),
    )
    lost = {"argument not of the nearest trigger": 1, "argument given to another trigger": 1}
    assert lost_in(*SMOKES, events=events) == lost


def test_arguments_without_a_trigger_in_reach_stay_entities() -> None:
    gold = Document("n", TEXT, (mention("T1", "Status", words(2)), mention("T2", "Amount", words(4))))
    assert there_and_back(gold, Options()) == (gold, Counter())


def test_arguments_stay_alone_where_that_is_asked_for() -> None:
    events = (Event("E1", "Smoking", "T1", (Argument("status", "T2"),)), Event("E2", "Smoking", "T4"))
    gold = Document("n", TEXT, SMOKES, events=events)
    back, lost = there_and_back(gold, Options(attach="none"))
    assert back.entities == SMOKES
    assert [event.arguments for event in back.events] == [(), ()]
    assert lost == {"argument not of the nearest trigger": 1}


def test_a_trigger_without_an_event_gets_one_and_is_counted() -> None:
    assert lost_in(SMOKES[0]) == {"event made of a bare trigger": 1}


def test_labels_that_have_relations_of_their_own_are_not_attached() -> None:
    gold = mention("T1", "Habit", words(0)), mention("T2", "Dose", words(1))
    back, _ = there_and_back(Document("n", TEXT, gold, events=(Event("E1", "Smoking", "T1"),)), Options())
    assert back.events[0].arguments == ()


def test_attached_links_are_as_sure_as_the_less_sure_end_and_stay_in_their_row() -> None:
    habit, status = LAYOUT.label_index["Habit"], LAYOUT.label_index["Status"]
    first = np.array([0, 3, 5, 6, 9])
    outputs = Outputs(
        SpanArray(first, first),
        np.array([habit, status, status, habit, status]),
        np.array([0.9, 0.4, 0.8, 0.7, 0.0], np.float32),
        np.zeros((5, LAYOUT.n_attribute_columns), np.float32),
        np.zeros((0, 2), np.int64),
        np.zeros((0, len(LAYOUT.links)), np.float32),
    )
    found = attach_arguments(outputs, np.repeat([0, 1], [5, 5]), LAYOUT)
    assert found.pairs.tolist() == [[0, 1], [3, 2], [3, 4]]
    column = LAYOUT.link_index["role:status"]
    np.testing.assert_allclose(found.link_scores[:, column], [0.4, 0.7, 1e-6])
    assert np.count_nonzero(found.link_scores) == 3


def requiring(name: str) -> Layout:
    """The layout with one role of its event required."""
    (event,) = TINY_SCHEMA.events
    roles = tuple(replace(role, is_required=role.name == name) for role in event.roles)
    return Layout(replace(TINY_SCHEMA, events=(replace(event, roles=roles),)))


def test_triggers_share_the_nearest_argument_of_a_role_they_require() -> None:
    labels = [LAYOUT.label_index[label] for label in ("Status", "Habit", "Habit", "Amount", "Status", "Habit")]
    first = np.array([0, 2, 4, 5, 9, 12])
    outputs = Outputs(
        SpanArray(first, first),
        np.array(labels),
        np.ones(6, np.float32),
        np.zeros((6, LAYOUT.n_attribute_columns), np.float32),
        np.zeros((0, 2), np.int64),
        np.zeros((0, len(LAYOUT.links)), np.float32),
    )
    row = np.repeat([0, 1], [10, 5])

    def links(layout: Layout) -> set[tuple[int, int, str]]:
        found = attach_arguments(outputs, row, layout)
        assert (np.diff(found.pairs[:, 0]) >= 0).all()
        pairs, columns = np.nonzero(found.link_scores)
        return {(*found.pairs[p].tolist(), layout.links[c]) for p, c in zip(pairs, columns, strict=True)}

    each_once = {(1, 0, "role:status"), (2, 3, "role:amount"), (2, 4, "role:status")}
    assert links(Layout(TINY_SCHEMA)) == links(requiring("status")) == each_once
    assert links(requiring("amount")) == each_once | {
        (1, 3, "role:amount")
    }  # the habit of another row has none in reach


def test_units_of_rows_are_laid_end_to_end() -> None:
    row = units_of(TEXT, TOKENS, "first")
    joined = Units.end_to_end([row, Units(row.first[:0], row.last[:0]), row], [len(TOKENS), 0, len(TOKENS)])
    np.testing.assert_array_equal(joined.first, [*row.first, *(row.first + len(TOKENS))])
    np.testing.assert_array_equal(joined.last, [*row.last, *(row.last + len(TOKENS))])


# What is counted against what really does not come back, on anything that may stand in a document.

MENTION_REASONS = (
    "label not in schema",
    "mention without tokens or too wide",
    "discontinuous mention",
    "edge inside a word piece",
    "edge inside a word",
    "overlap in one layer",
    "exact duplicate",
)
ARGUMENT_REASONS = ("argument that is an event", "argument of a lost mention", "argument not of the nearest trigger")
EVENT_REASONS = ("event not in schema", "event of a lost mention", "second event on one trigger")

word_ranges = st.tuples(st.integers(0, 6), st.integers(0, 2)).map(lambda pair: words(pair[0], pair[0] + pair[1]))
off_edge = st.sampled_from([Span(1, 3), Span(4, 6), Span(9, 12), Span(7, 8), Span(3, 4), Span(2, 5)])
fragment_sets = st.lists(word_ranges | word_ranges | word_ranges | off_edge, min_size=1, max_size=2)
values = st.dictionaries(st.sampled_from(["severity", "assertion", "colour"]), st.sampled_from(["mild", "absent", "x"]))


def are_apart(spans: list[Span]) -> tuple[Span, ...]:
    kept: list[Span] = []
    for span in sorted(spans):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return tuple(kept)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    labels = st.sampled_from(["Problem", "Drug", "Dose", "Habit", "Status", "Amount", "Other"])
    drawn = draw(st.lists(st.tuples(labels, fragment_sets.map(are_apart), values), max_size=7))
    entities = tuple(
        Entity(f"T{number}", label, fragments, tuple(Attribute(*pair) for pair in given.items()))
        for number, (label, fragments, given) in enumerate(drawn, start=1)
    )
    if not entities:
        return Document("n", TEXT)
    ids = st.sampled_from([entity.id for entity in entities])
    names = st.sampled_from(["dose-of", "reason", "same"])
    ends = draw(st.lists(st.tuples(names, ids, ids), max_size=3))
    relations = tuple(Relation(f"R{number}", *parts) for number, parts in enumerate(ends, start=1))
    habits = [entity.id for entity in entities if entity.label in ("Habit", "Other")]
    triggers = draw(st.lists(st.sampled_from(habits), max_size=3)) if habits else []
    targets = st.sampled_from([*(entity.id for entity in entities), *(f"E{n}" for n in range(1, len(triggers) + 1))])
    roles = st.sampled_from(["status", "amount"])
    events = tuple(
        Event(f"E{number}", "Smoking", trigger, tuple(draw(st.lists(st.builds(Argument, roles, targets), max_size=3))))
        for number, trigger in enumerate(triggers, start=1)
    )
    return Document("n", TEXT, entities, relations, events)


def facts(document: Document) -> dict[str, Counter[Hashable]]:
    """What a document says, not by which ids."""
    place: dict[str, Hashable] = {entity.id: (entity.label, entity.fragments) for entity in document.entities}
    return {
        "entities": Counter(place.values()),
        "values": Counter((place[e.id], a.name, a.value) for e in document.entities for a in e.attributes),
        "relations": Counter((r.label, place[r.head], place[r.tail]) for r in document.relations),
        "events": Counter((e.label, place[e.trigger]) for e in document.events),
        "arguments": Counter(
            (place[e.trigger], a.role, place.get(a.target, a.target)) for e in document.events for a in e.arguments
        ),
    }


options = st.builds(
    Options,
    layers=st.sampled_from(["auto", "one", "label"]),
    pieces=st.sampled_from(["first", "all"]),
    attach=st.sampled_from(["nearest", "none"]),
)


@settings(max_examples=400, deadline=None)
@given(documents(), options)
def test_what_is_counted_as_lost_is_what_does_not_come_back(document: Document, chosen: Options) -> None:
    back, lost = there_and_back(document, chosen)
    gold, found = facts(document), facts(back)
    missing = {name: (gold[name] - found[name]).total() for name in gold}
    more = {name: (found[name] - gold[name]).total() for name in gold}
    assert sum(lost[reason] for reason in MENTION_REASONS) == missing["entities"]
    assert sum(lost[reason] for reason in EVENT_REASONS) == missing["events"]
    assert sum(lost[reason] for reason in ARGUMENT_REASONS) == missing["arguments"]
    assert lost["relation"] == missing["relations"]
    assert lost["event made of a bare trigger"] == more["events"]
    assert lost["argument given to another trigger"] == more["arguments"]
    if not lost:
        assert found == gold


@settings(max_examples=200, deadline=None)
@given(documents(), options)
def test_labels_that_overlap_are_lost_from_one_layer_only(document: Document, chosen: Options) -> None:
    lost = there_and_back(document, chosen)[1]["overlap in one layer"]
    by_label = there_and_back(document, chosen.model_copy(update={"layers": "label"}))[1]["overlap in one layer"]
    assert lost == by_label if chosen.layers == "auto" else lost >= by_label


@st.composite
def plain_documents(draw: st.DrawFn) -> Document:
    """No overlaps, no links, nothing outside the schema, all edges at words."""
    at, entities = 0, []
    for number, (gap, width) in enumerate(draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=5))):
        first, last = at + gap, at + gap + width
        if last >= len(WORDS):
            break
        label = draw(st.sampled_from(["Problem", "Drug", "Dose", "Status"]))
        severity = draw(st.sampled_from(["", "mild", "severe"])) if label in ("Problem", "Drug") else ""
        given = {"severity": severity} if severity else {}
        entities.append(mention(f"T{number + 1}", label, words(first, last), **given))
        at = last + 1
    return Document("n", TEXT, tuple(entities))


@settings(max_examples=200, deadline=None)
@given(plain_documents(), options)
def test_notes_without_overlaps_and_links_come_back_whole(document: Document, chosen: Options) -> None:
    assert there_and_back(document, chosen) == (document, Counter())


@pytest.mark.parametrize("layers", ["one", "label"])
def test_rows_are_told_apart(layers: str) -> None:
    options = Options.model_validate({"layers": layers})
    notes = [Document(f"n{at}", TEXT, (mention("T1", "Drug", words(0, at)),)) for at in range(4)]
    notes.insert(2, Document("empty", TEXT))
    units = [units_of(TEXT, TOKENS, options.pieces)] * 5
    targets = [encode(note, TOKENS, LAYOUT) for note in notes]
    of_head = layers_of(options, {"": LAYOUT})[""]
    assert give_back(notes, [TOKENS] * 5, units, targets, of_head, LAYOUT, options) == notes
