"""Pairs of entities: which are asked about, what is read of them, and what comes back."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.errors import CheckpointError
from medspan.formulations import TextTokenizer, Tokens
from medspan.formulations.mentions import FRAGMENT, Layout, Thresholds
from medspan.formulations.pair_classification import (
    Built,
    Candidates,
    Markers,
    Options,
    PairRow,
    RowBuilder,
    attach,
    candidates,
    links,
    lost_links,
    visible,
)
from medspan.text import sentences
from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_tokenizer

LAYOUT = Layout(TINY_SCHEMA, ("Problem", "Drug"))
SENTENCES = ["Aspirin and dose here.", "No rash was seen today.", "He still smokes one pack.", "Metformin was stopped."]
TEXT = " ".join(SENTENCES)
TOKENIZER = TextTokenizer(tiny_tokenizer([TEXT, *(note.text for note in FIVE)]))
VARIANTS = [
    Options(markers=markers, text=text)
    for markers in ("plain", "typed")
    for text in ("passage", "two_sentences", "joined_sentences")
] + [Options(markers="levitated", pairs_per_row=3)]
WORDS = [match.span() for match in re.finditer(r"\S+", TEXT)]


def built(document: Document, options: Options, budget: int = 120) -> tuple[Candidates, Built, Tokens]:
    breaks = sentences(document.text)
    (tokens,) = TOKENIZER([document.text])
    pairs = candidates(document, LAYOUT, options, breaks)
    return pairs, RowBuilder(TOKENIZER, LAYOUT, budget, options).build(document, tokens, breaks, pairs), tokens


def lost_in(document: Document, options: Options, budget: int = 120) -> dict[str, int]:
    pairs, rows, _ = built(document, options, budget)
    return dict(lost_links(document, LAYOUT, options, sentences(document.text), pairs, rows.unfit))


def there_and_back(document: Document, options: Options, budget: int = 120) -> Document:
    """What a model without fault makes of the document's entities."""
    pairs, rows, _ = built(document, options, budget)
    scores = np.zeros(pairs.legal.shape, np.float32)
    for row in rows:
        for number in row.pairs.tolist():
            column = links(document, LAYOUT).get((int(pairs.heads[number]), int(pairs.tails[number])), -1)
            scores[number, 1 + column] = 1.0
    return attach(document, pairs, scores, LAYOUT, Thresholds())


def mention(id_: str, label: str, *spans: Span) -> Entity:
    return Entity(id_, label, spans)


def word(first: int, last: int | None = None) -> Span:
    return Span(WORDS[first][0], WORDS[first if last is None else last][1])


# Any document over four sentences: labels, nested and overlapping mentions, fragments, events, illegal links.


@st.composite
def documents(draw: st.DrawFn) -> Document:
    labels = st.sampled_from([*TINY_SCHEMA.labels, "Other"])
    places = st.integers(0, len(WORDS) - 1)
    n = draw(st.integers(0, 8))
    entities = []
    for number in range(n):
        a, b, c = sorted([draw(places), draw(places), draw(places)])
        shape = draw(st.sampled_from(["word", "phrase", "broken", "blank", "inside"]))
        spans = {
            "word": (word(a),),
            "phrase": (word(a, min(b, a + 3)),),
            "broken": (word(a), word(c)) if a < c else (word(a),),
            "blank": (Span(WORDS[a][1], WORDS[a][1] + 1),) if a + 1 < len(WORDS) else (word(a),),
            "inside": (Span(WORDS[a][0] + 1, WORDS[a][1]),) if WORDS[a][1] - WORDS[a][0] > 1 else (word(a),),
        }[shape]
        entities.append(mention(f"T{number}", draw(labels), *spans))
    if not entities:
        return Document("n", TEXT)
    ids = st.sampled_from([entity.id for entity in entities])
    names = st.sampled_from([*(r.name for r in TINY_SCHEMA.relations), "unheard-of", FRAGMENT])
    ends = draw(st.lists(st.tuples(names, ids, ids), max_size=8))
    habits = [entity.id for entity in entities if entity.label == "Habit"]
    roles = st.sampled_from(["status", "amount", "place"])
    triggers = draw(st.lists(st.sampled_from(habits), max_size=3)) if habits else []
    events = [
        Event(f"E{number}", "Smoking", trigger, tuple(draw(st.lists(st.builds(Argument, roles, ids), max_size=3))))
        for number, trigger in enumerate(triggers)
    ]
    relations = [Relation(f"R{number}", *parts) for number, parts in enumerate(ends)]
    return Document("n", TEXT, tuple(entities), tuple(relations), tuple(events))


