import pytest

from medspan.annotation import LabelSchema
from medspan.errors import ConfigError, ScoringError
from medspan.scoring import Counts, align, score


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def test_a_document_without_prediction_counts_as_empty_and_one_without_gold_is_not_scored(note):
    gold = [note("Drug 0-5", key="a"), note("Drug 0-5", "Drug 7-9", key="b")]
    predicted = [note("Drug 0-5", key="a"), note("Drug 0-5", key="z")]
    report = score(gold, predicted)
    assert counted(report, "entities.strict") == (1, 0, 2)
    assert report.documents == 2
    data = report.to_dict()
    assert (data["only_in_gold"], data["only_in_predicted"]) == (["b"], ["z"])
    assert "gold documents without a prediction, counted as empty: 1 (b)" in report.notes
    assert "predicted documents without gold, not scored: 1 (z)" in report.notes


def test_alignment_marks_missing_predictions_and_sorts_by_id(note):
    alignment = align([note(key="b"), note("Drug 0-5", key="a")], [note(key="b")])
    assert [(p.gold.id, p.is_missing) for p in alignment.pairs] == [("a", True), ("b", False)]
    assert alignment.pairs[0].predicted.entities == ()


def test_another_text_under_one_id_is_refused_without_quoting_it(note):
    gold = [note(key="same"), note(key="n7", text="canary one")]
    predicted = [note(key="same"), note(key="n7", text="canary  two")]
    with pytest.raises(ScoringError) as caught:
        score(gold, predicted)
    message = str(caught.value)
    assert "'n7' (from character 7; 10 and 11 characters)" in message
    assert "canary" not in message


@pytest.mark.parametrize("side", ["gold", "predicted"])
def test_an_id_used_twice_on_one_side_is_refused(note, side):
    twice, once = [note(key="a"), note(key="a")], [note(key="a")]
    with pytest.raises(ScoringError, match=rf"{side} documents: ids used more than once: 1 \(a\)"):
        score(twice, once) if side == "gold" else score(once, twice)


def test_no_documents_at_all_score_zero():
    report = score([], [], bootstrap=10)
    assert report.to_dict()["entities"]["strict"]["micro"]["f1"] == 0.0
    assert report.documents == 0


def test_predicted_labels_that_gold_never_uses_are_wrong_and_named(note):
    gold = note("Drug 0-5")
    predicted = note("Drug 0-5", "Anatomy 10-15", "Anatomy 20-25", "Time 30-35", relations=("At T2 T1",))
    report = score([gold], [predicted])
    assert counted(report, "entities.strict") == (1, 3, 0)
    assert report.notes == (
        "gold never uses these predicted labels, so all of them count as false positives: "
        "entity Anatomy 2, Time 1; relation At 1; use --labels gold to leave them out",
    )


def test_labels_of_gold_leave_the_others_out_with_what_hangs_on_them(note):
    gold = note("Drug 0-5 status=on", "Form 10-14", relations=("Form-Drug T2 T1",))
    predicted = note(
        "Drug 0-5 status=on dose=high", "Form 10-14", "Anatomy 20-25",
        relations=("Form-Drug T2 T1", "Form-Drug T3 T1", "At T2 T1"),
    )  # fmt: skip
    report = score([gold], [predicted], labels="gold")
    assert counted(report, "entities.strict") == (2, 0, 0)
    assert counted(report, "relations.end_to_end.strict") == (1, 0, 0)
    assert "dose" not in report.to_dict()["attributes"]
    assert report.notes == (
        "left out of predicted by labels 'gold': entity Anatomy 1; attribute dose 1; relation At 1, Form-Drug 1",
    )


def test_labels_of_gold_never_change_gold_or_recall(note):
    gold = note("Drug 0-5", "Form 10-14")
    predicted = note("Drug 0-5", "Anatomy 20-25")
    everything, restricted = score([gold], [predicted]), score([gold], [predicted], labels="gold")
    assert counted(everything, "entities.strict") == (1, 1, 1)
    assert counted(restricted, "entities.strict") == (1, 0, 1)


