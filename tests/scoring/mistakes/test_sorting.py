"""Kinds of mistakes: cases worked by hand, and identities that hold for any notes."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.annotation import Document, Entity, LabelSchema, Relation, RelationType, Span
from medspan.annotation.schema import EntityType
from medspan.scoring import analyse, score
from medspan.scoring.mistakes.sorting import ARGUMENT_CATEGORIES, ENTITY_CATEGORIES, RELATION_CATEGORIES


def kinds(analysis):
    """Mistakes as (category, gold places, predicted places)."""
    return sorted(
        (
            mistake.category,
            *(
                " ".join(f"{m.label}:" + ",".join(f"{a}-{b}" for a, b in m.extent) for m in side)
                for side in (mistake.gold, mistake.predicted)
            ),
        )
        for _, mistake in analysis.entities.mistakes
    )


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (["Drug 0-5"], ["Drug 0-5"], []),
        (["Drug 0-5"], [], [("missed", "Drug:0-5", "")]),
        ([], ["Drug 0-5"], [("spurious", "", "Drug:0-5")]),
        (["Drug 0-5"], ["Drug 0-6"], [("boundary", "Drug:0-5", "Drug:0-6")]),
        (["Drug 0-5"], ["Form 0-5"], [("label", "Drug:0-5", "Form:0-5")]),
        (["Drug 0-5"], ["Form 0-6"], [("boundary_and_label", "Drug:0-5", "Form:0-6")]),
        # Touching is not overlapping.
        (["Drug 0-5"], ["Drug 5-9"], [("missed", "Drug:0-5", ""), ("spurious", "", "Drug:5-9")]),
        (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], [("split", "Drug:0-10", "Drug:0-4 Drug:5-10")]),
        (["Drug 0-4", "Drug 5-10"], ["Drug 0-10"], [("merged", "Drug:0-4 Drug:5-10", "Drug:0-10")]),
        # A second copy has no counterpart left.
        (["Drug 0-5"], ["Drug 0-5", "Drug 0-5"], [("spurious", "", "Drug:0-5")]),
        # What is right takes no part in anything else.
        (["Drug 0-10"], ["Drug 0-10", "Drug 0-4"], [("spurious", "", "Drug:0-4")]),
        # The same place comes before the same label.
        (
            ["Drug 0-10"],
            ["Form 0-10", "Drug 0-4"],
            [("label", "Drug:0-10", "Form:0-10"), ("spurious", "", "Drug:0-4")],
        ),
        # Parts of another label do not make a split.
        (
            ["Drug 0-10"],
            ["Drug 0-4", "Form 5-10"],
            [("boundary", "Drug:0-10", "Drug:0-4"), ("spurious", "", "Form:5-10")],
        ),
        # Two shifted mentions are two boundaries, although the second prediction touches both.
        (
            ["Drug 0-10", "Drug 12-20"],
            ["Drug 0-8", "Drug 9-20"],
            [("boundary", "Drug:0-10", "Drug:0-8"), ("boundary", "Drug:12-20", "Drug:9-20")],
        ),
        # A chain: the middle prediction goes where it shares more.
        (
            ["Drug 0-10", "Drug 12-20"],
            ["Drug 0-5", "Drug 6-14", "Drug 15-20"],
            [("boundary", "Drug:12-20", "Drug:15-20"), ("split", "Drug:0-10", "Drug:0-5 Drug:6-14")],
        ),
        # A gap filled in is a boundary; text in a gap shares nothing with the mention around it.
        (["Drug 0-3,8-12"], ["Drug 0-12"], [("boundary", "Drug:0-3,8-12", "Drug:0-12")]),
        (["Drug 0-3,8-12"], ["Drug 4-7"], [("missed", "Drug:0-3,8-12", ""), ("spurious", "", "Drug:4-7")]),
        (["Drug 0-3,8-12"], ["Drug 0-3", "Drug 8-12"], [("split", "Drug:0-3,8-12", "Drug:0-3 Drug:8-12")]),
    ],
)
def test_mentions_are_sorted_as_worked_by_hand(note, gold, predicted, expected):
    assert kinds(analyse([note(*gold)], [note(*predicted)])) == expected


ENTITIES = ("Drug 0-5", "Form 10-15", "Dose 20-25", "Drug 30-35")


def relation_kinds(analysis):
    return sorted(mistake.category for _, mistake in analysis.relations.mistakes)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (["Form-Drug T2 T1"], ["Form-Drug T2 T1"], []),
        (["Form-Drug T2 T1"], ["Form-Drug T2 T4"], ["wrong_argument"]),
        (["Form-Drug T2 T1"], ["Form-Drug T3 T1"], ["wrong_argument"]),
        (["Form-Drug T2 T1"], ["Dose-Drug T2 T1"], ["wrong_relation_label"]),
        (["Form-Drug T2 T1"], ["Dose-Drug T2 T4"], ["relation_missed", "relation_spurious"]),
        (["Form-Drug T2 T1"], ["Form-Drug T3 T4"], ["relation_missed", "relation_spurious"]),
        # The other way round no end is right.
        (["Form-Drug T2 T1"], ["Form-Drug T1 T2"], ["relation_missed", "relation_spurious"]),
        (["Form-Drug T2 T1"], [], ["relation_missed"]),
        ([], ["Form-Drug T2 T1"], ["relation_spurious"]),
        # Both ends right comes before one end right.
        (
            ["Form-Drug T2 T1"],
            ["Dose-Drug T2 T1", "Form-Drug T2 T4"],
            ["relation_spurious", "wrong_relation_label"],
        ),
        (["Form-Drug T2 T1", "Form-Drug T2 T4"], ["Form-Drug T2 T4"], ["relation_missed"]),
    ],
)
def test_relations_are_sorted_as_worked_by_hand(note, gold, predicted, expected):
    sides = [note(*ENTITIES, relations=tuple(side)) for side in (gold, predicted)]
    assert relation_kinds(analyse([sides[0]], [sides[1]])) == expected


def test_a_relation_on_a_mistaken_mention_has_a_wrong_argument(note):
    gold = note("Drug 0-5", "Form 10-15", relations=("Form-Drug T2 T1",))
    predicted = note("Drug 0-6", "Form 10-15", relations=("Form-Drug T2 T1",))
    assert relation_kinds(analyse([gold], [predicted])) == ["wrong_argument"]


def test_the_wrong_end_that_shares_characters_is_paired_first(note):
    gold = note("Drug 0-5", "Form 10-15", relations=("Form-Drug T2 T1",))
    predicted = note("Drug 40-45", "Form 10-15", "Drug 0-6", relations=("Form-Drug T2 T1", "Form-Drug T2 T3"))
    (found,) = [m for _, m in analyse([gold], [predicted]).relations.mistakes if m.category == "wrong_argument"]
    assert found.predicted[0].tail.extent == ((0, 6),)


SYMMETRIC = LabelSchema(
    "s",
    tuple(EntityType(name, "d", "v") for name in ("Drug", "Form", "Dose")),
    relations=(
        RelationType("With", "d", "v", ("Drug",), ("Drug",), is_symmetric=True),
        RelationType("Form-Drug", "d", "v", ("Form",), ("Drug",)),
    ),
)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("With T1 T4", "With T4 T1", []),
        ("With T1 T4", "With T2 T1", ["wrong_argument"]),
        ("With T4 T1", "Form-Drug T1 T4", ["wrong_relation_label"]),
        ("Form-Drug T4 T1", "With T1 T4", ["wrong_relation_label"]),
    ],
)
def test_ends_of_symmetric_relations_may_be_swapped(note, gold, predicted, expected):
    sides = [note(*ENTITIES, relations=(side,)) for side in (gold, predicted)]
    assert relation_kinds(analyse([sides[0]], [sides[1]], schema=SYMMETRIC)) == expected


@st.composite
def documents(draw):
    """Two versions of one note with crowded, nested, repeated and discontinuous mentions, and relations among them."""

    def mention(number):
        cuts = sorted(draw(st.lists(st.integers(0, 14), min_size=2, max_size=4, unique=True)))
        fragments = tuple(Span(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))
        return Entity(f"T{number}", draw(st.sampled_from("ABC")), fragments)

    def version():
        entities = tuple(mention(n) for n in range(draw(st.integers(0, 7))))
        ids = st.sampled_from([e.id for e in entities]) if entities else st.nothing()
        relation = st.tuples(st.sampled_from("rst"), ids, ids)
        pairs = draw(st.lists(relation, max_size=5)) if entities else []
        return Document("n", "." * 14, entities, tuple(Relation(f"R{i}", *p) for i, p in enumerate(pairs)))

    return version(), version()


SCHEMA = LabelSchema(
    "s",
    tuple(EntityType(name, "d", "v") for name in "ABC"),
    relations=tuple(
        RelationType(name, "d", "v", tuple("ABC"), tuple("ABC"), is_symmetric=name == "s") for name in "rst"
    ),
)


@given(documents())
def test_every_wrong_item_is_in_one_mistake_so_that_counts_reconcile_with_the_strict_scores(pair):
    gold, predicted = pair
    analysis = analyse([gold], [predicted], schema=SCHEMA)
    report = score([gold], [predicted], schema=SCHEMA)
    for examined, measure, categories in (
        (analysis.entities, "entities.strict", ENTITY_CATEGORIES),
        (analysis.relations, "relations.end_to_end.strict", RELATION_CATEGORIES),
    ):
        if examined is None:
            assert not gold.relations and not predicted.relations
            continue
        micro = report.tally(measure).micro
        assert (examined.tp, examined.fp, examined.fn) == (micro.tp, micro.fp, micro.fn)
        counts = examined.counts()
        assert list(counts) == list(categories)
        if examined is analysis.entities:
            one_to_one = sum(counts[c].mistakes for c in ("boundary", "label", "boundary_and_label"))
            assert micro.fn == one_to_one + counts["missed"].gold + counts["split"].mistakes + counts["merged"].gold
            assert (
                micro.fp
                == one_to_one + counts["spurious"].predicted + counts["split"].predicted + counts["merged"].mistakes
            )
        else:
            one_to_one = sum(counts[c].mistakes for c in ("wrong_argument", "wrong_relation_label"))
            assert micro.fn == one_to_one + counts["relation_missed"].gold
            assert micro.fp == one_to_one + counts["relation_spurious"].predicted
        assert sum(t.mistakes for t in counts.values()) == len(examined.mistakes)
        assert sum(sum(row.values()) for row in examined.labels().values()) == len(examined.mistakes)


@given(documents())
def test_each_mistake_is_what_its_category_says(pair):
    gold, predicted = pair
    for _, mistake in analyse([gold], [predicted]).entities.mistakes:
        shape = (len(mistake.gold), len(mistake.predicted))
        labels = {m.label for m in (*mistake.gold, *mistake.predicted)}
        extents = {m.extent for m in (*mistake.gold, *mistake.predicted)}
        covered = [{c for a, b in m.extent for c in range(a, b)} for m in (*mistake.gold, *mistake.predicted)]
        match mistake.category:
            case "missed":
                assert shape == (1, 0)
            case "spurious":
                assert shape == (0, 1)
            case "label":
                assert shape == (1, 1) and len(labels) == 2 and len(extents) == 1
            case "boundary":
                assert shape == (1, 1) and len(labels) == 1 and len(extents) == 2 and covered[0] & covered[1]
            case "boundary_and_label":
                assert shape == (1, 1) and len(labels) == 2 and len(extents) == 2 and covered[0] & covered[1]
            case "split":
                assert shape[0] == 1 and shape[1] > 1 and len(labels) == 1
                assert all(covered[0] & other for other in covered[1:])
            case "merged":
                assert shape[0] > 1 and shape[1] == 1 and len(labels) == 1
                assert all(covered[-1] & other for other in covered[:-1])


@given(documents(), st.integers(0, 10))
def test_the_order_of_annotations_changes_nothing(pair, seed):
    gold, predicted = pair
    expected = analyse([gold], [predicted], schema=SCHEMA).to_dict()
    rng = Random(seed)

    def shuffled(document):
        entities, relations = list(document.entities), list(document.relations)
        rng.shuffle(entities)
        rng.shuffle(relations)
        return Document(document.id, document.text, tuple(entities), tuple(relations))

    assert analyse([shuffled(gold)], [shuffled(predicted)], schema=SCHEMA).to_dict() == expected


@given(documents())
def test_exchanging_the_sides_mirrors_the_mistakes(pair):
    mirror = {"missed": "spurious", "spurious": "missed", "split": "merged", "merged": "split"}
    there = analyse(*([side] for side in pair)).entities
    back = analyse(*([side] for side in reversed(pair))).entities
    sizes = Counter()
    for category, tallied in there.counts().items():
        sizes[mirror.get(category, category)] += tallied.mistakes
    # Among equally good groupings each direction may choose its own, so the mistakes' number is compared.
    assert sizes.total() == len(back.mistakes)
    assert (there.fn, there.fp) == (back.fp, back.fn)
    assert sizes["label"] == back.counts()["label"].mistakes


SOCIAL = ("Tobacco 0-6", "StatusTime 10-15", "Amount 20-25", "Alcohol 30-35")


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("Tobacco T1 Status:T2 Amount:T3", "Tobacco T1 Status:T2 Amount:T3", []),
        ("Tobacco T1 Status:T2", "Tobacco T1 Status:T3", ["wrong_argument"]),
        ("Tobacco T1 Status:T2", "Tobacco T4 Status:T2", ["wrong_argument"]),
        ("Tobacco T1 Status:T2", "Tobacco T1 Amount:T2", ["wrong_role"]),
        ("Tobacco T1 Status:T2", "Tobacco T1", ["argument_missed"]),
        ("Tobacco T1", "Tobacco T1 Status:T2", ["argument_spurious"]),
        ("Tobacco T1 Status:T2", "Alcohol T1 Status:T2", ["argument_missed", "argument_spurious"]),
    ],
)
def test_arguments_of_events_are_sorted_as_worked_by_hand(note, gold, predicted, expected):
    sides = [[note(*SOCIAL, events=(side,))] for side in (gold, predicted)]
    analysis = analyse(*sides)
    assert sorted(mistake.category for _, mistake in analysis.arguments.mistakes) == expected
    assert list(analysis.arguments.counts()) == list(ARGUMENT_CATEGORIES)
    micro = score(*sides).tally("events.arguments.strict").micro
    assert (analysis.arguments.tp, analysis.arguments.fp, analysis.arguments.fn) == (micro.tp, micro.fp, micro.fn)


def test_events_without_arguments_are_not_looked_at(note):
    assert analyse([note(*SOCIAL, events=("Tobacco T1",))], [note(*SOCIAL)]).arguments is None