options_of_all_kinds = st.builds(
    lambda variant, cutoff, partners: variant.model_copy(update={"cutoff": cutoff, "partners": partners}),
    st.sampled_from(VARIANTS),
    st.integers(0, 4),
    st.sampled_from([1, 2, 50]),
)


def sentences_of(entity: Entity) -> list[int]:
    """The sentences that a mention reaches over; white space between two belongs to the one before."""
    starts = [span.start for span in sentences(TEXT)]
    first, last = (max(n for n, start in enumerate(starts) if start <= at) for at in (entity.start, entity.end - 1))
    return list(range(first, last + 1))


def pairs_by_brute_force(document: Document, cutoff: int) -> set[tuple[int, int, str]]:
    """Every (head, tail, link) that the schema allows, judged pair by pair and link by link."""
    found = set()
    for h, head in enumerate(document.entities):
        for t, tail in enumerate(document.entities):
            apart = min(abs(one - other) for one in sentences_of(head) for other in sentences_of(tail))
            if h == t or apart > cutoff:
                continue
            is_earlier = (head.start, head.end, h) < (tail.start, tail.end, t)
            for relation in TINY_SCHEMA.relations:
                if relation.is_symmetric:
                    ends = {(a, b) for a in relation.heads for b in relation.tails}
                    ends |= {(b, a) for a, b in ends}
                    if is_earlier and (head.label, tail.label) in ends:
                        found.add((h, t, relation.name))
                elif head.label in relation.heads and tail.label in relation.tails:
                    found.add((h, t, relation.name))
            for event in TINY_SCHEMA.events:
                for role in event.roles:
                    if head.label == event.trigger and tail.label in role.labels:
                        found.add((h, t, f"role:{role.name}"))
    return found


@settings(max_examples=100, deadline=None)
@given(documents(), st.integers(0, 4))
def test_candidates_are_those_that_brute_force_finds(document: Document, cutoff: int) -> None:
    pairs = candidates(document, LAYOUT, Options(cutoff=cutoff), sentences(TEXT))
    found = {
        (int(pairs.heads[pair]), int(pairs.tails[pair]), LAYOUT.links[column])
        for pair, column in np.argwhere(pairs.legal[:, 1:])
    }
    assert found == pairs_by_brute_force(document, cutoff)
    assert pairs.legal[:, 0].all()
    assert len(pairs.number_of) == len(pairs)
    assert pairs.legal[:, 1:].any(axis=1).all()


def facts(document: Document) -> Counter[object]:
    """Links by what they say of which entities, not by their ids."""
    place = {entity.id: (entity.start, entity.end, number) for number, entity in enumerate(document.entities)}
    found: Counter[object] = Counter()
    for r in document.relations:
        ends = [(place.get(end, end), end) for end in (r.head, r.tail)]
        found[r.label, tuple(sorted(ends, key=str)) if r.label == "same" else tuple(ends)] += 1
    for event in document.events:
        for a in event.arguments:
            found["role", a.role, event.trigger, a.target] += 1
    return found


@settings(max_examples=150, deadline=None)
@given(documents(), options_of_all_kinds, st.sampled_from([14, 20, 30, 200]))
def test_what_is_counted_as_lost_is_what_does_not_come_back(document: Document, options: Options, budget: int) -> None:
    found = there_and_back(document, options, budget)
    lost = lost_in(document, options, budget)
    of_events = sum(lost.get(reason, 0) for reason in ("event not in schema", "second event on one trigger"))
    assert sum(lost.values()) - of_events == (facts(document) - facts(found)).total()
    assert not facts(found) - facts(document)
    assert found.entities == document.entities
    assert {event.trigger for event in document.events} <= {event.trigger for event in found.events}


@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: f"{o.markers}-{o.text}")
def test_five_notes_come_back_whole(options: Options) -> None:
    for note in FIVE:
        assert facts(there_and_back(note, options)) == facts(note)
        assert lost_in(note, options) == {}


def test_gold_past_the_cutoff_is_counted_by_its_distance() -> None:
    gold = Document(
        "n",
        TEXT,
        (mention("T1", "Problem", word(5)), mention("T2", "Drug", word(0)), mention("T3", "Drug", word(14))),
        (
            Relation("R1", "reason", "T1", "T2"),
            Relation("R2", "reason", "T1", "T3"),
            Relation("R3", "same", "T2", "T3"),
        ),
    )
    assert lost_in(gold, Options(cutoff=0)) == {
        "link 1 sentences apart": 1,
        "link 2 sentences apart": 1,
        "link 3 sentences apart": 1,
    }
    assert lost_in(gold, Options(cutoff=2)) == {"link 3 sentences apart": 1}
    assert [r.label for r in there_and_back(gold, Options(cutoff=2)).relations] == ["reason", "reason"]
    assert lost_in(gold, Options(cutoff=3)) == {}