def test_entities_that_serve_only_events_are_set_aside_when_gold_holds_no_event(note):
    gold = note("Drug 0-5", "Duration 40-45")
    predicted = note(
        "Drug 0-5", "Tobacco 10-15", "Duration 20-25", "Duration 40-45",
        events=("Tobacco T2 Duration:T3 Duration:T4",), relations=("Duration-Drug T4 T1",),
    )  # fmt: skip
    assert counted(score([gold], [predicted]), "entities.strict") == (2, 2, 0)
    report = score([gold], [predicted], labels="gold")
    # The duration that a relation needs stays.
    assert counted(report, "entities.strict") == (2, 0, 0)
    assert "gold holds no events; 2 predicted entities that serve only events are set aside" in report.notes


def test_event_entities_stay_when_gold_holds_an_event(note):
    gold = note("Tobacco 10-15", events=("Tobacco T1",))
    predicted = note("Tobacco 10-15", "Tobacco 20-25", events=("Tobacco T1", "Tobacco T2"))
    assert counted(score([gold], [predicted], labels="gold"), "entities.strict") == (1, 1, 0)


def test_a_set_of_labels_holds_for_both_sides(note):
    gold = note("Drug 0-5", "Form 10-14", "Test 20-25")
    predicted = note("Drug 0-5", "Form 11-14", "Test 30-35")
    report = score([gold], [predicted], labels={"Drug", "Form"})
    assert report.tally("entities.strict").labels == {"Drug": Counts(1, 0, 0), "Form": Counts(0, 1, 1)}
    assert report.notes == (
        "left out of gold by the labels asked for: entity Test 1",
        "left out of predicted by the labels asked for: entity Test 1",
    )


def test_a_label_asked_for_that_neither_side_uses_is_named(note):
    report = score([note("Drug 0-5")], [note()], labels=["Drug", "Drugg"])
    assert report.notes == ("labels asked for that neither side uses: Drugg",)


def test_labels_given_as_another_word_are_refused(note):
    with pytest.raises(ConfigError, match="expected 'all', 'gold' or a set"):
        score([note()], [note()], labels="Drug")


def invented_schema():
    def named(name, **more):
        return {"name": name, "definition": f"{name}.", **more}

    return LabelSchema.from_dict(
        {
            "name": "invented",
            "entities": [named("Drug"), named("Form"), named("Tobacco")],
            "attributes": [named("status", values=["on", "off"], labels=["Drug"])],
            "relations": [named("Form-Drug", heads=["Form"], tails=["Drug"])],
            "events": [named("Tobacco", roles=[named("Type", labels=["Form"])])],
        }
    )


def test_a_schema_holds_for_both_sides_and_the_notes_say_what_it_left_out(note):
    document = note(
        "Drug 0-5 status=on severity=high", "Form 10-14", "Tobacco 20-27", "Mood 30-34",
        relations=("Form-Drug T2 T1", "Feels T4 T1"),
        events=("Tobacco T3 Type:T2 Amount:T2", "Mood T4"),
    )  # fmt: skip
    report = score([document], [document], schema=invented_schema())
    assert counted(report, "entities.strict") == (3, 0, 0)
    assert counted(report, "relations.end_to_end.strict") == (1, 0, 0)
    assert counted(report, "events.triggers.strict") == (1, 0, 0)
    assert counted(report, "events.arguments.strict") == (1, 0, 0)
    assert set(report.to_dict()["attributes"]) == {"status"}
    omitted = "entity Mood 1; attribute severity 1; relation Feels 1; event Mood 1; argument Tobacco.Amount 1"
    assert report.notes == (
        f"left out of gold by schema 'invented': {omitted}",
        f"left out of predicted by schema 'invented': {omitted}",
    )


def test_a_schema_that_allows_everything_changes_nothing(note):
    gold = note("Drug 0-5 status=on", "Form 10-14", relations=("Form-Drug T2 T1",))
    predicted = note("Drug 0-6 status=on", "Form 10-14", relations=("Form-Drug T2 T1",))
    assert score([gold], [predicted], schema=invented_schema()).to_dict() == score([gold], [predicted]).to_dict()
