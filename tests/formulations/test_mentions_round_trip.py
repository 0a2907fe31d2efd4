"""Gold through `encode` and `decode`: what comes back, and that the rest is counted."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.formulations.mentions import MAX_WIDTH, Layout, Outputs, Targets, Thresholds, decode, encode
from tiny import TINY_SCHEMA, word_tokens

TEXT = "one two three four five six seven eight nine ten"
WORDS = word_tokens(TEXT)
LAYOUT = Layout(TINY_SCHEMA, TINY_SCHEMA.labels)
WHOLE_ONLY = Layout(TINY_SCHEMA)


def words(first: int, last: int | None = None) -> Span:
    """The characters of words `first` to `last`, both inclusive."""
    return Span(int(WORDS.starts[first]), int(WORDS.ends[first if last is None else last]))


def mention(name: str, label: str, *fragments: Span, **attributes: str) -> Entity:
    if label == "Problem":
        attributes = {"assertion": "present"} | attributes
    return Entity(name, label, fragments, tuple(Attribute(*pair) for pair in attributes.items()))


def targets_of(document: Document, layout: Layout = LAYOUT) -> Targets:
    return encode(document, word_tokens(document.text), layout)


def there_and_back(document: Document, layout: Layout = LAYOUT) -> Document:
    outputs = Outputs.certain([targets_of(document, layout)], layout)
    (back,) = decode([document.bare()], [word_tokens(document.text)], outputs, layout, Thresholds())
    return back


def check_round_trip(document: Document) -> None:
    assert targets_of(document).lost == Counter()
    assert there_and_back(document) == document


def test_a_document_without_annotation_comes_back() -> None:
    check_round_trip(Document("n", TEXT))
    check_round_trip(Document("n", ""))


def test_nested_overlapping_and_adjacent_mentions_come_back() -> None:
    entities = (
        mention("T1", "Problem", words(0, 2)),
        mention("T2", "Problem", words(1)),
        mention("T3", "Problem", words(2, 3)),
        mention("T4", "Drug", words(2, 3)),
        mention("T5", "Drug", words(4)),
    )
    check_round_trip(Document("n", TEXT, entities))


def test_attributes_come_back_and_optional_ones_may_be_absent() -> None:
    entities = (
        mention("T1", "Problem", words(0), assertion="absent", severity="severe"),
        mention("T2", "Drug", words(2)),
        mention("T3", "Drug", words(4), severity="mild"),
    )
    check_round_trip(Document("n", TEXT, entities))


def test_discontinuous_mentions_come_back_with_their_attributes() -> None:
    entities = (
        mention("T1", "Problem", words(0), words(2), words(5, 6), assertion="absent"),
        mention("T2", "Problem", words(1)),
        mention("T3", "Drug", words(3), words(7)),
    )
    check_round_trip(Document("n", TEXT, entities, (Relation("R1", "reason", "T1", "T3"),)))


def test_mentions_that_share_a_later_fragment_come_back() -> None:
    entities = (mention("T1", "Problem", words(0), words(3)), mention("T2", "Problem", words(1), words(3)))
    check_round_trip(Document("n", TEXT, entities))


def test_relations_in_both_directions_come_back() -> None:
    entities = (mention("T1", "Drug", words(0)), mention("T2", "Dose", words(1)), mention("T3", "Problem", words(4)))
    relations = (Relation("R1", "reason", "T3", "T1"), Relation("R2", "dose-of", "T2", "T1"))
    found = there_and_back(Document("n", TEXT, entities, relations))
    assert {(r.label, r.head, r.tail) for r in found.relations} == {("reason", "T3", "T1"), ("dose-of", "T2", "T1")}


def test_a_pair_may_have_two_relations() -> None:
    entities = (mention("T1", "Problem", words(0)), mention("T2", "Drug", words(1)))
    check_round_trip(
        Document("n", TEXT, entities, (Relation("R1", "reason", "T1", "T2"), Relation("R2", "same", "T1", "T2")))
    )


def test_a_symmetric_relation_comes_back_once_whichever_way_it_was_written() -> None:
    entities = (mention("T1", "Drug", words(0)), mention("T2", "Problem", words(3)))
    for ends in ("T1", "T2"), ("T2", "T1"):
        gold = Document("n", TEXT, entities, (Relation("R1", "same", *ends),))
        assert targets_of(gold).lost == Counter()
        assert there_and_back(gold).relations == (Relation("R1", "same", "T1", "T2"),)


def test_events_that_share_an_argument_come_back() -> None:
    entities = (
        mention("T1", "Habit", words(0)),
        mention("T2", "Status", words(1)),
        mention("T3", "Habit", words(3)),
        mention("T4", "Dose", words(5)),
    )
    events = (
        Event("E1", "Smoking", "T1", (Argument("status", "T2"), Argument("amount", "T4"))),
        Event("E2", "Smoking", "T3", (Argument("status", "T2"),)),
    )
    check_round_trip(Document("n", TEXT, entities, events=events))


def test_a_trigger_without_arguments_is_an_event_of_its_own() -> None:
    check_round_trip(Document("n", TEXT, (mention("T1", "Habit", words(0)),), events=(Event("E1", "Smoking", "T1"),)))


def test_rows_are_told_apart() -> None:
    notes = [
        Document(
            f"n{at}",
            TEXT,
            (mention("T1", "Dose", words(at)), mention("T2", "Drug", words(at + 1), words(at + 3))),
            (Relation("R1", "dose-of", "T1", "T2"),),
        )
        for at in range(4)
    ]
    notes.insert(2, Document("empty", TEXT))
    outputs = Outputs.certain([targets_of(note) for note in notes], LAYOUT)
    bare = [note.bare() for note in notes]
    assert decode(bare, [WORDS] * len(notes), outputs, LAYOUT, Thresholds()) == notes


def lost_in(*entities: Entity, layout: Layout = LAYOUT, relations: tuple[Relation, ...] = ()) -> dict[str, int]:
    return dict(targets_of(Document("n", TEXT, entities, relations), layout).lost)


def test_labels_outside_the_schema_are_counted() -> None:
    assert lost_in(Entity("T1", "Other", (words(0),))) == {"label not in schema": 1}


def test_a_mention_of_white_space_is_counted() -> None:
    assert lost_in(mention("T1", "Drug", Span(3, 4))) == {"mention without tokens or too wide": 1}


def test_the_widest_mention_comes_back_and_a_wider_one_is_counted() -> None:
    text = " ".join("x" * (MAX_WIDTH + 1))
    widest = Document("n", text, (mention("T1", "Drug", Span(0, 2 * MAX_WIDTH - 1)),))
    wider = Document("n", text, (mention("T1", "Drug", Span(0, 2 * MAX_WIDTH + 1)),))
    check_round_trip(widest)
    assert dict(targets_of(wider).lost) == {"mention without tokens or too wide": 1}


def test_an_edge_inside_a_word_is_counted_and_widened() -> None:
    gold = mention("T1", "Drug", Span(4, 6))
    assert lost_in(gold) == {"edge inside a word piece": 1}
    assert there_and_back(Document("n", TEXT, (gold,))).entities == (mention("T1", "Drug", words(1)),)


def test_fragments_that_meet_once_widened_are_counted_once() -> None:
    assert lost_in(mention("T1", "Drug", Span(8, 10), Span(11, 13))) == {"edge inside a word piece": 1}


def test_a_discontinuous_mention_is_counted_once_where_none_may_be() -> None:
    gold = mention("T1", "Drug", words(0), words(2), words(4))
    assert lost_in(gold, layout=WHOLE_ONLY) == {"discontinuous mention": 1}


def test_a_mention_that_is_also_a_fragment_is_counted() -> None:
    gold = mention("T1", "Drug", words(0)), mention("T2", "Drug", words(0), words(2))
    assert lost_in(*gold) == {"mention that is also a fragment": 1}


def test_mentions_whose_fragments_become_one_are_counted() -> None:
    a, b, c = words(0), words(2), words(4)
    gold = mention("T1", "Drug", a, b), mention("T2", "Drug", b, c), mention("T3", "Drug", a, c)
    assert lost_in(*gold) == {"fragments of several mentions joined": 3}


def test_an_exact_duplicate_is_counted_and_its_relations_are_not() -> None:
    gold = mention("T1", "Drug", words(0)), mention("T2", "Drug", words(0)), mention("T3", "Dose", words(1))
    assert lost_in(*gold, relations=(Relation("R1", "dose-of", "T3", "T2"),)) == {"exact duplicate": 1}


def test_an_argument_without_an_event_is_counted() -> None:
    assert lost_in(mention("T1", "Status", words(0))) == {"argument without an event": 1}
    assert lost_in(mention("T1", "Dose", words(0))) == {}  # doses are ends of relations as well


def test_illegal_unknown_repeated_and_dangling_links_are_counted() -> None:
    gold = (
        mention("T1", "Drug", words(0)),
        mention("T2", "Dose", words(1)),
        mention("T3", "Drug", Span(8, 10)),
        mention("T4", "Drug", words(5)),
    )
    relations = (
        Relation("R1", "dose-of", "T1", "T2"),
        Relation("R2", "unheard-of", "T2", "T1"),
        Relation("R3", "dose-of", "T2", "T3"),
        Relation("R4", "same", "T1", "T4"),
        Relation("R5", "same", "T4", "T1"),
    )
    assert lost_in(*gold, relations=relations) == {
        "edge inside a word piece": 1,
        "illegal link": 1,
        "link not in schema": 1,
        "link to a lost mention": 1,
        "repeated link": 1,
    }


def test_attributes_that_no_column_holds_are_counted() -> None:
    lost = lost_in(
        mention("T1", "Problem", words(0), assertion="doubted"),
        mention("T2", "Drug", words(1), assertion="present"),
        mention("T3", "Drug", words(2), colour="red", severity="mild"),
    )
    assert lost == {"attribute not in schema": 3}
    event = Event("E1", "Smoking", "T1", attributes=(Attribute("negated"),))
    note = Document("n", TEXT, (mention("T1", "Habit", words(0)),), events=(event,))
    assert dict(targets_of(note).lost) == {"attribute of an event": 1}


def test_two_events_on_one_trigger_and_foreign_events_are_counted() -> None:
    entities = (mention("T1", "Habit", words(0)), mention("T2", "Status", words(1)))
    events = (
        Event("E1", "Smoking", "T1", (Argument("status", "T2"),)),
        Event("E2", "Smoking", "T1"),
        Event("E3", "Drinking", "T2"),
    )
    lost = dict(targets_of(Document("n", TEXT, entities, events=events)).lost)
    assert lost == {"second event on one trigger": 1, "event not in schema": 1}


# What is counted against what really does not come back, on anything that may stand in a document.

MENTION_REASONS = (
    "label not in schema",
    "mention without tokens or too wide",
    "edge inside a word piece",
    "discontinuous mention",
    "fragments of several mentions joined",
    "mention that is also a fragment",
    "argument without an event",
    "exact duplicate",
)
LINK_REASONS = ("link not in schema", "link to a lost mention", "illegal link", "repeated link")

word_ranges = st.tuples(st.integers(0, 5), st.integers(0, 1)).map(lambda pair: words(pair[0], pair[0] + pair[1]))
off_edge = st.sampled_from([Span(1, 3), Span(4, 6), Span(8, 10), Span(7, 8), Span(3, 4), Span(2, 5)])
fragment_sets = st.lists(word_ranges | word_ranges | word_ranges | off_edge, min_size=1, max_size=3)


def apart(spans: list[Span]) -> tuple[Span, ...]:
    kept: list[Span] = []
    for span in sorted(spans):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return tuple(kept)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    labels = st.sampled_from(["Problem", "Drug", "Dose", "Habit", "Status", "Other"])
    drawn = draw(st.lists(st.tuples(labels, fragment_sets.map(apart)), max_size=7))
    entities = tuple(mention(f"T{n}", label, *fragments) for n, (label, fragments) in enumerate(drawn, start=1))
    if not entities:
        return Document("n", TEXT)
    ids = st.sampled_from([entity.id for entity in entities])
    names = st.sampled_from(["dose-of", "reason", "same", "unheard-of"])
    ends = draw(st.lists(st.tuples(names, ids, ids), max_size=6))
    relations = tuple(Relation(f"R{n}", *parts) for n, parts in enumerate(ends, start=1))
    habits = [entity.id for entity in entities if entity.label == "Habit"]
    triggers = draw(st.lists(st.sampled_from(habits), max_size=3)) if habits else []
    roles = st.sampled_from(["status", "amount"])
    events = tuple(
        Event(f"E{n}", "Smoking", trigger, tuple(draw(st.lists(st.builds(Argument, roles, ids), max_size=3))))
        for n, trigger in enumerate(triggers, start=1)
    )
    return Document("n", TEXT, entities, relations, events)


def facts(document: Document) -> tuple[Counter[object], Counter[object]]:
    """Mentions and links by what they say, not by their ids."""
    place = {entity.id: (entity.label, entity.fragments) for entity in document.entities}
    links: Counter[object] = Counter()
    for r in document.relations:
        ends = (place[r.head], place[r.tail])
        links[r.label, tuple(sorted(ends)) if r.label == "same" else ends] += 1
    for event in document.events:
        for a in event.arguments:
            links["role", a.role, place[event.trigger], place[a.target]] += 1
    return Counter(place.values()), links


@settings(max_examples=300, deadline=None)
@given(documents(), st.sampled_from([LAYOUT, WHOLE_ONLY]))
def test_what_is_counted_as_lost_is_what_does_not_come_back(document: Document, layout: Layout) -> None:
    lost = targets_of(document, layout).lost
    gold, found = facts(document), facts(there_and_back(document, layout))
    assert sum(lost[reason] for reason in MENTION_REASONS) == (gold[0] - found[0]).total()
    assert sum(lost[reason] for reason in LINK_REASONS) == (gold[1] - found[1]).total()
