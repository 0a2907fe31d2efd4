import pytest

from medspan.annotation import LabelSchema
from medspan.scoring import score

GOLD = ("Drug 0-5", "Strength 10-14")


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


# Predicted entities and relations against Strength-Drug from 10-14 to 0-5; strict, lenient.
GOLDEN = {
    "the same": (GOLD, "Strength-Drug T2 T1", (1, 0, 0), (1, 0, 0)),
    "one end longer": (("Drug 0-6", "Strength 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (1, 0, 0)),
    "ends swapped": (GOLD, "Strength-Drug T1 T2", (0, 1, 1), (0, 1, 1)),
    "an end of another label": (("Drug 0-5", "Dosage 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
    "the other end of another label": (("ADE 0-5", "Strength 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
    "another relation label": (GOLD, "Dosage-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
    "one end elsewhere": (("Drug 20-25", "Strength 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_end_to_end_counts_agree_with_those_worked_by_hand(note, case):
    entities, relation, strict, lenient = GOLDEN[case]
    gold = note(*GOLD, relations=("Strength-Drug T2 T1",))
    report = score([gold], [note(*entities, relations=(relation,))])
    assert counted(report, "relations.end_to_end.strict") == strict
    assert counted(report, "relations.end_to_end.lenient") == lenient


def test_a_relation_found_twice_counts_once(note):
    gold = note(*GOLD, relations=("Strength-Drug T2 T1",))
    twice = note(*GOLD, relations=("Strength-Drug T2 T1", "Strength-Drug T2 T1"))
    report = score([gold], [twice])
    assert counted(report, "relations.end_to_end.strict") == (1, 1, 0)
    assert counted(report, "relations.end_to_end.lenient") == (1, 1, 0)


def test_lenient_relations_are_matched_so_that_most_find_a_partner(note):
    entities = ("Drug 0-10", "Drug 0-3", "Form 20-25")
    gold = note(*entities, relations=("Form-Drug T3 T1", "Form-Drug T3 T2"))
    predicted = note("Drug 0-3", "Drug 5-8", "Form 20-25", relations=("Form-Drug T3 T1", "Form-Drug T3 T2"))
    assert counted(score([gold], [predicted]), "relations.end_to_end.lenient") == (2, 0, 0)


def schema(is_symmetric):
    return LabelSchema.from_dict(
        {
            "name": "invented",
            "entities": [{"name": "Problem", "definition": "A disorder."}],
            "relations": [
                {
                    "name": "PIP",
                    "definition": "Two problems go together.",
                    "heads": ["Problem"],
                    "tails": ["Problem"],
                    "is_symmetric": is_symmetric,
                }
            ],
        }
    )


@pytest.mark.parametrize(("is_symmetric", "expected"), [(True, (1, 0, 0)), (False, (0, 1, 1))])
def test_ends_may_be_swapped_only_where_the_schema_says_symmetric(note, is_symmetric, expected):
    gold = note("Problem 0-5", "Problem 10-15", relations=("PIP T1 T2",))
    predicted = note("Problem 0-5", "Problem 10-15", relations=("PIP T2 T1",))
    report = score([gold], [predicted], schema=schema(is_symmetric))
    for measure in ("relations.end_to_end.strict", "relations.end_to_end.lenient", "relations.gold_entities.strict"):
        assert counted(report, measure) == expected


def test_gold_entity_scores_look_only_at_pairs_of_mentions_that_both_sides_hold(note):
    entities = ("Drug 0-5", "Strength 10-14", "Form 20-24", "Drug 30-35")
    gold = note(*entities, relations=("Strength-Drug T2 T1", "Form-Drug T3 T1", "Form-Drug T3 T4"))
    # The strength was not found; one form relation is right, one goes to the wrong drug, one to a made-up form.
    predicted = note(
        "Drug 0-5", "Form 20-24", "Drug 30-35", "Form 50-54",
        relations=("Form-Drug T2 T1", "Dosage-Drug T2 T3", "Form-Drug T4 T1"),
    )  # fmt: skip
    report = score([gold], [predicted])
    assert counted(report, "relations.end_to_end.strict") == (1, 2, 2)
    assert counted(report, "relations.gold_entities.strict") == (1, 1, 1)
    block = report.to_dict()["relations"]["gold_entities"]
    assert (block["left_out_of_gold"], block["left_out_of_predicted"]) == (1, 1)


def test_gold_entity_scores_leave_out_a_relation_when_either_end_is_unknown_to_the_other_side(note):
    gold = note("Drug 0-5", "Form 10-14", relations=("Form-Drug T2 T1",))
    for found in ("Drug 0-5", "Form 10-14"):
        report = score([gold], [note(found)])
        assert counted(report, "relations.gold_entities.strict") == (0, 0, 0)
        assert report.figures["relations", "gold_entities", "left_out_of_gold"] == 1
        back = score([note(found)], [gold])
        assert counted(back, "relations.gold_entities.strict") == (0, 0, 0)
        assert back.figures["relations", "gold_entities", "left_out_of_predicted"] == 1


def test_gold_entity_scores_equal_end_to_end_when_entities_were_given(note):
    entities = ("Drug 0-5", "Strength 10-14", "Form 20-24")
    gold = note(*entities, relations=("Strength-Drug T2 T1", "Form-Drug T3 T1"))
    predicted = note(*entities, relations=("Strength-Drug T2 T1", "Strength-Drug T3 T1"))
    report = score([gold], [predicted])
    assert counted(report, "relations.gold_entities.strict") == (1, 1, 1)
    assert counted(report, "relations.gold_entities.strict") == counted(report, "relations.end_to_end.strict")


def test_an_end_that_is_an_event_stands_for_its_trigger(note):
    by_event = note("Alcohol 0-5", "Problem 10-15", events=("Alcohol T1",), relations=("Causes E1 T2",))
    by_entity = note("Alcohol 0-5", "Problem 10-15", events=("Alcohol T1",), relations=("Causes T1 T2",))
    assert counted(score([by_event], [by_entity]), "relations.end_to_end.strict") == (1, 0, 0)
