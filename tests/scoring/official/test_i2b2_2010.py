from collections import Counter
from dataclasses import replace

import pytest

from medspan.annotation import LabelSchema
from medspan.scoring import Counts, score
from scoring.official.reference_i2b2 import score_2010
from scoring.random_pairs import random_pairs

# Tokens:  0-6    7-12  13-17 18-20 21-28
TEXT = "severe chest pain on aspirin, daily\nno  fever"


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def scored(note, gold, predicted, **options):
    sides = [note(*side) if isinstance(side, tuple) else side for side in (gold, predicted)]
    return score(*([replace(side, text=TEXT)] for side in sides), scorer="i2b2-2010", **options)


def test_concepts_are_scored_by_span_and_by_class(note):
    gold = ("problem 0-17", "treatment 21-29", "test 30-35", "problem 40-45")
    predicted = ("problem 0-17", "problem 21-29", "test 18-35", "problem 40-45", "problem 40-45")
    report = scored(note, gold, predicted)
    assert counted(report, "entities.strict") == (2, 3, 2)
    assert counted(report, "entities.span.strict") == (3, 2, 1)
    assert counted(report, "entities.lenient") == (3, 2, 1)
    assert counted(report, "entities.span.lenient") == (4, 1, 0)
    assert report.tally("entities.strict").labels == {
        "problem": Counts(2, 2, 0), "treatment": Counts(0, 0, 1), "test": Counts(0, 1, 1),
    }  # fmt: skip
    assert report.headline == ("entities", "strict")


@pytest.mark.parametrize(
    ("gold", "predicted", "strict", "lenient"),
    [
        ("problem 7-17", "problem 8-15", (1, 0, 0), (1, 0, 0)),  # both widen to "chest pain"
        ("treatment 21-28", "treatment 21-29", (1, 0, 0), (1, 0, 0)),  # the comma is part of the token
        ("problem 0-6,13-17", "problem 0-17", (1, 0, 0), (1, 0, 0)),  # gaps are covered
        ("problem 0-12", "problem 7-17", (0, 1, 1), (1, 0, 0)),  # share one token
        ("problem 0-12", "problem 13-17", (0, 1, 1), (0, 1, 1)),
        ("problem 36-38", "problem 36-39", (1, 0, 0), (1, 0, 0)),  # the second ends in white space
    ],
)
def test_spans_are_those_of_whole_tokens(note, gold, predicted, strict, lenient):
    report = scored(note, (gold,), (predicted,))
    assert (counted(report, "entities.strict"), counted(report, "entities.lenient")) == (strict, lenient)


def test_mentions_of_white_space_alone_stay_what_they_are(note):
    assert counted(scored(note, ("problem 38-40",), ("problem 38-40",)), "entities.strict") == (1, 0, 0)
    assert counted(scored(note, ("problem 38-40",), ("problem 38-45",)), "entities.strict") == (0, 1, 1)


def test_assertions_are_looked_at_on_gold_problems(note):
    gold = (
        "problem 0-6 assertion=present", "problem 7-12 assertion=absent", "problem 13-17 assertion=possible",
        "problem 40-45 assertion=absent", "test 18-20",
    )  # fmt: skip
    predicted = (
        "problem 0-6 assertion=present",  # right
        "problem 8-12 assertion=present",  # the same token, wrong
        "problem 13-17",  # none given
        "problem 36-38 assertion=absent",  # no gold problem here: not looked at
        "test 18-20 assertion=absent",  # gold asks for none
    )
    tally = scored(note, gold, predicted).tally("attributes.assertion.gold_entities")
    assert tally.micro == Counts(1, 1, 3)
    assert tally.labels == {"present": Counts(1, 1, 0), "absent": Counts(0, 0, 2), "possible": Counts(0, 0, 1)}


