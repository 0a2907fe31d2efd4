"""Reports as Markdown, JSON and HTML."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from medspan.errors import ConfigError
from medspan.scoring import agreement, analyse, compare, score, write_report
from medspan.scoring.pages import (
    agreement_tables,
    analysis_tables,
    comparison_tables,
    html_page,
    report_format,
    report_text,
)
from medspan.scoring.render import markdown_tables

VOID = {"meta", "rect", "path"}


class Outline(HTMLParser):
    """Text and elements of a page; fails on elements that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = []
        self.words = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def outline(page):
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture
def sides(note):
    """Two notes with one mistake of most kinds."""
    text = "canary".ljust(100, "x")
    gold = [
        note("Drug 0-5", "Form 6-9", "Dose 20-30", "Drug 40-45", relations=("Form-Drug T2 T1",), key="n1", text=text),
        note("Drug 0-5", "Drug 6-9", "Dose 50-55", relations=("Dose-Drug T3 T1",), key="n2", text=text),
    ]
    predicted = [
        note("Drug 0-6", "Form 6-9", "Dose 20-24", "Dose 25-30", relations=("Form-Drug T2 T1",), key="n1", text=text),
        note("Drug 0-9", "Form 50-55", key="n2", text=text),
    ]
    return gold, predicted


@pytest.fixture
def scored(sides):
    return score(*sides, bootstrap=50), analyse(*sides)


def test_the_suffix_says_the_format(tmp_path, scored):
    report, analysis = scored
    for name, opening in (("r.md", "# Scores"), ("r.json", "{"), ("sub/r.HTML", "<!doctype html>")):
        write_report(report, analysis, tmp_path / name)
        assert (tmp_path / name).read_text("utf-8").startswith(opening)
    with pytest.raises(ConfigError, match=r"r\.pdf: a report is \.md, \.json or \.html"):
        write_report(report, analysis, tmp_path / "r.pdf")
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["r.HTML", "r.json", "r.md"]
    assert report_format(tmp_path / "r.markdown") == "md"


def test_json_holds_the_scores_the_label_intervals_and_the_mistakes(scored):
    report, analysis = scored
    data = json.loads(report_text(report, analysis, "json", resamples=50))
    assert data["scores"] == json.loads(json.dumps(report.to_dict()))
    assert data["mistakes"] == json.loads(json.dumps(analysis.to_dict()))
    low, high = data["label_intervals"]["entities.strict"]["Form"]
    assert low <= data["scores"]["entities"]["strict"]["labels"]["Form"]["f1"] <= high


def test_markdown_names_every_kind_of_mistake_with_examples_by_offset(scored):
    text = report_text(*scored, "md")
    assert "fn 6 = 1 boundary + 1 label + 1 missed + 1 split + 2 merged" in text
    assert "fp 5 = 1 boundary + 1 label + 2 split + 1 merged" in text
    assert "| n1 | Dose 20-30 | Dose 20-24; Dose 25-30 |" in text
    assert "| n1 | Form-Drug (Form 6-9, Drug 0-5) | Form-Drug (Form 6-9, Drug 0-6) |" in text


@pytest.mark.parametrize("to", ["md", "json", "html"])
def test_no_report_holds_a_word_of_a_note(scored, to):
    text = report_text(*scored, to)
    assert "canary" not in text
    assert "n1" in text


