"""A study's page, from invented cells: figures, differences, files for other programs, plots."""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medspan.errors import ConfigError, FormatError
from medspan.scoring.bootstrap import difference
from medspan.scoring.counts import Counts
from medspan.scoring.render import Table
from medspan.studies import Study, expand, survey
from medspan.studies.keeping import asked, asked_hash, cell_file, pace, read_kept, write_kept
from medspan.studies.report import write_report
from medspan.studies.report.files import csv_text, latex_escaped, latex_table
from medspan.studies.report.rows import Row, is_rising, rows, student
from medspan.studies.report.significance import answer
from studies.tiny_study import tiny_study

MEASURES = ["entities.strict", "entities.lenient", "relations.end_to_end.strict"]
N_UNITS = 40


def invented(**changes: Any) -> Study:
    axes = {
        "formulation": {
            "tagging": {"formulation": "tagging"},
            "pair": {"formulation": "pair_classification", "entities": {"cell": {"formulation": "tagging"}}},
        },
        "strategy": {"full": {}, "p-tuning": {"strategy": "p-tuning"}, "lora": {"strategy": "lora"}},
        "seed": {str(seed): {"seed": seed} for seed in (1, 2, 3)},
    }
    group = {
        "title": "Ward_notes",
        "axes": axes,
        "leave_out": [
            {"where": {"strategy": "p-tuning", "seed": [2, 3]}},
            {"where": {"strategy": "p-tuning", "formulation": "pair"}, "because": "too | dear"},
        ],
        "score": {"documents": "ward:dev", "measures": MEASURES},
        "compare": [
            {"axis": "strategy", "baseline": "full"},
            {"axis": "formulation", "baseline": "tagging", "where": {"strategy": "full"}, "measure": MEASURES[2]},
        ],
    }
    study = tiny_study(group=group, preface="These runs are invented.", notes="## Notes\n\nNone.", exchanges=500)
    return Study.model_validate(study | changes)


def keep(study: Study, cells: Path, skill: Mapping[str, float], leave: str = "") -> None:
    """Keep a cell with made-up counts for every cell of the study; `skill` is the share found, by strategy."""
    by_name = {cell.name: cell for cell in expand(study)}
    for cell in by_name.values():
        if leave and re.fullmatch(leave, cell.name):
            continue
        rng = np.random.default_rng([*cell.name.encode()])
        demanded = asked(study, cell)
        counts: dict[str, list[list[int]]] = {}
        metrics: dict[str, Any] = {}
        for measure, harder in zip(MEASURES, (0.0, -0.1, 0.2), strict=True):
            gold = np.full(N_UNITS, 10)
            tp = rng.binomial(gold, skill[cell.values["strategy"]] - harder)
            fp = rng.binomial(gold, 0.1)
            counts[measure] = [tp.tolist(), fp.tolist(), (gold - tp).tolist()]
            place = metrics
            for part in measure.split("."):
                place = place.setdefault(part, {})
            place["micro"] = Counts(int(tp.sum()), int(fp.sum()), int((gold - tp).sum())).to_dict()
        is_pair = cell.values["formulation"] == "pair"
        write_kept(
            cell_file(cells, study, cell.name),
            {
                "cell": cell.name,
                "asked": demanded,
                "asked_hash": asked_hash(demanded),
                "pace": pace(demanded),
                "needs": {name: asked_hash(asked(study, by_name[name])) for name in cell.needs},
                "metrics": metrics,
                "counts": counts,
                **({"given_entities": {"metrics": metrics, "counts": counts}} if is_pair else {}),
                "ceiling": dict.fromkeys(MEASURES, 0.95),
                "training": {
                    "steps": 300,
                    "steps_allowed": 300,
                    "epochs": 4,
                    "trainable": 22_000_000 if cell.values["strategy"] == "full" else 150_000,
                    "parameters": 22_150_000,
                    "peak_memory_bytes": 900_000_000,
                    "memory_growth_bytes": 300_000_000,
                    "cpu_seconds_per_step": 1.5,
                    "cpu_seconds": 590.0,
                    "curve": [{"step": 60 * (i + 1), "measure": 0.2 + 0.1 * i} for i in range(5)],
                },
                "hardware": "2 cores",
                "threads": 1,
                "data": {"ward:train": {"documents": 30}, "ward:dev": {"documents": N_UNITS}},
            },
        )


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cells")
    keep(invented(), folder, {"full": 0.8, "lora": 0.78, "p-tuning": 0.4}, leave="ward-pair-lora-seed3")
    return folder


