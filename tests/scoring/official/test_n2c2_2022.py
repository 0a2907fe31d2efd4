import random
from dataclasses import replace

import pytest

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Span
from medspan.errors import ScoringError
from medspan.scoring import score
from scoring.official.reference_n2c2_2022 import WITH_VALUE, score_document

GOLD = ("Tobacco 0-6", "StatusTime 10-15 StatusTimeVal=current", "Amount 20-25")
STATUS = "StatusTime 90-95 StatusTimeVal=current"
EVENT = "Tobacco T1 Status:T2 Amount:T3"
HEADLINE = "events.overall.overlap.exact.label"


def counted(report, measure=HEADLINE):
    c = report.tally(measure).micro
    return c.tp + c.fn, c.tp + c.fp, c.tp


# Predicted entities and events, then NT, NP, TP and F1: the golden cases of the rules, worked by hand.
GOLDEN = {
    "a": (("Tobacco 2-4", STATUS, "Amount 20-25"), (EVENT,), (3, 3, 3), 1.0),
    "b": (("Tobacco 2-4", "StatusTime 90-95 StatusTimeVal=past", "Amount 20-25"), (EVENT,), (3, 3, 2), 0.667),
    "c": (("Tobacco 2-4", STATUS, "Amount 20-26"), (EVENT,), (3, 3, 2), 0.667),
    "d": (("Tobacco 50-56", *GOLD[1:]), (EVENT,), (3, 3, 0), 0.0),
    "e": (("Alcohol 0-6", *GOLD[1:]), (EVENT.replace("Tobacco", "Alcohol"),), (3, 3, 0), 0.0),
    "f": (GOLD, (EVENT, "Tobacco T1"), (3, 4, 3), 0.857),
    "g": (GOLD, ("Tobacco T1", EVENT), (3, 4, 1), 0.286),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_cases_count_as_worked_by_hand(note, case):
    entities, events, counts, f1 = GOLDEN[case]
    report = score([note(*GOLD, events=(EVENT,))], [note(*entities, events=events)], scorer="n2c2-2022")
    assert counted(report) == counts
    assert round(report.tally(HEADLINE).micro.f1, 3) == f1


def test_a_longer_amount_is_right_where_spans_need_only_overlap(note):
    entities, events, *_ = GOLDEN["c"]
    report = score([note(*GOLD, events=(EVENT,))], [note(*entities, events=events)], scorer="n2c2-2022")
    assert counted(report, "events.overall.overlap.overlap.label") == (3, 3, 3)


def test_a_trigger_elsewhere_is_right_by_least_distance(note):
    entities, events, *_ = GOLDEN["d"]
    report = score([note(*GOLD, events=(EVENT,))], [note(*entities, events=events)], scorer="n2c2-2022")
    assert counted(report, "events.overall.min_dist.exact.label") == (3, 3, 3)


def test_a_wrong_value_is_false_in_the_rows_of_both_values(note):
    entities, events, *_ = GOLDEN["b"]
    report = score([note(*GOLD, events=(EVENT,))], [note(*entities, events=events)], scorer="n2c2-2022")
    rows = report.tally(HEADLINE).labels
    assert (rows["Tobacco|StatusTime|past"].fp, rows["Tobacco|StatusTime|past"].fn) == (1, 0)
    assert (rows["Tobacco|StatusTime|current"].fp, rows["Tobacco|StatusTime|current"].fn) == (0, 1)
    by_argument = report.tally("events.by_argument.overlap.exact.label").labels
    assert by_argument["Tobacco|StatusTime"].to_dict() | {"tp": 0} == by_argument["Tobacco|StatusTime"].to_dict()
    assert (by_argument["Tobacco|StatusTime"].fp, by_argument["Tobacco|StatusTime"].fn) == (1, 1)


def test_roles_do_not_matter_but_labels_of_mentions_do(note):
    gold = note(*GOLD, events=(EVENT,))
    other_roles = note(*GOLD, events=("Tobacco T1 Amount:T2 Status:T3",))
    other_label = note(*GOLD[:2], "Frequency 20-25", events=(EVENT,))
    assert counted(score([gold], [other_roles], scorer="n2c2-2022")) == (3, 3, 3)
    assert counted(score([gold], [other_label], scorer="n2c2-2022")) == (3, 3, 2)


def test_the_event_label_does_not_matter_but_that_of_the_trigger_does(note):
    gold = note(*GOLD, events=(EVENT,))
    relabelled = note(*GOLD, events=(EVENT.replace("Tobacco T1", "Alcohol T1"),))
    assert counted(score([gold], [relabelled], scorer="n2c2-2022")) == (3, 3, 3)


def test_a_shared_trigger_counts_once_for_each_event(note):
    gold = note(*GOLD, events=("Tobacco T1 Status:T2", "Tobacco T1 Amount:T3"))
    assert counted(score([gold], [gold], scorer="n2c2-2022"), "events.triggers.exact") == (2, 2, 2)


def test_events_with_one_trigger_are_aligned_in_the_order_of_the_file(note):
    gold = note(*GOLD, events=("Tobacco T1 Status:T2", "Tobacco T1 Amount:T3"))
    turned = note(*GOLD, events=("Tobacco T1 Amount:T3", "Tobacco T1 Status:T2"))
    assert counted(score([gold], [turned], scorer="n2c2-2022")) == (4, 4, 2)


def test_arguments_without_values_are_equal_in_value(note):
    bare = note("Tobacco 0-6", "StatusTime 10-15", "Amount 20-25", events=(EVENT,))
    assert counted(score([bare], [bare], scorer="n2c2-2022")) == (3, 3, 3)
    valued = note(*GOLD, events=(EVENT,))
    assert counted(score([bare], [valued], scorer="n2c2-2022")) == (3, 3, 2)


def test_partial_counts_the_longest_common_run_of_tokens():
    text = "smokes half a pack, or 1.5 packs a day"

    def amount(*words):
        spans = [Span(text.index(w), text.index(w) + len(w)) for w in words]
        entities = [Entity("T1", "Tobacco", (Span(0, 6),))]
        entities += [Entity(f"T{n}", "Amount", (span,)) for n, span in enumerate(spans, 2)]
        arguments = tuple(Argument("Amount", e.id) for e in entities[1:])
        return Document("n", text, tuple(entities), (), (Event("E1", "Tobacco", "T1", arguments),))

    def partial(gold, predicted):
        return counted(score([gold], [predicted], scorer="n2c2-2022"), "events.arguments.exact.span.partial")

    whole = amount("half a pack, or 1.5 packs")
    assert partial(whole, whole) == (9, 9, 9)  # half a pack , or 1 . 5 packs
    assert partial(whole, amount("pack, or 1.5")) == (9, 6, 6)
    # One gold pairs with every prediction that it overlaps.
    assert partial(whole, amount("half a", "or 1.5 packs")) == (9, 7, 7)
    assert partial(amount("half a pack"), amount("half a pack", "half a pack")) == (3, 6, 6)


def test_rows_whose_match_has_another_value_stay_readable(note):
    gold = note("Tobacco 0-6", "Degree 20-25 DegreeVal=heavy", events=("Tobacco T1 Degree:T2",))
    predicted = note("Tobacco 0-6", "Degree 20-25 DegreeVal=light", events=("Tobacco T1 Degree:T2",))
    report = score([gold], [predicted], scorer="n2c2-2022")
    assert counted(report) == (2, 2, 2)
    rows = report.to_dict()["events"]["overall"]["overlap"]["exact"]["label"]["labels"]
    assert (rows["Tobacco|Degree|heavy"]["tp"], rows["Tobacco|Degree|heavy"]["fp"]) == (1, -1)
    assert (rows["Tobacco|Degree|light"]["tp"], rows["Tobacco|Degree|light"]["fp"]) == (0, 1)


def test_sides_with_different_documents_are_refused_by_id(note):
    a, b, c = (note(*GOLD, events=(EVENT,), key=key) for key in "abc")
    with pytest.raises(ScoringError, match=r"not predicted: 1 \(b\); without gold: 1 \(c\)"):
        score([a, b], [a, c], scorer="n2c2-2022")


def test_two_values_on_one_mention_are_refused_by_id(note):
    entity = note(*GOLD).entities[1]
    two = replace(entity, attributes=(*entity.attributes, Attribute("StatusTimeVal", "past")))
    gold = note(*GOLD, events=(EVENT,))
    predicted = replace(gold, entities=(gold.entities[0], two, gold.entities[2]))
    with pytest.raises(ScoringError, match="document 'n1': entity T2 carries 2 different values"):
        score([gold], [predicted], scorer="n2c2-2022")


def test_no_sum_over_everything_is_given_for_partial(note):
    gold = note(*GOLD, events=(EVENT,))
    paths = score([gold], [gold], scorer="n2c2-2022").tallies
    assert not [path for path in paths if path[1] in ("overall", "by_argument") and "partial" in path]
    assert len([path for path in paths if path[1] == "overall"]) == 18


# --- the slow reference -----------------------------------------------------------------------------------------------

WORDS = ("no", "tobacco", "smokes", "pack", "a", "1.5", "day,", "(since", "works", "alone", "\n")
LABELS = ("StatusTime", "StatusEmploy", "Amount", "Type", "Degree")


def random_side(rng, text, key, spans, like=None):
    """Invent events over few spans, so that triggers are shared, spans nest and repeat, and labels clash.

    Of the events of `like`, most are taken over: as they are, moved, with other values, without or with more arguments.
    """
    entities, events = [], []

    def place():
        if rng.random() < 0.7:
            return rng.choice(spans)
        start = rng.randrange(len(text) - 12)
        return Span(start, start + rng.randint(1, 12))

    def attributes(label):
        if label in WITH_VALUE or label == "Degree" or (label == "Tobacco" and rng.random() < 0.1):
            return () if rng.random() < 0.2 else (Attribute(label + "Val", rng.choice(("current", "past"))),)
        return ()

    def put(label, fragments, values):
        entities.append(Entity(f"T{len(entities) + 1}", label, fragments, values))
        return entities[-1].id

    def new(label):
        fragments = (place(),)
        if rng.random() < 0.1 and fragments[0].end + 3 < len(text):
            fragments += (Span(fragments[0].end + 1, fragments[0].end + 3),)
        return put(label, fragments, attributes(label))

    def changed(entity):
        fragments = entity.fragments
        if rng.random() < 0.3 and len(fragments) == 1:
            fragments = (Span(fragments[0].start, min(fragments[0].end + rng.randint(0, 4), len(text))),)
        return put(entity.label, fragments, attributes(entity.label) if rng.random() < 0.3 else entity.attributes)

    for event in like.events if like else ():
        if rng.random() < 0.8:
            trigger = changed(like.by_id[event.trigger])
            kept = [like.by_id[a.target] for a in event.arguments if rng.random() < 0.8]
            rng.shuffle(kept)
            events.append((trigger, [changed(entity) for entity in kept]))
    for _ in range(rng.randint(0, 2 if like else 5)):
        old = [e.id for e in entities if e.label in ("Tobacco", "Alcohol")]
        trigger = rng.choice(old) if old and rng.random() < 0.3 else new(rng.choice(("Tobacco", "Tobacco", "Alcohol")))
        targets = [new(rng.choice(LABELS)) for _ in range(rng.randint(0, 4))]
        targets += [rng.choice(entities).id for _ in range(rng.random() < 0.3)]
        events.append((trigger, targets))
    rng.shuffle(events)
    return Document(
        key,
        text,
        tuple(entities),
        (),
        tuple(
            Event(f"E{n}", "Tobacco", trigger, tuple(Argument("Role", target) for target in targets))
            for n, (trigger, targets) in enumerate(events)
        ),
    )


def plain(document):
    def part(key):
        e = document.by_id[key]
        value = e.attributes[0].value if e.attributes else None
        return {
            "type": e.label, "start": e.start, "end": e.end, "subtype": value, "text": document.text[e.start : e.end],
        }  # fmt: skip

    return [[part(e.trigger), *(part(a.target) for a in e.arguments)] for e in document.events]


def random_pairs(n):
    rng = random.Random(20220)
    for i in range(n):
        text = " ".join(rng.choice(WORDS) for _ in range(30))
        starts = [rng.randrange(len(text) - 20) for _ in range(5)]
        spans = [Span(start, start + rng.randint(1, 20)) for start in starts]
        gold = random_side(rng, text, f"n{i:03}", spans)
        yield gold, random_side(rng, text, f"n{i:03}", spans, like=gold)


def test_every_measure_agrees_with_a_slow_reference_on_random_notes():
    pairs = list(random_pairs(200))
    report = score([g for g, _ in pairs], [p for _, p in pairs], scorer="n2c2-2022")

    def tables(*modes):
        return [score_document(plain(gold), plain(predicted), *modes) for gold, predicted in pairs]

    def rows(index, path):
        found = report.tallies[path]
        return {
            name: (int(tp + fn), int(tp + fp), int(tp))
            for name, (tp, fp, fn) in zip(found.rows, found.by_row[index], strict=True)
            if (tp, fp, fn) != (0, 0, 0)
        }

    def expected(table, keep):
        return {
            "|".join(key): (row["NT"], row["NP"], row["TP"])
            for key, row in table.items()
            if keep(key[1]) and any(row.values())
        }

    n_right = dict.fromkeys(("exact", "overlap", "min_dist"), 0)
    n_compared = 0
    for trigger in ("exact", "overlap", "min_dist"):
        for span in ("exact", "overlap", "partial"):
            for labelled in ("label", "exact", "overlap"):
                for index, table in enumerate(tables(trigger, span, labelled)):
                    parts = {
                        ("triggers", trigger): lambda name: name == "Trigger",
                        ("arguments", trigger, "span", span): lambda name: name not in (*WITH_VALUE, "Trigger"),
                        ("arguments", trigger, "labelled", labelled): lambda name: name in WITH_VALUE,
                    }
                    if span != "partial":
                        parts["overall", trigger, span, labelled] = lambda _: True
                    for path, keep in parts.items():
                        assert rows(index, ("events", *path)) == expected(table, keep), (index, path)
                        n_compared += 1
                    n_right[trigger] += sum(row["TP"] for row in table.values())
    assert n_compared == 200 * (27 * 3 + 18)
    assert min(n_right.values()) > 4000  # the invented notes do hold matches