ENTITIES = ("problem 0-6", "problem 13-17", "treatment 21-29")
RELATIONS = {
    "the same": (ENTITIES, ("TrAP T3 T1", "PIP T1 T2"), {"all": (2, 0, 0)}),
    "PIP the other way round": (ENTITIES, ("TrAP T3 T1", "PIP T2 T1"), {"strict": (1, 1, 1), "unordered": (2, 0, 0)}),
    "TrAP the other way round": (ENTITIES, ("TrAP T1 T3", "PIP T1 T2"), {"all": (1, 1, 1)}),
    "a wrong class": (
        ("problem 0-6", "problem 13-17", "test 21-29"), ("TrAP T3 T1", "PIP T1 T2"),
        {"spans": (2, 0, 0), "end_to_end": (1, 1, 1)},
    ),
    "a wrong span": (("problem 0-12", *ENTITIES[1:]), ("TrAP T3 T1", "PIP T1 T2"), {"all": (0, 2, 2)}),
    "said twice": (ENTITIES, ("TrAP T3 T1", "TrAP T3 T1"), {"all": (1, 1, 1)}),
    "another type": (ENTITIES, ("TrCP T3 T1", "PIP T1 T2"), {"all": (1, 1, 1)}),
}  # fmt: skip


@pytest.mark.parametrize("case", RELATIONS)
def test_relations_are_ordered_pairs_of_exact_spans_under_a_type(note, case):
    entities, relations, expected = RELATIONS[case]
    gold = note(*ENTITIES, relations=("TrAP T3 T1", "PIP T1 T2"))
    report = scored(note, gold, note(*entities, relations=relations))
    for of in ("spans", "end_to_end"):
        for order in ("strict", "unordered"):
            wanted = expected.get("all") or expected.get(of) or expected[order]
            assert counted(report, f"relations.{of}.{order}") == wanted, (of, order)


def test_a_schema_that_calls_pip_symmetric_makes_official_and_clean_differ_and_the_report_says_why(note):
    schema = LabelSchema.from_dict(
        {
            "name": "symmetric",
            "entities": [{"name": "problem", "definition": "A disorder."}],
            "relations": [
                {"name": "PIP", "definition": "Two go together.", "heads": ["problem"], "tails": ["problem"],
                 "is_symmetric": True}
            ],
        }
    )  # fmt: skip
    gold = note(*ENTITIES[:2], relations=("PIP T1 T2",))
    predicted = note(*ENTITIES[:2], relations=("PIP T2 T1",))
    report = scored(note, gold, predicted, schema=schema)
    (found,) = report.differences
    assert (found.measure, found.official_f1, found.clean_f1) == ("relations.end_to_end.strict", 0.0, 1.0)
    assert "PIP keeps its written order" in found.why


def test_every_measure_agrees_with_a_slow_reference_on_random_notes():
    labels, links = ("problem", "treatment", "test"), ("TrAP", "TeRP", "PIP")
    pairs = list(random_pairs(2010, 200, labels, ("present", "absent", "possible"), relations=links))
    report = score([g for g, _ in pairs], [p for _, p in pairs], scorer="i2b2-2010")
    places = {
        "exact": "entities.span.strict",
        "inexact": "entities.span.lenient",
        "assertions": "attributes.assertion.gold_entities",
        "relations spans": "relations.spans.strict",
        "relations spans unordered": "relations.spans.unordered",
        "relations end to end": "relations.end_to_end.strict",
        "relations end to end unordered": "relations.end_to_end.unordered",
    }
    n_right = Counter()
    for i, (gold, predicted) in enumerate(pairs):
        for measure, expected in score_2010(gold, predicted).items():
            if isinstance(measure, tuple):
                name, label = measure
                tally = report.tally("entities.strict" if name == "class exact" else "entities.lenient")
                found = tally.total[i] if label is None else tally.by_row[i, tally.rows.index(label)]
            else:
                found = report.tally(places[measure]).total[i]
            assert tuple(found) == expected, (i, measure)
            n_right[measure] += expected[0]
    assert min(n_right.values()) > 100  # the invented notes do hold matches
    assert n_right["relations spans"] < n_right["relations spans unordered"]
