import json
from io import StringIO
from pathlib import Path
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


BASES = {
    "strict": "medspan's own: one-to-one, order-independent",
    "lenient": "medspan's own: one-to-one, order-independent",
    "n2c2-2018": "follows the published script",
    "i2b2-2009": "re-implemented from description",
    "i2b2-2010": "re-implemented from description",
    "i2b2-2014": "re-implemented from description",
}


@pytest.mark.parametrize("name", list(SCORERS))
def test_every_form_of_a_report_says_what_its_numbers_rest_on(note, name):
    report = score(*sides(note), scorer=name)
    assert report.basis
    assert report.basis == BASES.get(name, report.basis)
    assert report.to_dict()["basis"] == report.basis
    assert f"({report.basis})" in report.to_markdown()
    assert f"({report.basis})" in " ".join(printed(report, width=200).split())


@pytest.mark.parametrize("name", list(SCORERS))
def test_every_scorer_takes_no_document_and_documents_without_anything(note, name):
    for documents in ([], [note()], [note(text="")]):
        report = score(documents, documents, scorer=name, bootstrap=2)
        assert report.documents == len(documents)
        assert {tally.micro.f1 for tally in report.tallies.values()} == {0.0}
        assert report.differences == ()


@pytest.mark.parametrize("name", [name for name in SCORERS if name not in ("strict", "lenient")])
def test_every_official_report_holds_the_clean_measures_in_the_same_shape(note, name):
    report, clean = score(*sides(note), scorer=name, bootstrap=20), score(*sides(note), bootstrap=20)
    data = report.to_dict()
    assert data["clean"] == clean.to_dict()
    assert isinstance(data["differences"], list)
    assert json.loads(json.dumps(data)) == data
    assert "clean measures beside: 1 documents, scorer strict" in report.to_markdown()
    assert "clean measures beside: 1 documents, scorer strict" in " ".join(printed(report, width=200).split())


def test_the_page_on_scoring_lists_every_official_scorer_with_headline_and_basis():
    page = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text("utf-8")
    for name in SCORERS:
        if name not in ("strict", "lenient"):
            scorer = SCORERS.get(name)
            assert f"| `{name}` | `{'.'.join(scorer.headline)}` | {scorer.basis} |" in page
            assert f"### `{name}`:" in page


@pytest.mark.parametrize("name", [name for name in SCORERS if name not in ("strict", "lenient")])
def test_counterparts_are_measures_that_both_scorers_have(note, name):
    report = score(*sides(note), scorer=name)
    for path, (other, why) in SCORERS.get(name).counterparts.items():
        assert path in report.tallies or path[0] not in {place[0] for place in report.tallies}, path
        assert other in report.clean.tallies or other[0] not in {place[0] for place in report.clean.tallies}, other
        assert why


def test_clean_reports_have_none_beside_them(note):
    data = score(*sides(note)).to_dict()
    assert "clean" not in data
    assert "differences" not in data


def test_only_measures_that_differ_are_listed_and_each_says_why(note):
    gold = note("Drug 0-5", "Drug 20-30", "Form 40-45", relations=("Form-Drug T3 T1",))
    predicted = note("Drug 0-5", "Drug 20-24", "Drug 25-30", "Form 40-45", relations=("Form-Drug T4 T1",))
    report = score([gold], [predicted], scorer="n2c2-2018")
    (found,) = report.differences
    assert (found.measure, found.clean_measure) == ("entities.lenient", "entities.lenient")
    assert (found.official_f1, found.clean_f1) == (1.0, 6 / 7)
    assert "drops a prediction that touches gold claimed before" in found.why
    line = "entities.lenient: F1 1.000 officially, 0.857 clean (entities.lenient): the script drops"
    assert line in report.to_markdown()
    assert f"differs: {line}" in " ".join(printed(report).split())


def test_skipped_documents_explain_a_difference(note):
    gold = [note("Drug 0-5", key="a"), note("Drug 0-5", key="b")]
    report = score(gold, gold[:1], scorer="n2c2-2018")
    assert (report.documents, report.clean.documents) == (1, 2)
    strict = report.differences[0]
    assert (strict.measure, strict.official_f1, strict.clean_f1) == ("entities.strict", 1.0, 2 / 3)
    assert strict.why.startswith("gold documents without a prediction, 1 here, are skipped by the official rules")


def test_documents_empty_on_both_sides_explain_a_difference_in_means_alone(note):
    documents = [note("Drug 0-5", key="a"), note(key="b")]
    report = score(documents, documents, scorer="n2c2-2018")
    found = report.differences[0]
    assert found.measure == "entities.strict.macro.documents"
    assert (found.official_f1, found.clean_f1) == (0.5, 1.0)
    assert "documents empty on both sides count as 0" in found.why


def test_where_all_figures_agree_no_difference_is_listed(note):
    report = score(*sides(note), scorer="n2c2-2018")
    assert report.differences == ()
    assert "differ" not in report.to_markdown()


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
