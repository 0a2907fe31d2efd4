"""`medspan evaluate`, `convert`, `corpora` and `models` on invented documents."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from medspan.corpora import read, write
from tiny import tiny_notes

Run = Callable[..., Result]


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Ten annotated notes, social histories among them."""
    path = tmp_path / "gold.jsonl"
    write([*tiny_notes("medications", 6), *tiny_notes("social", 4)], path, "jsonl")
    return path


@pytest.fixture
def clin(tmp_path: Path) -> Path:
    """Ten annotated notes of schema `clin`."""
    path = tmp_path / "clin.jsonl"
    write(tiny_notes("medications", 10), path, "jsonl")
    return path


def test_gold_against_itself_scores_one_in_the_documented_shape(run: Run, gold: Path) -> None:
    result = run("evaluate", "--gold", gold, "--predicted", gold, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["scorer"], report["documents"]) == ("strict", 10)
    for block in (
        report["entities"]["strict"],
        report["entities"]["lenient"],
        report["relations"]["end_to_end"]["strict"],
        report["events"]["triggers"]["strict"],
        report["events"]["arguments"]["strict"],
    ):
        assert set(block["micro"]) >= {"precision", "recall", "f1", "tp", "fp", "fn"}
        assert (block["micro"]["f1"], block["micro"]["fp"]) == (1.0, 0)
    assert report["entities"]["strict"]["labels"]["Drug"]["tp"] > 0
    assert "attributes" in report


def test_documents_missing_from_predicted_count_as_empty_and_are_named(run: Run, gold: Path, tmp_path: Path) -> None:
    kept = read(gold, "jsonl").documents
    write(kept[1:], tmp_path / "predicted.jsonl", "jsonl")
    result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "predicted.jsonl", "--json")
    report = json.loads(result.stdout)
    assert report["only_in_gold"] == [kept[0].id]
    assert report["entities"]["strict"]["micro"]["fn"] == len(kept[0].entities)


def test_the_output_folder_of_extract_can_be_scored_whatever_its_format(
    run: Run, model: Path, clin: Path, tmp_path: Path
) -> None:
    found = []
    for chosen in ("jsonl", "parquet", "brat"):
        out = tmp_path / chosen
        assert run("extract", clin, "-o", out, "--model", model, "--to", chosen).exit_code == 0
        result = run("evaluate", "--gold", clin, "--mapping", "clin", "--predicted", out, "--json")
        assert result.exit_code == 0, result.stderr
        found.append(json.loads(result.stdout)["entities"])
    assert found[0] == found[1] == found[2]
    assert found[0]["strict"]["micro"]["tp"] > 0


def test_a_mapping_of_gold_is_said_in_the_notes(run: Run, clin: Path) -> None:
    arguments = ("evaluate", "--gold", clin, "--predicted", clin, "--mapping", "clin")
    said = "gold mapped to schema 'clinical' by mapping 'clin'"
    assert said in json.loads(run(*arguments, "--json").stdout)["notes"]
    assert said in run(*arguments).stdout


def test_bootstrap_intervals_hold_the_figure(run: Run, gold: Path, tmp_path: Path) -> None:
    weak = [replace(d, entities=d.entities[::2], relations=(), events=()) for d in read(gold, "jsonl").documents]
    write(weak, tmp_path / "weak.jsonl", "jsonl")
    result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "weak.jsonl", "--bootstrap", 200, "--json")
    block = json.loads(result.stdout)["entities"]["strict"]
    low, high = block["intervals"]["f1"]
    assert low <= block["micro"]["f1"] <= high
    assert low < high


def test_labels_restrict_both_sides(run: Run, gold: Path) -> None:
    result = run("evaluate", "--gold", gold, "--predicted", gold, "--labels", "Drug,Strength", "--json")
    assert set(json.loads(result.stdout)["entities"]["strict"]["labels"]) == {"Drug", "Strength"}


