"""What of an answer a corpus can judge, what the command line is given, and what the page says about it."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import compare
from cells import read_cell, write_cell
from comparisons import COMPARISONS, Part
from extraction import Run
from medspan.annotation import Argument, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.corpora import read, schema, write
from medspan.scoring import score
from page import met_and_missed, render
from tiny import tiny_notes

DIGEST = "0123456789abcdef" * 4


def clinical_answer() -> Document:
    """A medication, and an event that has a Drug for its trigger and a status for its argument."""
    entities = tuple(
        Entity(name, label, (Span(start, start + 3),))
        for name, label, start in (
            ("T1", "Drug", 0),
            ("T2", "Strength", 4),
            ("T3", "Drug", 8),
            ("T4", "StatusTime", 12),
        )
    )
    return Document(
        "a",
        "abc def ghi jkl",
        entities,
        relations=(Relation("R1", "Strength-Drug", "T2", "T1"),),
        events=(Event("E1", "Drug", "T3", (Argument("Status", "T4"),)),),
    )


def test_mentions_that_only_serve_events_are_not_judged_where_gold_has_no_events() -> None:
    seen = compare.view(clinical_answer(), schema("clin"), "clinical")
    assert [e.id for e in seen.entities] == ["T1", "T2"]
    assert len(seen.relations) == 1
    assert seen.events == ()


def test_mentions_outside_events_are_not_judged_where_gold_has_events_alone() -> None:
    seen = compare.view(clinical_answer(), schema("sdoh"), "clinical")
    assert [e.id for e in seen.entities] == ["T3", "T4"]
    assert len(seen.events) == 1
    assert seen.relations == ()


def test_an_answer_in_the_corpus_own_schema_is_judged_whole() -> None:
    answer = clinical_answer()
    assert compare.view(answer, schema("sdoh"), "sdoh") is answer


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """Cells of clin-mts: an answer that misses the last mention of each note, a baseline that finds one in two."""
    gold = [replace(note, metadata={}) for note in tiny_notes(n=12)]

    def invented(part: Part, labels: LabelSchema) -> list[Document]:
        return gold

    def answer(command: Sequence[str]) -> Run:
        notes, output = Path(command[2]), Path(command[4])
        given = read(notes, "jsonl").documents
        assert [(d.id, d.text) for d in given] == [(d.id, d.text) for d in gold]
        assert not any(d.entities for d in given)
        output.mkdir(parents=True, exist_ok=True)
        answered = [replace(d, entities=d.entities[:-1], relations=()) for d in gold]
        write(answered, output / "documents.jsonl", "jsonl")
        manifest = {"model": {"sha256": DIGEST, "engine": "none"}, "notes": {"read": 12, "done": 12, "quarantined": 0}}
        (output / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return Run(1.5, 1000)

    monkeypatch.setattr(compare, "gold_of", invented)
    monkeypatch.setattr(compare, "run_measured", answer)
    baseline = tmp_path / "baseline"
    halves = [replace(d.bare(), entities=d.entities[::2]) for d in gold]
    write([d.bare() for d in gold], baseline / "clin-mts-dev-seed2.jsonl", "jsonl")
    write(halves, baseline / "clin-mts-dev-seed1.jsonl", "jsonl")
    arguments = argparse.Namespace(
        output=tmp_path / "out", baseline=baseline, cells=tmp_path / "cells", options="", limit=0, model=str(tmp_path)
    )
    comparison = COMPARISONS["clin"]
    compare._measure(comparison, comparison.test[0], arguments)
    return arguments


def test_a_corpus_is_measured_through_the_command_line_and_beside_each_seed(measured: argparse.Namespace) -> None:
    cell = read_cell(measured.cells / "default-clin-mts.json")
    assert cell is not None
    counts = cell["report"]["entities"]["strict"]["micro"]
    assert (counts["fp"], counts["fn"]) == (0, 12)
    assert cell["model"]["sha256"] == DIGEST
    assert [d["seed"] for d in cell["differences"]] == [1, 2]
    assert cell["differences"][1]["f1_b"] == 0
    assert cell["differences"][0]["difference"] == pytest.approx(
        cell["differences"][0]["f1_a"] - cell["differences"][0]["f1_b"], abs=1e-4
    )


def test_the_page_holds_the_figures_of_the_cell_and_the_seed_that_is_hardest_to_beat(
    measured: argparse.Namespace,
) -> None:
    cell = read_cell(measured.cells / "default-clin-mts.json")
    assert cell is not None
    page = render(measured.cells)
    assert f"{cell['report']['entities']['strict']['micro']['f1']:.3f} (" in page
    assert f"{100 * cell['differences'][0]['difference']:+.1f} (" in page
    assert "self-consistency" in page
    assert "## Events" not in page
    assert DIGEST[:16] in page


def test_the_page_says_when_cells_come_from_different_models(measured: argparse.Namespace) -> None:
    cell = read_cell(measured.cells / "default-clin-mts.json")
    assert cell is not None
    assert "different models" not in render(measured.cells)
    write_cell(measured.cells / "default-clin-aci.json", {**cell, "model": {"name": "other", "sha256": "f" * 64}})
    assert "different models" in render(measured.cells)


def judged(gain: float, low: float) -> dict[str, Any]:
    difference = {"difference": gain, "interval": {"low": low, "high": gain + 0.02}}
    return {"differences": [difference, {**difference, "difference": gain + 0.5}]}


@pytest.mark.parametrize(("gain", "low", "is_met"), [(0.02, 0.001, True), (0.02, -0.001, False), (0.009, 0.004, False)])
def test_a_target_needs_the_gain_and_an_interval_above_zero(gain: float, low: float, is_met: bool) -> None:
    met, missed = met_and_missed({"chia": judged(gain, low)})
    assert any(sentence.startswith("Chia test: +") for sentence in (met if is_met else missed))
    assert not any(sentence.startswith("Chia test: +") for sentence in (missed if is_met else met))


def test_what_was_not_measured_counts_as_missed() -> None:
    met, missed = met_and_missed({})
    assert met == []
    assert sum("not measured" in sentence for sentence in missed) == len(missed) == 7


def test_speed_and_memory_are_judged_one_by_one() -> None:
    speed = {
        "extract": {"characters_per_second": 61_000.0, "peak_bytes": 800_000_000},
        "ratio": 2.9,
        "memory": {"growth": 1.05},
    }
    met, missed = met_and_missed({}, speed)
    assert [sentence.partition(":")[0] for sentence in met] == ["Speed", "Peak memory for ten times as many notes"]
    assert [sentence.partition(":")[0] for sentence in missed[-2:]] == ["Speed", "Peak memory"]


def test_main_and_sub_arguments_of_events_are_told_apart_by_the_dot(tmp_path: Path) -> None:
    gold = Document(
        "a",
        "abc def ghi jkl",
        tuple(Entity(f"T{i}", label, (Span(4 * i, 4 * i + 3),)) for i, label in enumerate(("Adverse_event", "X", "Y"))),
        events=(Event("E1", "Adverse_event", "T0", (Argument("Treatment", "T1"), Argument("Treatment.Drug", "T2"))),),
    )
    half = replace(gold, events=(replace(gold.events[0], arguments=gold.events[0].arguments[:1]),))
    cell = {
        "model": {"name": "m", "sha256": DIGEST},
        "report": score([gold], [half]).to_dict(),
        "differences": [],
        "schema_asked": "phee",
        "schema_scored": "phee",
        "hardware": "2 cores",
        "versions": {},
    }
    write_cell(tmp_path / "default-phee.json", cell)
    page = render(tmp_path)
    assert "| PHEE dev | main arguments by role | 1.000 | 1.000 |" in page
    assert "| PHEE dev | sub-arguments by role | 0.000 | 0.000 |" in page
