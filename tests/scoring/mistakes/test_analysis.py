import json

import pytest

from medspan.errors import ScoringError
from medspan.scoring import analyse


def missed(note, key, n):
    return note(*(f"Drug {5 * i}-{5 * i + 3}" for i in range(n)), key=key)


def test_examples_come_from_many_documents_before_they_repeat_one(note):
    gold = [missed(note, key, n) for key, n in (("a", 3), ("b", 1), ("c", 2))]
    examples = analyse(gold, [d.bare() for d in gold]).entities.examples(5)["missed"]
    assert [(key, mistake.gold[0].extent[0][0]) for key, mistake in examples] == [
        ("a", 0),
        ("b", 0),
        ("c", 0),
        ("a", 5),
        ("c", 5),
    ]


def test_examples_hold_ids_labels_and_offsets_and_no_word_of_the_note(note):
    text = "aspirin for pain".ljust(40, "x")
    gold = note("Drug 0-7", "Pain 12-16", relations=("For T1 T2",), text=text)
    predicted = note("Drug 0-5", "Pain 12-16", relations=("For T1 T2",), text=text)
    data = analyse([gold], [predicted]).to_dict()
    assert data["entities"]["categories"]["boundary"]["examples"] == [
        {
            "document": "n1",
            "gold": [{"label": "Drug", "fragments": [[0, 7]]}],
            "predicted": [{"label": "Drug", "fragments": [[0, 5]]}],
        }
    ]
    assert data["relations"]["categories"]["wrong_argument"]["examples"][0]["gold"] == [
        {
            "label": "For",
            "head": {"label": "Drug", "fragments": [[0, 7]]},
            "tail": {"label": "Pain", "fragments": [[12, 16]]},
        }
    ]
    assert "aspir" not in json.dumps(data) and "aspir" not in repr(analyse([gold], [predicted]))


def test_the_order_of_documents_changes_nothing(note):
    gold = [missed(note, key, n) for key, n in (("a", 3), ("b", 1), ("c", 2))]
    predicted = [note("Drug 1-4", "Form 9-12", key=key) for key in "abc"]
    assert analyse(gold, predicted).to_dict() == analyse(gold[::-1], predicted[::-1]).to_dict()


def test_a_document_without_a_prediction_is_missed_whole_and_one_without_gold_is_left_out(note):
    analysis = analyse([missed(note, "a", 3)], [missed(note, "b", 2)])
    assert analysis.documents == 1
    assert (analysis.entities.counts()["missed"].gold, analysis.entities.fp) == (3, 0)


def test_labels_are_left_out_as_score_leaves_them_out(note):
    gold, predicted = [note("Drug 0-5", "Form 6-9")], [note("Drug 0-5", "Dose 6-9")]
    assert analyse(gold, predicted, labels="gold").entities.fp == 0
    assert analyse(gold, predicted, labels={"Drug"}).entities.mistakes == ()
    assert analyse(gold, predicted).entities.labels() == {
        "Drug": dict.fromkeys(analyse(gold, predicted).entities.categories, 0),
        "Form": {**dict.fromkeys(analyse(gold, predicted).entities.categories, 0), "label": 1},
    }


def test_relations_are_absent_where_neither_side_holds_any(note):
    assert analyse([note("Drug 0-5")], [note("Drug 0-5")]).relations is None
    assert "relations" not in analyse([note("Drug 0-5")], [note("Drug 0-5")]).to_dict()


def test_texts_that_differ_are_refused(note):
    with pytest.raises(ScoringError, match="texts under one id differ"):
        analyse([note(text="a")], [note(text="b")])