def test_gold_past_the_nearest_partners_is_counted() -> None:
    near, far = mention("T1", "Drug", word(1)), mention("T2", "Drug", word(3))
    gold = Document("n", TEXT, (mention("T0", "Dose", word(0)), near, far), (Relation("R1", "dose-of", "T0", "T2"),))
    assert lost_in(gold, Options(partners=1)) == {"link past the nearest partners": 1}
    assert lost_in(gold, Options(partners=2)) == {}


def test_the_pairs_of_a_long_line_grow_with_its_entities_alone() -> None:
    text = "x" * 400
    many = Document("n", text, tuple(mention(f"T{n}", "Drug", Span(n, n + 1)) for n in range(400)))
    assert len(candidates(many, LAYOUT, Options(), sentences(text))) <= 400 * 50


# Rows.


def marker_places(row: PairRow, pair: int) -> list[int]:
    return row.places[pair].tolist()


@settings(max_examples=100, deadline=None)
@given(documents(), options_of_all_kinds, st.sampled_from([14, 20, 30, 200]))
def test_every_marker_stands_in_its_row_where_the_row_says_so(
    document: Document, options: Options, budget: int
) -> None:
    pairs, rows, _ = built(document, options, budget)
    markers = Markers(TOKENIZER, LAYOUT, typed=options.markers != "plain")
    seen = []
    for row in rows:
        assert len(row.input) <= budget + TOKENIZER.n_special
        ids = row.input.ids.tolist()
        assert len(row.pairs) <= (options.pairs_per_row if options.markers == "levitated" else 1)
        for pair, number in enumerate(row.pairs.tolist()):
            cls, *places = marker_places(row, pair)
            assert ids[cls] == TOKENIZER.prefix[0]
            for side, entity in enumerate((pairs.heads[number], pairs.tails[number])):
                label = LAYOUT.label_index[document.entities[entity].label]
                wanted = (markers.start[side][label].tolist(), markers.end[side].tolist())
                for place, marker in zip(places[2 * side : 2 * side + 2], wanted, strict=True):
                    assert ids[place : place + len(marker)] == marker
            seen.append(number)
    assert sorted([*seen, *rows.unfit]) == list(range(len(pairs)))


@settings(max_examples=100, deadline=None)
@given(documents(), st.sampled_from([o for o in VARIANTS if o.markers == "plain"]), st.sampled_from([14, 30, 200]))
def test_between_its_markers_a_mention_stands_whole(document: Document, options: Options, budget: int) -> None:
    pairs, rows, tokens = built(document, options.model_copy(update={"cutoff": 4}), budget)
    for row in rows:
        _, *places = marker_places(row, 0)
        at_marker = set(places)
        for side, number in enumerate((pairs.heads[row.pairs[0]], pairs.tails[row.pairs[0]])):
            entity = document.entities[number]
            between = range(places[2 * side] + 1, places[2 * side + 1])
            inside = [int(row.input.ids[at]) for at in between if at not in at_marker]
            covered = (tokens.ends > entity.start) & (tokens.starts < entity.end)
            assert inside == tokens.ids[covered].tolist()


def test_markers_of_a_row_read_as_written_down() -> None:
    note = Document("n", "no rash on arms", (mention("T1", "Problem", Span(3, 7)), mention("T2", "Drug", Span(11, 15))))
    markers = Markers(TOKENIZER, LAYOUT, typed=False)
    signs = {int(markers.start[0][0][0]): "<h>", int(markers.end[0][0]): "</h>"}
    signs |= {int(markers.start[1][0][0]): "<t>", int(markers.end[1][0]): "</t>", 2: "[CLS]", 3: "[SEP]"}
    (tokens,) = TOKENIZER([note.text])
    signs |= {int(i): note.text[s:e] for i, s, e in zip(tokens.ids, tokens.starts, tokens.ends, strict=True)}

    def read(text: Any) -> str:
        pairs, rows, _ = built(note, Options(markers="plain", text=text, cutoff=0))
        assert pairs.heads.tolist() == [0, 0][: len(pairs)]
        return " ".join(signs[int(i)] for i in next(iter(rows)).input.ids)

    marked = " ".join(signs[int(i)] for i in tokens.ids)
    rash, arms = (" ".join(signs[int(i)] for i in TOKENIZER([w])[0].ids) for w in ("rash", "arms"))
    with_head = marked.replace(rash, f"<h> {rash} </h>")
    with_tail = marked.replace(arms, f"<t> {arms} </t>")
    assert read("passage") == f"[CLS] {with_head.replace(arms, f'<t> {arms} </t>')} [SEP]"
    assert read("two_sentences") == f"[CLS] {with_head} [SEP] {with_tail} [SEP]"
    assert read("joined_sentences") == f"[CLS] {with_head} {with_tail} [SEP]"