def found_rows(cells: Path) -> list[Row]:
    study = invented()
    return rows(study.groups[0], survey(study, cells))


def test_seeds_stand_together_in_the_order_of_the_axes(cells: Path) -> None:
    found = found_rows(cells)
    assert [(row.name, len(row.cells)) for row in found] == [
        ("tagging, full", 3),
        ("tagging, p-tuning", 1),
        ("tagging, lora", 3),
        ("pair, full", 3),
        ("pair, lora", 2),
    ]


def test_a_figure_is_the_mean_over_seeds_with_both_kinds_of_interval(cells: Path) -> None:
    row = found_rows(cells)[0]
    each = [cell["metrics"]["entities"]["strict"]["micro"]["f1"] for cell in row.cells.values()]
    figure = row.figure("entities.strict", 200)
    assert figure is not None
    assert figure.mean == pytest.approx(sum(each) / 3, abs=1e-4)
    assert figure.half == pytest.approx(student(each), abs=1e-4)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.mean < figure.high
    assert row.figure("events.arguments.strict", 200) is None


def test_the_interval_over_seeds_is_students(cells: Path) -> None:
    assert student([0.5]) is None
    # mean 0.6, deviation 0.1, t of two degrees of freedom 4.303
    assert student([0.5, 0.6, 0.7]) == pytest.approx(4.303 * 0.1 / 3**0.5)


def test_a_curve_rises_when_its_end_is_clearly_its_best() -> None:
    def curve(*measures: float) -> list[dict[str, float]]:
        return [{"step": i, "measure": measure} for i, measure in enumerate(measures)]

    assert is_rising(curve(0.1, 0.5, 0.55))
    assert not is_rising(curve(0.1, 0.5, 0.501))
    assert not is_rising(curve(0.1, 0.6, 0.55))
    assert not is_rising(curve(0.5))


def test_differences_take_common_seeds_document_by_document_and_correct_for_their_number(cells: Path) -> None:
    study = invented()
    found = answer(study.groups[0].compare[0], found_rows(cells), exchanges=500)
    assert [(one.row.name, one.baseline.name, one.seeds) for one in found.rows] == [
        ("tagging, p-tuning", "tagging, full", 1),
        ("tagging, lora", "tagging, full", 3),
        ("pair, lora", "pair, full", 2),
    ]
    worst = found.rows[0]
    lists = [np.array(side.cells["1"]["counts"]["entities.strict"]).T for side in (worst.row, worst.baseline)]
    assert worst.difference == difference("entities.strict", lists[0], lists[1], n=500)
    assert worst.p_adjusted == pytest.approx(3 * worst.difference.p_randomization)
    assert worst.p_adjusted < 0.05 < min(one.p_adjusted for one in found.rows[1:])


def test_cells_that_were_scored_on_other_documents_are_not_compared(tmp_path: Path) -> None:
    study = invented()
    keep(study, tmp_path, {"full": 0.8, "lora": 0.78, "p-tuning": 0.4}, leave="")
    comparison = study.groups[0].compare[0]
    before = answer(comparison, rows(study.groups[0], survey(study, tmp_path)), exchanges=50)
    path = cell_file(tmp_path, study, "ward-tagging-lora-seed1")
    data = {"ward:dev": {"documents": N_UNITS, "sha256": "of another release"}}
    write_kept(path, {**read_kept(path), "data": data})
    after = answer(comparison, rows(study.groups[0], survey(study, tmp_path)), exchanges=50)
    gone = {one.row.name for one in before.rows} - {one.row.name for one in after.rows}
    assert gone == {"tagging, lora"}