def test_the_table_shows_measures_and_can_leave_labels_out(run: Run, gold: Path) -> None:
    arguments = ("evaluate", "--gold", gold, "--predicted", gold)
    assert "Strength" in run(*arguments).stdout
    short = run(*arguments, "--no-by-label").stdout
    assert "entities strict" in short
    assert "Strength" not in short


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"--gold": "nowhere"}, 1, "nowhere: there is no such file or folder"),
        ({"--gold": "corpus:phe:dev"}, 2, "did you mean 'phee'?"),
        ({"--gold": "corpus:phee"}, 2, "name a split, as in corpus:phee:train"),
        ({"--gold": "corpus:phee:test"}, 2, "unknown split of phee 'test'"),
        ({"--scorer": "strickt"}, 2, "did you mean 'strict'?"),
        ({"--schema": "clinicel"}, 2, "did you mean 'clinical'?"),
        ({"--mapping": "clim"}, 2, "did you mean 'clin'?"),
        ({"--format": "bart"}, 2, "did you mean 'brat'?"),
    ],
)
def test_wrong_arguments_of_evaluate_say_what_is_right(
    run: Run, gold: Path, changes: dict[str, str], code: int, said: str
) -> None:
    options = {"--gold": str(gold), "--predicted": str(gold)} | changes
    result = run("evaluate", *(part for pair in options.items() for part in pair))
    assert said in result.stderr
    assert (result.exit_code, result.stderr.count("\n")) == (code, 1)


def test_texts_that_differ_are_refused_by_id(run: Run, gold: Path, tmp_path: Path) -> None:
    first, *others = read(gold, "jsonl").documents
    write([replace(first.bare(), text="zebrafinch"), *others], tmp_path / "p.jsonl", "jsonl")
    result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "p.jsonl")
    assert result.exit_code == 1
    assert first.id in result.stderr
    assert "zebrafinch" not in result.stderr


def test_a_catalogued_corpus_is_restricted_to_its_schema(run: Run, corpora_folder: Path, tmp_path: Path) -> None:
    from medspan.corpora import load_corpus

    write(load_corpus("sdoh-mts", "dev"), tmp_path / "p.jsonl", "jsonl")
    result = run("evaluate", "--gold", "corpus:sdoh-mts:dev", "--predicted", tmp_path / "p.jsonl", "--json")
    report = json.loads(result.stdout)
    assert report["events"]["triggers"]["strict"]["micro"]["f1"] == 1.0
    assert "both sides restricted to the schema of sdoh-mts" in report["notes"]


def test_help_lists_every_scorer(run: Run) -> None:
    from medspan.scoring import SCORERS

    words = run("evaluate", "--help").stdout.replace(",", " ").replace(".", " ").split()
    assert set(SCORERS) <= set(words)


def test_official_scores_come_with_their_basis_and_the_clean_ones(run: Run, gold: Path, tmp_path: Path) -> None:
    documents = read(gold, "jsonl").documents
    twice = [replace(d, entities=(*d.entities, *(replace(e, id=f"X{e.id}") for e in d.entities))) for d in documents]
    write(twice, tmp_path / "predicted.jsonl", "jsonl")
    arguments = ("evaluate", "--gold", gold, "--predicted", tmp_path / "predicted.jsonl", "--scorer", "n2c2-2018")
    report = json.loads(run(*arguments, "--json").stdout)
    assert report["basis"] == "follows the published script"
    assert report["clean"]["scorer"] == "strict"
    assert report["clean"]["entities"]["strict"]["micro"]["f1"] == pytest.approx(2 / 3)
    assert report["entities"]["strict"]["micro"]["f1"] == 1.0
    found = {d["measure"]: d for d in report["differences"]}["entities.strict"]
    assert (found["official_f1"], found["clean_f1"]) == (1.0, pytest.approx(2 / 3))
    shown = " ".join(run(*arguments).stdout.split())
    assert "follows the published script" in shown
    assert f"differs: entities.strict: F1 1.000 officially, 0.667 clean (entities.strict): {found['why']}" in shown


def test_converting_there_and_back_keeps_documents(run: Run, gold: Path, tmp_path: Path) -> None:
    assert run("convert", gold, tmp_path / "brat", "--to", "brat").exit_code == 0
    assert run("convert", tmp_path / "brat", tmp_path / "p", "--from", "brat", "--to", "parquet").exit_code == 0
    back = run("convert", tmp_path / "p", tmp_path / "back.jsonl", "--from", "parquet")
    assert back.exit_code == 0, back.stderr
    assert "10 documents written" in back.stdout and "read as parquet" in back.stdout
    expected = {d.id: d for d in read(gold, "jsonl").documents}
    assert {d.id: d for d in read(tmp_path / "back.jsonl", "jsonl").documents} == expected