def test_the_second_sentence_is_another_segment() -> None:
    _, rows, _ = built(FIVE[0], Options(text="two_sentences"))
    for row in rows:
        assert row.input.types is not None
        separator = row.input.ids.tolist().index(TOKENIZER.suffix[0])
        assert row.input.types.tolist() == [0] * (separator + 1) + [1] * (len(row.input) - separator - 1)
        assert row.places[0, 1] < row.places[0, 2] < separator < row.places[0, 3] < row.places[0, 4]


def test_nested_markers_do_not_cross() -> None:
    outer, inner = mention("T1", "Problem", word(4, 6)), mention("T2", "Drug", word(5))
    for entities in ((outer, inner), (inner, outer)):
        pairs, rows, _ = built(Document("n", TEXT, entities), Options(markers="plain"))
        for row in rows:
            _, s1, e1, s2, e2 = marker_places(row, 0)
            head = entities[int(pairs.heads[row.pairs[0]])]
            assert (s1 < s2 < e2 < e1) if head is outer else (s2 < s1 < e1 < e2)


def test_text_is_cut_around_the_mentions_and_never_through_them() -> None:
    text = " ".join(f"a{chr(98 + n % 20)}" for n in range(60)) + "."
    spans = [Span(3 * n, 3 * n + 2) for n in (30, 34)]
    note = Document("n", text, (mention("T1", "Dose", spans[0]), mention("T2", "Drug", spans[1])))
    (tokens,) = TOKENIZER([text])
    _, rows, _ = built(note, Options(markers="plain"), budget=30)
    (row,) = rows
    assert len(row.input) == 30 + TOKENIZER.n_special
    _, s1, _, _, e2 = marker_places(row, 0)
    assert abs((s1 - 1) - (len(row.input) - 2 - e2)) <= 1
    core = int(np.count_nonzero((tokens.ends > spans[0].start) & (tokens.starts < spans[1].end)))
    linked = replace(note, relations=(Relation("R1", "dose-of", "T1", "T2"),))
    assert lost_in(linked, Options(markers="plain"), budget=core + 4) == {}
    assert lost_in(linked, Options(markers="plain"), budget=core + 3) == {"pair too long for a row": 1}


def test_levitated_markers_stand_at_the_places_of_their_edges() -> None:
    pairs, rows, tokens = built(FIVE[0], Options(markers="levitated", pairs_per_row=4))
    for row in rows:
        assert row.input.positions is not None
        n_text = len(row.input) - sum(row.blocks)
        assert row.input.positions[:n_text].tolist() == list(range(n_text))
        first_piece = int(np.flatnonzero(tokens.ids == row.input.ids[1])[0])
        for pair, number in enumerate(row.pairs.tolist()):
            _, *places = marker_places(row, pair)
            for side, end in enumerate((pairs.heads[number], pairs.tails[number])):
                entity = FIVE[0].entities[end]
                covered = np.flatnonzero((tokens.ends > entity.start) & (tokens.starts < entity.end))
                edges = [int(covered[0]), int(covered[-1])]
                got = [int(row.input.positions[at]) - 1 + first_piece for at in places[2 * side : 2 * side + 2]]
                assert got == edges


def test_pairs_that_share_a_row_see_the_text_and_themselves() -> None:
    table = visible(8, (2, 3))
    assert table.astype(int).tolist() == [
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 1, 1, 1],
        [1, 1, 1, 0, 0, 1, 1, 1],
        [1, 1, 1, 0, 0, 1, 1, 1],
    ]


def test_packing_saves_rows_and_loses_no_pair() -> None:
    many = Document("n", TEXT, tuple(mention(f"T{n}", "Drug" if n % 2 else "Dose", word(n % 4)) for n in range(12)))
    alone, packed = (list(built(many, Options(markers="levitated", pairs_per_row=n), budget=120)[1]) for n in (1, 16))
    assert len(packed) * 8 < len(alone)
    assert sorted(n for row in packed for n in row.pairs.tolist()) == sorted(int(row.pairs[0]) for row in alone)


