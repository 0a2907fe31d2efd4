import pytest

from medspan.scoring import score


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


# Gold, system in file order, mode, (tp, fp, fn): worked by hand from the rules of the official script.
GOLDEN = [
    (["Drug 0-5"], ["Drug 0-5", "Drug 0-5"], "strict", (1, 0, 0)),
    (["Drug 0-5", "Drug 0-5"], ["Drug 0-5"], "strict", (1, 0, 1)),
    (["Drug 0-5", "Drug 0-5"], ["Drug 0-5", "Drug 0-5"], "strict", (1, 0, 1)),
    (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], "lenient", (1, 0, 0)),
    (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], "strict", (0, 2, 1)),
    (["Drug 0-5", "Drug 6-10"], ["Drug 0-10"], "lenient", (1, 0, 1)),
    (["Drug 0-5", "Drug 6-10"], ["Drug 0-5", "Drug 6-10", "Drug 0-10"], "lenient", (2, 0, 0)),
    (["Drug 0-5", "Drug 6-10"], ["Drug 0-10", "Drug 0-5", "Drug 6-10"], "lenient", (1, 0, 1)),
    (["Drug 0-5", "Drug 6-10"], ["Drug 0-5", "Drug 0-10", "Drug 6-10"], "lenient", (1, 0, 1)),
    (["Drug 0-5"], ["Drug 5-9"], "lenient", (0, 1, 1)),
    (["Drug 0-5"], ["ADE 0-5"], "lenient", (0, 1, 1)),
    (["ADE 0-5", "Reason 0-5"], ["ADE 0-5", "Reason 0-5"], "strict", (2, 0, 0)),
    (["Drug 0-3,8-12"], ["Drug 0-12"], "strict", (1, 0, 0)),
    (["Drug 0-3,8-12"], ["Drug 4-7"], "lenient", (1, 0, 0)),
]


@pytest.mark.parametrize(("gold", "system", "mode", "expected"), GOLDEN)
def test_mentions_are_counted_as_the_official_rules_say(note, gold, system, mode, expected):
    report = score([note(*gold)], [note(*system)], scorer="n2c2-2018")
    assert counted(report, f"entities.{mode}") == expected


@pytest.mark.parametrize(
    ("entities", "relation", "strict", "lenient"),
    [
        (("Drug 0-5", "Strength 10-14"), "Strength-Drug T2 T1", (1, 0, 0), (1, 0, 0)),
        (("Drug 0-6", "Strength 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (1, 0, 0)),
        (("Drug 0-5", "Strength 10-14"), "Strength-Drug T1 T2", (0, 1, 1), (0, 1, 1)),
        (("Drug 0-5", "Dosage 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
    ],
)
def test_relations_are_counted_as_the_official_rules_say(note, entities, relation, strict, lenient):
    gold = note("Drug 0-5", "Strength 10-14", relations=("Strength-Drug T2 T1",))
    report = score([gold], [note(*entities, relations=(relation,))], scorer="n2c2-2018")
    assert counted(report, "relations.end_to_end.strict") == strict
    assert counted(report, "relations.end_to_end.lenient") == lenient


def test_files_empty_on_both_sides_lower_the_average_over_files(note):
    documents = [note("Drug 0-5", key="a"), note(key="b")]
    strict = score(documents, documents, scorer="n2c2-2018").to_dict()["entities"]["strict"]
    assert strict["micro"]["f1"] == 1.0
    assert strict["macro"]["documents"]["f1"] == 0.5


def test_files_without_prediction_cost_no_recall(note):
    gold = [note("Drug 0-5", key="a"), note("Drug 0-5", key="b")]
    report = score(gold, gold[:1], scorer="n2c2-2018")
    assert counted(report, "entities.strict") == (1, 0, 0)
    assert report.documents == 1
    assert report.notes == ("gold documents without a prediction, skipped, as this scorer does: 1 (b)",)


def test_without_duplicates_and_multiple_overlaps_the_clean_measure_agrees(note):
    gold = note("Drug 0-5", "Form 10-14", "Drug 20-25", relations=("Form-Drug T2 T1",))
    predicted = note("Drug 0-6", "Form 10-14", "Route 30-34", relations=("Form-Drug T2 T1",))
    official, clean = score([gold], [predicted], scorer="n2c2-2018"), score([gold], [predicted])
    for measure in ("entities.strict", "entities.lenient", "relations.end_to_end.strict"):
        assert official.tally(measure).labels == clean.tally(measure).labels