def test_the_page_has_its_parts_in_order(cells: Path, tmp_path: Path) -> None:
    written = write_report(invented(), cells, tmp_path, page="wards.md", plots=False)
    page = written.page.read_text(encoding="utf-8")
    assert (written.finished, written.planned) == (12, 13)
    assert page.splitlines()[:3] == ["# tiny", "", "These runs are invented."]
    assert re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE) == [
        "tiny",
        "What was run",
        r"Ward\_notes",
        r"Ward\_notes: F1",
        r"Ward\_notes: F1 where the entities are given",
        r"Ward\_notes: cost",
        r"Ward\_notes: strategy against full, entities strict F1",
        r"Ward\_notes: formulation against tagging, strategy full, relations end to end strict F1",
        "Cells that are not here",
        "Left out of the grid",
        "Notes",
    ]
    table = page.partition(r"### Ward\_notes: F1")[2].strip().splitlines()
    assert table[0] == (
        "| formulation | strategy | seeds | entities strict F1 | entities lenient F1 "
        "| relations end to end strict F1 | ceilings |"
    )
    figure = r"0\.\d{3} ± 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)"
    assert re.fullmatch(rf"\| tagging \| full \| 3 (\| {figure} ){{3}}\| 0\.950 / 0\.950 / 0\.950 \|", table[2])
    assert re.match(r"\| tagging \| p-tuning \| 1 \| 0\.\d{3} \(0\.", table[3])
    assert "| 22,000,000 | 99.32 % | 900 MB | 300 MB | 1.50 | 300 | 4.0 | 9.8 | 3 of 3 |" in page
    assert "| ward:train (30) | ward:dev (40) | 1, 2, 3 | 5 | 12 of 13 | 2 cores; threads used: 1 |" in page
    assert "Missing: ward-pair-lora-seed3." in page
    assert r"| ward-pair-p-tuning-seed1 | too \| dear |" in page


def test_what_a_formulation_cannot_say_is_a_dash_and_no_difference(tmp_path: Path) -> None:
    study = invented()
    keep(study, tmp_path, {"full": 0.8, "lora": 0.78, "p-tuning": 0.4})
    for path in (tmp_path / "tiny").glob("ward-tagging-*.json"):
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept["ceiling"][MEASURES[2]] = 0.0
        write_kept(path, kept)
    page = write_report(study, tmp_path, tmp_path, plots=False).page.read_text(encoding="utf-8")
    first = next(line for line in page.splitlines() if line.startswith("| tagging | full"))
    assert first.endswith(" | – | 0.950 / 0.950 / 0.000 |")
    assert "formulation against tagging" not in page


def test_a_stale_cell_is_listed_and_in_no_table(cells: Path, tmp_path: Path) -> None:
    changed = invented(budget=7)
    written = write_report(changed, cells, tmp_path, plots=False)
    assert written.finished == 0
    page = written.page.read_text(encoding="utf-8")
    assert "| ward-tagging-full-seed1 | changed since: budget |" in page
    assert "0.950" not in page


def test_tables_come_as_csv_with_plain_numbers(cells: Path, tmp_path: Path) -> None:
    write_report(invented(), cells, tmp_path, plots=False)
    with (tmp_path / "tiny" / "ward.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["formulation"], line["strategy"], line["seeds"]) for line in lines][:2] == [
        ("tagging", "full", "3"),
        ("tagging", "p-tuning", "1"),
    ]
    figure = found_rows(cells)[0].figure("entities.strict", 50)
    assert figure is not None
    assert float(lines[0]["entities.strict.f1"]) == pytest.approx(figure.mean, rel=1e-5)
    assert lines[1]["entities.strict.over_seeds"] == ""
    assert lines[0]["given_entities.relations.end_to_end.strict.f1"] == ""
    assert float(lines[3]["given_entities.relations.end_to_end.strict.f1"]) > 0
    assert (lines[0]["trainable"], lines[0]["cpu_seconds_per_step"]) == ("22000000", "1.5")