def test_the_page_is_well_formed_and_holds_scores_mistakes_and_confusions(scored):
    report, analysis = scored
    page = outline(html_page(report, analysis, resamples=50))
    words = " ".join(" ".join(page.words).split())
    assert f"{report.tally('entities.strict').micro.f1:.3f}" in words
    assert "fn 6 = 1 boundary + 1 label + 1 missed + 1 split + 2 merged" in words
    assert "Dose 20-24; Dose 25-30" in words
    assert report.basis in words
    titles = {attributes.get("title") for _, attributes in page.tags}
    assert "gold Dose, predicted Form: 1" in titles
    assert "gold Drug, predicted (none): 2" in titles
    spoken = {attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg"}
    assert any(re.fullmatch(r"F1 1\.000, 95 % interval \d\.\d{3} to 1\.000", s or "") for s in spoken)


def test_the_page_asks_for_nothing_and_runs_nothing(scored):
    page = html_page(*scored)
    tags = outline(page).tags
    assert {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert [a for _, attributes in tags for a in attributes if a in ("style", "src") or a.startswith("on")] == []
    policy = next(a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "url(" not in page and "@import" not in page


ATTACK = "<script>alert(1)</script>\"'&amp;|`"


def test_labels_ids_and_notes_of_markup_are_shown_as_they_are(note):
    text = "." * 20
    label = ATTACK.replace(" ", "")
    gold = [note(f"{label} 0-5", key=ATTACK, text=text)]
    report, analysis = score(gold, [d.bare() for d in gold]), analyse(gold, [d.bare() for d in gold])
    report = replace(report, notes=(ATTACK,))
    page = outline(html_page(report, analysis, title=ATTACK))
    assert "script" not in {tag for tag, _ in page.tags}
    words = [word.strip() for word in page.words]
    assert words.count(ATTACK) >= 5  # title, heading, row, example, note
    assert f"gold {ATTACK}, predicted (none): 1" in {a.get("title") for _, a in page.tags}
    markdown = report_text(report, analysis, "md")
    part = markdown[markdown.index("# Examples") :]
    assert "<script" not in part.replace("\\<", "")
    row = next(line for line in part.splitlines() if "alert" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 4


def test_a_report_without_analysis_or_documents_is_still_a_page(note):
    empty = score([], [])
    assert "0 documents" in " ".join(outline(html_page(empty)).words)
    assert outline(html_page(empty, analyse([], []))).open == []
    bare = score([note("Drug 0-5")], [note("Drug 0-5")])
    assert not [a for _, a in outline(html_page(bare)).tags if a.get("id") == "mistakes"]
    assert report_text(bare, None, "md") == bare.to_markdown()
    assert "mistakes" not in json.loads(report_text(bare, None, "json"))


def test_official_reports_show_their_basis_and_the_clean_measures_beside_them(note):
    gold, predicted = [note("Drug 0-3,8-12")], [note("Drug 0-12")]
    report = score(gold, predicted, scorer="n2c2-2018")
    words = " ".join(" ".join(outline(html_page(report)).words).split())
    assert report.basis in words
    assert report.differences and all(one.why in words for one in report.differences)
    assert "Clean measures of the same documents" in words


def test_the_same_input_gives_the_same_bytes(sides):
    for to in ("md", "json", "html"):
        texts = {
            report_text(score(gold, predicted, bootstrap=20), analyse(gold, predicted), to, resamples=20)
            for gold, predicted in (sides, tuple(side[::-1] for side in sides))
        }
        assert len(texts) == 1


def test_tables_show_the_numbers_of_what_they_are_made_from(sides):
    gold, predicted = sides
    compared = compare(gold, {"a": gold, "b": predicted}, n=20)
    (table,) = comparison_tables(compared)
    assert table.rows[0][:5] == ("a", "b", "1.000", f"{compared.rows[0].difference.f1_b:.3f}", "+0.846")
    agreed = agreement({"a": gold, "b": predicted})
    pairs, labels, others = agreement_tables(agreed)
    assert pairs.rows[0] == ("a and b", "2", f"{agreed.mean_f1('strict'):.3f}", f"{agreed.mean_f1('lenient'):.3f}")
    assert labels.rows[-1] == ("sets of labels", "", "", f"{agreed.alpha.overall:.3f}")
    assert others.rows[0][0].startswith("relations")
    kinds, *_, confusion = analysis_tables(analyse(gold, predicted))
    assert kinds.rows[-1] == ("all: fn, fp", "5", "6", "5")
    assert confusion.columns[-1] == "(none)"
    assert markdown_tables([kinds]).startswith("## mistakes in mentions\n\n| category |")


def test_undefined_alpha_is_said_in_words(note):
    tables = list(agreement_tables(agreement({"a": [note()], "b": [note()]})))
    assert tables[1].rows[-1][-1] == "undefined"