def test_markers_are_known_pieces_that_differ_and_carry_labels_where_typed() -> None:
    plain, typed = (Markers(TOKENIZER, LAYOUT, typed=typed) for typed in (False, True))
    edges = [int(m[0]) for m in (plain.start[0][0], plain.end[0], plain.start[1][0], plain.end[1])]
    assert len(set(edges)) == 4
    assert TOKENIZER(["\ua66e"])[0].ids[0] not in edges
    assert all(len(marker) == 1 for side in plain.start for marker in side)
    assert len({tuple(marker.tolist()) for side in typed.start for marker in side}) == 2 * len(LAYOUT.labels)
    label = LAYOUT.label_index["Drug"]
    assert typed.start[0][label][1:-1].tolist() == TOKENIZER(["drug"])[0].ids.tolist()


def test_a_tokenizer_without_symbols_is_refused() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    bare = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(CheckpointError, match="knows 2 symbols"):
        Markers(TextTokenizer(bare), LAYOUT, typed=False)


# Answers.


def score_all(pairs: Candidates, **scores: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    found = np.zeros(pairs.legal.shape, np.float32)
    for name, value in scores.items():
        column = 1 + LAYOUT.link_index[name.replace("_", "-").replace("role-", "role:")]
        found[:, column] = np.where(pairs.legal[:, column], value, 0)
    return found


def test_given_entities_stay_and_new_ids_do_not_meet_theirs() -> None:
    entities = (
        Entity("R1", "Dose", (word(0),), score=0.4),
        Entity("E1", "Drug", (word(1),), (Attribute("severity", "mild"),), code="C1"),
        Entity("R2", "Habit", (word(2),)),
        Entity("E2", "Amount", (word(3),)),
    )
    note = Document("n", TEXT, entities, metadata={"ward": 3})
    pairs, _, _ = built(note, Options())
    found = attach(note, pairs, score_all(pairs, dose_of=0.9, role_amount=0.8), LAYOUT, Thresholds())
    assert found.entities == entities
    assert [e.score for e in found.entities] == [0.4, None, None, None]
    assert found.metadata == {"ward": 3}
    assert found.relations == (Relation("R3", "dose-of", "R1", "E1", 0.9),)
    (event,) = found.events
    assert (event.id, event.label, event.trigger) == ("E3", "Smoking", "R2")
    assert {(a.role, a.target, a.score) for a in event.arguments} == {("amount", "R1", 0.8), ("amount", "E2", 0.8)}


def test_links_that_were_there_give_way() -> None:
    note = FIVE[3]
    pairs, _, _ = built(note, Options())
    assert attach(note, pairs, score_all(pairs), LAYOUT, Thresholds()).relations == ()


def test_a_link_is_given_from_its_threshold_on_and_the_likeliest_alone() -> None:
    note = Document("n", TEXT, (mention("T1", "Problem", word(0)), mention("T2", "Drug", word(1))))
    pairs, _, _ = built(note, Options())
    scores = score_all(pairs, reason=0.45, same=0.3)
    assert attach(note, pairs, scores, LAYOUT, Thresholds()).relations == ()
    low = Thresholds(links={"reason": 0.4, "same": 0.1})
    assert [r.label for r in attach(note, pairs, scores, LAYOUT, low).relations] == ["reason"]
    assert attach(note, pairs, score_all(pairs), LAYOUT, Thresholds(default=0.0)).relations == ()


def test_a_symmetric_link_is_asked_once_and_read_whichever_way_it_was_written() -> None:
    entities = (mention("T1", "Drug", word(2)), mention("T2", "Problem", word(0)))
    for ends in (("T1", "T2"), ("T2", "T1")):
        gold = Document("n", TEXT, entities, (Relation("R1", "same", *ends),))
        assert lost_in(gold, Options()) == {}
        assert there_and_back(gold, Options()).relations == (Relation("R1", "same", "T2", "T1"),)


@pytest.mark.parametrize("text", ["two_sentences", "joined_sentences"])
def test_levitated_markers_need_one_passage(text: Any) -> None:
    with pytest.raises(ValidationError, match="plain or typed"):
        Options(markers="levitated", text=text)


def test_levitated_markers_cannot_be_read_from_the_first_token() -> None:
    with pytest.raises(ValidationError, match="use another scheme"):
        Options(markers="levitated", scheme="cls")