def test_tables_come_as_latex_with_marks_escaped(cells: Path, tmp_path: Path) -> None:
    write_report(invented(), cells, tmp_path, plots=False)
    names = {path.name for path in (tmp_path / "tiny").glob("*.tex")}
    assert names == {f"ward-{k}.tex" for k in ("f1", "given", "cost", "differences-1", "differences-2")}
    text = (tmp_path / "tiny" / "ward-f1.tex").read_text(encoding="utf-8")
    assert r"\caption{Ward\_notes: F1}" in text
    assert r"\begin{tabular}{llrrrrr}" in text
    assert [line for line in text.splitlines() if line.startswith(r"\t") or "rule" in line] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]
    row = next(line for line in text.splitlines() if line.startswith("tagging & full"))
    assert row.endswith(r" \\")
    assert row.count("&") == 6
    assert r"$\pm$" in row


def test_every_mark_of_latex_is_escaped() -> None:
    assert latex_escaped("a_b & 5 % {x} ~ ^ \\ # $ < |") == (
        r"a\_b \& 5 \% \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \# \$ \textless{} \textbar{}"
    )
    assert latex_table(Table("t", ("a", "b"), (("x", "1"),)), "l").splitlines()[6:10] == [
        r"a & b \\",
        r"\midrule",
        r"x & 1 \\",
        r"\bottomrule",
    ]
    assert csv_text([{"a": 1.0, "b": None}, {"a": 0.123456789, "c": "x,y"}]) == 'a,b,c\n1,,\n0.123457,,"x,y"\n'


def test_plots_show_every_row_and_are_the_same_each_time(cells: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first = write_report(invented(), cells, tmp_path / "one")
    write_report(invented(), cells, tmp_path / "two")
    page = first.page.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^]]+\]\((\S+)\)", page)
    assert pictures == ["tiny/ward-f1.svg", "tiny/ward-curves.svg", "tiny/ward-parameters.svg"]
    for picture in pictures:
        svg = (tmp_path / "one" / picture).read_text(encoding="utf-8")
        assert svg == (tmp_path / "two" / picture).read_text(encoding="utf-8")
        assert (tmp_path / "one" / picture).with_suffix(".png").stat().st_size > 5000


def test_without_matplotlib_the_page_has_no_plots_and_says_so(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    written = write_report(invented(), cells, tmp_path)
    assert "medspan[study]" in written.notes[0]
    assert "![" not in written.page.read_text(encoding="utf-8")


def test_a_page_has_a_plain_name(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.md"):
        write_report(invented(), cells, tmp_path, page="../page.md")


def test_a_kept_cell_is_small_and_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = {
        "asked": {},
        "asked_hash": "x",
        "metrics": {"f1": 0.123456789, "rate": 3e-7},
        "training": {},
        "counts": {f"m{i}": [[9] * 1000] * 3 for i in range(7)},
    }
    write_kept(tmp_path / "a" / "cell.json", kept)
    assert (tmp_path / "a" / "cell.json").stat().st_size < 60_000
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["cell.json"]
    assert read_kept(tmp_path / "a" / "cell.json") == {**kept, "metrics": {"f1": 0.12346, "rate": 3e-7}}
    assert read_kept(tmp_path / "none.json") is None


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"asked": 1})])
def test_a_file_that_is_no_kept_cell_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cell.json").write_text(content, encoding="utf-8")
    with pytest.raises(FormatError, match="delete it to run the cell again"):
        read_kept(tmp_path / "cell.json")