def test_converting_says_what_was_skipped_and_what_has_no_place(run: Run, gold: Path, tmp_path: Path) -> None:
    gold.write_text(gold.read_text("utf-8") + '{"id": "bad"}\n', "utf-8")
    refused = run("convert", gold, tmp_path / "txt", "--to", "text")
    assert refused.exit_code == 1
    assert "format text would lose" in refused.stderr
    assert not (tmp_path / "txt").exists()
    result = run("convert", gold, tmp_path / "txt", "--to", "text", "--lossy")
    assert result.exit_code == 3
    assert "line 11: skipped" in result.stderr
    assert "entities: no place for annotations" in result.stderr
    assert "1 skipped" in result.stdout
    assert "entities lost" in result.stdout


def test_converting_does_not_replace_unasked(run: Run, gold: Path) -> None:
    before = gold.read_bytes()
    assert run("convert", gold, gold).exit_code == 2
    assert gold.read_bytes() == before


def test_a_format_that_the_name_does_not_tell_is_asked_for(run: Run, gold: Path, tmp_path: Path) -> None:
    result = run("convert", gold, tmp_path / "x.dat")
    assert (result.exit_code, "say it with --to" in result.stderr) == (2, True)
    assert "bioc-json" in result.stderr


def test_columns_and_json_lines_are_told_by_the_suffix_of_the_file_to_write(
    run: Run, gold: Path, tmp_path: Path
) -> None:
    for name in ("x.ndjson.gz", "x.tsv", "x.conll"):
        assert run("convert", gold, tmp_path / name, "--lossy").exit_code == 0
        assert len(read(tmp_path / name).documents) == 10


def test_the_help_of_convert_names_every_format(run: Run) -> None:
    from medspan.apps.documents import writable_formats

    told = "".join(run("convert", "--help").stdout.split())
    listed = told.partition("Formats:")[2].partition(",whichcan")[0].replace("and", "")
    assert sorted(listed.split(",")) == writable_formats()


def test_a_folder_without_a_file_of_the_format_is_told(run: Run, gold: Path, tmp_path: Path) -> None:
    result = run("convert", gold.parent, tmp_path / "x.jsonl", "--from", "conll")
    assert (result.exit_code, "no document was found" in result.stderr) == (0, True)


def test_corpora_are_listed_with_their_licence(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from medspan.corpora import corpus_names

    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("corpora", "list").stdout
    assert all(name in shown for name in corpus_names())
    assert "CC BY 4.0" in shown
    assert " yes " not in shown


def test_a_corpus_that_is_not_here_is_described_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path))
    result = run("corpora", "show", "chia")
    assert result.exit_code == 0
    assert "medspan corpora get chia" in result.stdout
    assert "known flaw" in result.stdout


def test_problems_of_a_corpus_are_counted(run: Run, corpora_folder: Path) -> None:
    result = run("corpora", "show", "maccrobat", "--problems")
    assert result.exit_code == 0, result.stderr
    assert "repaired" in result.stdout


def test_getting_from_a_mirror_that_has_nothing_fails_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEDSPAN_DATA", str(tmp_path / "data"))
    result = run("corpora", "get", "phee", "--mirror", tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "the mirror holds no phee/" in result.stderr


def test_invented_notes_repeat_with_their_seed(run: Run, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        made = run("corpora", "invent", "--schema", "notes", "-n", 4, "--seed", seed, "-o", tmp_path / f"{name}.jsonl")
        assert made.exit_code == 0, made.stderr
    a, b, c = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert a == b != c
    assert len(read(tmp_path / "a.jsonl", "jsonl").documents) == 4


def test_a_model_is_shown_with_labels_and_definitions(run: Run, model: Path) -> None:
    from medspan.corpora import schema

    shown = run("models", "show", model, "--schema", "clinical").stdout
    problem = next(e for e in schema("clinical").entities if e.name == "Problem")
    assert f"Problem: {problem.definition}" in shown
    assert "exported: needs no torch" in shown
    wrong = run("models", "show", model, "--schema", "x")
    assert wrong.exit_code == 2


def test_models_are_listed(run: Run) -> None:
    from medspan.inference import bundled_models

    result = run("models", "list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in bundled_models() or ["no model is bundled"])


def test_the_digest_of_a_model_changes_with_its_weights(model: Path, tmp_path: Path) -> None:
    import shutil

    from medspan.apps.models import model_digest

    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    assert model_digest(copy) == model_digest(model)
    (copy / "README.md").write_text("changed", "utf-8")
    assert model_digest(copy) == model_digest(model)
    with (copy / "heads.safetensors").open("ab") as file:
        file.write(b"\0")
    assert model_digest(copy) != model_digest(model)
