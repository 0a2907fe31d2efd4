import pytest

from medspan.scoring import score
from scoring.official.reference_n2c2_2018 import corpus, read
from scoring.random_pairs import random_pairs


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


# Gold, system in file order, mode, (tp, fp, fn): worked by hand from the rules of the official script.
MENTIONS = {
    "a: of two equal predictions the second is dropped": (["Drug 0-5"], ["Drug 0-5", "Drug 0-5"], "strict", (1, 0, 0)),
    "b: one prediction claims both golds": (["Drug 0-5", "Drug 0-5"], ["Drug 0-5"], "strict", (1, 0, 1)),
    "c: the second finds both claimed": (["Drug 0-5", "Drug 0-5"], ["Drug 0-5", "Drug 0-5"], "strict", (1, 0, 1)),
    "d: a split mention costs nothing": (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], "lenient", (1, 0, 0)),
    "e: but strictly": (["Drug 0-10"], ["Drug 0-4", "Drug 5-10"], "strict", (0, 2, 1)),
    "f: a merged mention costs one gold": (["Drug 0-5", "Drug 6-10"], ["Drug 0-10"], "lenient", (1, 0, 1)),
    "g: short ones first": (
        ["Drug 0-5", "Drug 6-10"], ["Drug 0-5", "Drug 6-10", "Drug 0-10"], "lenient", (2, 0, 0),
    ),
    "h: the same, the long one first": (
        ["Drug 0-5", "Drug 6-10"], ["Drug 0-10", "Drug 0-5", "Drug 6-10"], "lenient", (1, 0, 1),
    ),
    "the same, the long one between": (
        ["Drug 0-5", "Drug 6-10"], ["Drug 0-5", "Drug 0-10", "Drug 6-10"], "lenient", (1, 0, 1),
    ),
    "i: touching is not overlapping": (["Drug 0-5"], ["Drug 5-9"], "lenient", (0, 1, 1)),
    "j: the type must match, lenient": (["Drug 0-5"], ["ADE 0-5"], "lenient", (0, 1, 1)),
    "j: the type must match, strict": (["Drug 0-5"], ["ADE 0-5"], "strict", (0, 1, 1)),
    "one span of two types": (["ADE 0-5", "Reason 0-5"], ["ADE 0-5", "Reason 0-5"], "strict", (2, 0, 0)),
    "k: only the covering span counts": (["Drug 0-3,8-12"], ["Drug 0-12"], "strict", (1, 0, 0)),
    "the gap belongs to the mention": (["Drug 0-3,8-12"], ["Drug 4-7"], "lenient", (1, 0, 0)),
    "nothing predicted in a file that is there": (["Drug 0-5"], [], "lenient", (0, 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", MENTIONS)
def test_mentions_are_counted_as_the_official_rules_say(note, case):
    gold, system, mode, expected = MENTIONS[case]
    report = score([note(*gold)], [note(*system)], scorer="n2c2-2018")
    assert counted(report, f"entities.{mode}") == expected


def test_dropped_predictions_are_counted_beside_the_figures(note):
    report = score([note("Drug 0-10")], [note("Drug 0-10", "Drug 0-4", "Drug 5-10")], scorer="n2c2-2018")
    assert report.figures["entities", "strict", "dropped"] == 0
    assert report.figures["entities", "lenient", "dropped"] == 2
    assert report.to_dict()["entities"]["lenient"]["dropped"] == 2


# Predicted entities and relation against Strength-Drug from 10-14 to 0-5; strict, lenient.
RELATIONS = {
    "the same": (("Drug 0-5", "Strength 10-14"), "Strength-Drug T2 T1", (1, 0, 0), (1, 0, 0)),
    "l and m: an end longer": (("Drug 0-6", "Strength 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (1, 0, 0)),
    "n: ends swapped": (("Drug 0-5", "Strength 10-14"), "Strength-Drug T1 T2", (0, 1, 1), (0, 1, 1)),
    "o: an end of another type": (("Drug 0-5", "Dosage 10-14"), "Strength-Drug T2 T1", (0, 1, 1), (0, 1, 1)),
}


@pytest.mark.parametrize("case", RELATIONS)
def test_relations_are_counted_as_the_official_rules_say(note, case):
    entities, relation, strict, lenient = RELATIONS[case]
    gold = note("Drug 0-5", "Strength 10-14", relations=("Strength-Drug T2 T1",))
    report = score([gold], [note(*entities, relations=(relation,))], scorer="n2c2-2018")
    assert counted(report, "relations.end_to_end.strict") == strict
    assert counted(report, "relations.end_to_end.lenient") == lenient


def test_macro_files_empty_on_both_sides_lower_the_average_over_files(note):
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


def test_every_figure_agrees_with_a_slow_reference_on_random_notes():
    labels, links = ("Drug", "Strength", "ADE"), ("Strength-Drug", "ADE-Drug")
    pairs = list(random_pairs(2018, 200, labels, relations=links))
    report = score([g for g, _ in pairs], [p for _, p in pairs], scorer="n2c2-2018")
    files = [(read(gold), read(predicted)) for gold, predicted in pairs]
    for target, place in (("tags", "entities"), ("relations", "relations.end_to_end")):
        for mode in ("strict", "lenient"):
            tally = report.tally(f"{place}.{mode}")
            micro, by_type, macro = corpus(files, target, mode)
            assert counted(report, f"{place}.{mode}") == micro
            assert {name: (c.tp, c.fp, c.fn) for name, c in tally.labels.items()} == by_type
            assert tuple(tally.macro_documents.values()) == pytest.approx(macro)
            n_found = micro[0] + micro[1] + report.figures[*place.split("."), mode, "dropped"]
            assert n_found == sum(len(system[target]) for _, system in files)
            assert micro[0] > 100  # the invented notes do hold matches
            assert tuple(map(sum, zip(*by_type.values(), strict=True))) == micro
    for found in report.differences:  # the quirks do show on these notes
        assert found.official_f1 != found.clean_f1
    assert {found.measure for found in report.differences} >= {"entities.strict", "entities.lenient"}
