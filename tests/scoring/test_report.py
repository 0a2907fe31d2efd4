import json
from io import StringIO
from time import process_time

import pytest
from rich.console import Console

from medspan.annotation import Attribute, Document, Entity, Span
from medspan.errors import UnknownNameError
from medspan.scoring import SCORERS, render, score

SIDES = (
    ("Drug 0-5", "Strength 10-14", "Problem 20-25 assertion=absent", "Tobacco 30-36", "StatusTime 40-44 Val=past"),
    ("Drug 0-6", "Strength 10-14", "Problem 20-25 assertion=present", "Tobacco 30-36", "StatusTime 40-45 Val=past"),
)


def sides(note):
    more = {"relations": ("Strength-Drug T2 T1",), "events": ("Tobacco T4 Status:T5",)}
    return [[note(*forms, **more)] for forms in SIDES]


def printed(report, width=80, **options):
    stream = StringIO()
    render(report, Console(file=stream, width=width, color_system=None), **options)
    return stream.getvalue()


def test_json_has_the_documented_shape(note):
    data = score(*sides(note)).to_dict()
    assert data["scorer"] == "strict"
    assert data["documents"] == 1
    assert data["entities"]["strict"]["micro"] == {
        "precision": 3 / 5, "recall": 3 / 5, "f1": 3 / 5, "tp": 3, "fp": 2, "fn": 2,
    }  # fmt: skip
    assert data["entities"]["lenient"]["labels"]["Drug"]["tp"] == 1
    assert set(data["relations"]) == {"end_to_end", "gold_entities"}
    assert set(data["relations"]["end_to_end"]) == {"strict", "lenient"}
    assert set(data["events"]) == {"triggers", "arguments", "arguments_by_role", "values"}
    assert set(data["attributes"]) == {"Val", "assertion"}
    assert set(data["attributes"]["assertion"]) == {"strict", "lenient", "accuracy_on_matched"}
    blocks = [
        *(data["entities"][mode] for mode in ("strict", "lenient")),
        *(data["relations"]["end_to_end"][mode] for mode in ("strict", "lenient")),
        data["relations"]["gold_entities"]["strict"],
        *(section[mode] for section in data["events"].values() for mode in ("strict", "lenient")),
        *(section[mode] for section in data["attributes"].values() for mode in ("strict", "lenient")),
    ]
    for block in blocks:
        assert set(block) == {"micro", "macro", "labels"}
    assert json.loads(json.dumps(data)) == data


def test_sections_that_neither_side_uses_are_absent(note):
    assert set(score([note("Drug 0-5")], [note()]).to_dict()) == {
        "scorer", "basis", "documents", "entities", "only_in_gold", "only_in_predicted", "notes",
    }  # fmt: skip


def test_sections_that_only_the_prediction_uses_are_present(note):
    predicted = note("Drug 0-5", "Form 6-9", relations=("Form-Drug T2 T1",))
    assert score([note()], [predicted]).to_dict()["relations"]["end_to_end"]["strict"]["micro"]["fp"] == 1


def test_the_lenient_scorer_shows_lenient_measures_only(note):
    report = score(*sides(note), scorer="lenient")
    data = report.to_dict()
    assert data["scorer"] == "lenient"
    assert "strict" not in data["entities"]
    assert data["entities"]["lenient"] == score(*sides(note)).to_dict()["entities"]["lenient"]
    assert report.tallies[report.headline].micro.f1 == 1.0


def test_an_unknown_scorer_names_the_nearest(note):
    with pytest.raises(UnknownNameError, match="did you mean 'strict'"):
        score([note()], [note()], scorer="strikt")


def test_every_registered_scorer_carries_its_name_and_a_headline_it_measures(note):
    for name in SCORERS:
        report = score(*sides(note), scorer=name)
        assert report.scorer == name
        assert report.headline in report.tallies


def test_markdown_holds_summary_rows_by_label_and_notes(note):
    gold, predicted = sides(note)
    text = score(gold, [*predicted, note("Drug 0-5", key="z")], bootstrap=50).to_markdown()
    assert "| entities strict | 0.600 | 0.600 | 0.600 | " in text
    assert "| Drug | 0.000 | 0.000 | 0.000 | 0 | 1 | 1 |" in text
    assert "- predicted documents without gold, not scored: 1 (z)" in text


def test_markdown_keeps_a_bar_in_a_label_inside_its_cell(note):
    text = score([note("a|b 0-5")], [note("a|b 0-5")]).to_markdown()
    assert "| a\\|b | 1.000 |" in text


def test_the_terminal_shows_whole_measure_names_in_eighty_columns(note):
    text = printed(score(*sides(note), bootstrap=50))
    for name in ("relations gold entities strict", "events arguments by role lenient", "Strength"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_the_terminal_prints_labels_as_they_are(note):
    assert "[bold]x" in printed(score([note("[bold]x 0-5")], [note()]))


def test_tables_by_label_can_be_left_out(note):
    text = printed(score(*sides(note)), by_label=False)
    assert "Strength" not in text
    assert "entities strict" in text


def test_no_part_of_a_report_holds_text_of_a_note(note):
    gold, predicted = ([note("Drug 0-6", text="canary sings")], [note("Drug 0-5", text="canary sings", scores=(0.5,))])
    report = score(gold, predicted, bootstrap=10)
    for shown in (repr(report), report.to_markdown(), json.dumps(report.to_dict()), printed(report)):
        assert "canary" not in shown


def test_two_hundred_notes_of_two_hundred_mentions_are_scored_in_seconds():
    def documents(offset):
        return [
            Document(
                f"n{i}",
                "." * 4000,
                tuple(
                    Entity(
                        f"T{k}", "ABCDE"[k % 5], (Span(17 * k + (k % 3) * offset, 17 * k + 12),), (Attribute("a", "b"),)
                    )
                    for k in range(200)
                ),
            )
            for i in range(200)
        ]

    gold, predicted = documents(0), documents(1)
    start = process_time()
    report = score(gold, predicted, bootstrap=200)
    assert process_time() - start < 20
    assert report.tally("entities.strict").micro.tp == 200 * 67
    assert report.tally("entities.lenient").micro.tp == 200 * 200
