"""The training loop: five notes learnt by heart, whole runs, stopping and resuming."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tiny import TINY_SCHEMA, tiny_backbone, tiny_notes, tiny_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span  # noqa: E402
from medspan.errors import CheckpointError, MissingExtraError  # noqa: E402
from medspan.inference import load  # noqa: E402
from medspan.models.checkpoint import read_config  # noqa: E402
from medspan.scoring import score  # noqa: E402
from medspan.training import loop, sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.evaluation import TuneScores, strict_scores  # noqa: E402
from medspan.training.loop import train  # noqa: E402


def note(
    id_: str,
    text: str,
    *mentions: tuple[str, str, dict[str, str]],
    relations: tuple[tuple[str, int, int], ...] = (),
    events: tuple[tuple[int, dict[str, int]], ...] = (),
) -> Document:
    """A note whose mentions are given by their words, "..." between fragments, and links by mention numbers."""
    entities = []
    for number, (label, words, attributes) in enumerate(mentions):
        fragments, at = [], 0
        for part in words.split("..."):
            at = text.index(part, at)
            fragments.append(Span(at, at + len(part)))
        values = tuple(Attribute(name, value) for name, value in attributes.items())
        entities.append(Entity(f"T{number}", label, tuple(fragments), values))
    return Document(
        id_,
        text,
        tuple(entities),
        tuple(Relation(f"R{n}", name, f"T{head}", f"T{tail}") for n, (name, head, tail) in enumerate(relations)),
        tuple(
            Event(f"E{n}", "Smoking", f"T{at}", tuple(Argument(role, f"T{target}") for role, target in filled.items()))
            for n, (at, filled) in enumerate(events)
        ),
    )


PRESENT, ABSENT = {"assertion": "present"}, {"assertion": "absent"}
FIVE = [
    note(
        "1",
        "Aspirin 81 mg for severe chest pain. Denies fever.",
        ("Drug", "Aspirin", {}),
        ("Dose", "81 mg", {}),
        ("Problem", "severe chest pain", PRESENT | {"severity": "severe"}),
        ("Problem", "pain", PRESENT),
        ("Problem", "fever", ABSENT),
        relations=(("dose-of", 1, 0), ("reason", 2, 0)),
    ),
    note(
        "2",
        "Arms and legs are swollen, no rash.",
        ("Problem", "Arms...swollen", PRESENT),
        ("Problem", "legs...swollen", PRESENT),
        ("Problem", "rash", ABSENT),
    ),
    note(
        "3",
        "He smokes one pack daily, quit in May.",
        ("Habit", "smokes", {}),
        ("Amount", "one pack daily", {}),
        ("Status", "quit", {}),
        events=((0, {"amount": 1, "status": 2}),),
    ),
    note(
        "4",
        "Lisinopril 10 mg and metformin 500 mg; lisinopril is the same as Zestril.",
        ("Drug", "Lisinopril", {}),
        ("Dose", "10 mg", {}),
        ("Drug", "metformin", {"severity": "mild"}),
        ("Dose", "500 mg", {}),
        ("Drug", "lisinopril", {}),
        ("Drug", "Zestril", {}),
        relations=(("dose-of", 1, 0), ("dose-of", 3, 2), ("same", 4, 5)),
    ),
    note(
        "5",
        "Former smoker and current vaper: smoking stopped, vaping now.",
        ("Habit", "smoker", {}),
        ("Habit", "vaper", {}),
        ("Status", "stopped", {}),
        ("Status", "now", {}),
        ("Habit", "smoking", {}),
        events=((0, {"status": 2}), (1, {"status": 3}), (4, {"status": 2})),
    ),
]


def test_five_notes_are_learnt_by_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: FIVE)
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    recipe = tiny_recipe(
        tiny_backbone(tmp_path / "backbone", [document.text for document in FIVE], hidden=64),
        heads={"tiny": {"schema": "tiny", "fragmented": True}},
        compose={},
        sources=[{"corpus": "five", "tune": False, "targets": [{"head": "tiny"}]}],
    )
    recipe["optimisation"] |= {"epochs": 100, "learning_rate": 2e-3, "head_learning_rate": 2e-3}
    train(Recipe.model_validate(recipe), tmp_path / "run", quiet=True)
    found = load(tmp_path / "run", engine="torch").annotate(FIVE)
    assert strict_scores(FIVE, found, TINY_SCHEMA) == {
        "entities": 1.0,
        "relations": 1.0,
        "triggers": 1.0,
        "arguments": 1.0,
        "assertion": 1.0,
        "severity": 1.0,
    }
    assert score(FIVE, found).to_dict()["entities"]["strict"]["micro"]["fp"] == 0
    losses = [sum(entry["loss"].values()) for entry in events(tmp_path / "run", "step")]
    assert losses[-1] < losses[0] / 4


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["event"] == kind]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [document.text for document in tiny_notes("medications", 20)]
    return tiny_backbone(tmp_path_factory.mktemp("backbone"), texts)


def short_recipe(backbone: Path, precision: str = "float32", **optimisation: Any) -> Recipe:
    recipe = tiny_recipe(
        backbone,
        sources=[
            {"corpus": "invented:medications", "count": 14, "targets": [{"head": "core", "mapping": "clin"}]},
            {"corpus": "invented:social", "count": 12, "repeat": 1.5, "targets": [{"head": "sdoh"}]},
        ],
        evaluation={"every": 1, "patience": 2},
    )
    recipe["optimisation"] |= {"epochs": 3, "batch_tokens": 400, "dropout": 0.2, "precision": precision, **optimisation}
    return Recipe.model_validate(recipe)


@pytest.fixture(scope="module")
def whole(backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An uninterrupted run in each precision."""
    runs = {}
    for precision in "float32", "bf16":
        runs[precision] = tmp_path_factory.mktemp("whole") / precision
        train(short_recipe(backbone, precision), runs[precision], quiet=True)
    return runs


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_the_files_of_a_checkpoint_and_its_state(whole: dict[str, Path]) -> None:
    state = {f"state/{name}" for name in ("weights.safetensors", "average.safetensors", "optimiser.safetensors")}
    checkpoint = {"config.json", "tokenizer.json", "model.safetensors", "backbone/config.json", "metrics.json"}
    last = {f"last/{name}" for name in checkpoint - {"metrics.json"}}
    assert files(whole["float32"]) == checkpoint | last | state | {"state/counters.json", "log.jsonl"}


def test_a_run_says_what_it_did(whole: dict[str, Path], backbone: Path) -> None:
    run = whole["float32"]
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["epochs"] == 3
    assert metrics["steps"] > 9
    assert set(metrics["tune"]["heads"]) == set(metrics["ceiling"]["heads"]) == {"core", "sdoh"}
    assert set(metrics["tune"]["heads"]["core"]) <= set(metrics["ceiling"]["heads"]["core"])
    assert metrics["ceiling"]["heads"]["core"]["entities"] > 0.9
    assert len(events(run, "tune")) == 3
    (told,) = events(run, "ceiling")
    assert set(told["lost"]) == {"invented:medications as core", "invented:social as sdoh"}
    assert told["tune"] == metrics["ceiling"]["heads"]
    config = read_config(run)
    assert Recipe.model_validate(config.recipe) == short_recipe(backbone)
    assert set(config.schemas) == {"core", "sdoh", "clinical"}
    assert config.default_schema == "clinical"
    assert set(config.versions) == {"medspan", "peft", "torch", "transformers", "tokenizers"}


def test_no_note_text_is_in_the_files_that_tell_of_a_run(whole: dict[str, Path]) -> None:
    words = {word for document in tiny_notes("medications", 14, seed=1) for word in document.text.split()}
    rare = {word for word in words if len(word) > 7 and word.isalpha()}
    told = "".join((whole["float32"] / name).read_text(encoding="utf-8") for name in ("log.jsonl", "metrics.json"))
    assert rare
    assert not [word for word in rare if word in told]


def test_the_same_seed_gives_the_same_weights(whole: dict[str, Path], backbone: Path, tmp_path: Path) -> None:
    train(short_recipe(backbone), tmp_path / "again", quiet=True)
    check_same_run(tmp_path / "again", whole["float32"])


COSTS = (
    "seconds",
    "cpu_seconds",
    "seconds_per_step",
    "cpu_seconds_per_step",
    "tokens_per_second",
    "peak_memory_bytes",
    "memory_growth_bytes",
)
"""What differs from one run to the next."""


def check_same_run(run: Path, other: Path) -> None:
    for name in "model.safetensors", *(f"state/{part}.safetensors" for part in ("weights", "average", "optimiser")):
        found, expected = load_file(run / name), load_file(other / name)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert read_config(run) == read_config(other)
    metrics = [json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in (run, other)]
    for found in metrics:
        for point in found["curve"]:
            del point["cpu_seconds"]
        for name in COSTS:
            del found[name]
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_run_that_was_killed_and_resumed_ends_as_if_it_never_stopped(
    precision: str, whole: dict[str, Path], backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop.Stepper.step

    def dying(stepper: Any, number: int, total: int, batches: Any) -> Any:
        if number > total / 2:
            raise KeyboardInterrupt
        return step(stepper, number, total, batches)

    recipe = short_recipe(backbone, precision)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop.Stepper, "step", dying)
        train(recipe, tmp_path / "run", quiet=True)
    train(recipe, tmp_path / "run", resume=True, quiet=True)
    check_same_run(tmp_path / "run", whole[precision])


def test_a_loaded_run_scores_what_training_said(whole: dict[str, Path]) -> None:
    from medspan.training.evaluation import score_tune
    from medspan.training.setup import prepare
    from medspan.training.sources import gather

    run = whole["bf16"]
    config = read_config(run)
    extractor = load(run)
    recipe = Recipe.model_validate(config.recipe)
    material = gather(recipe, prepare(recipe).task, config.layouts)
    scores = score_tune(extractor, material.tune)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["tune"] == {"measure": scores.measure, "heads": scores.heads}


def patch_scores(monkeypatch: pytest.MonkeyPatch, measures: list[float]) -> None:
    given = iter(measures)
    monkeypatch.setattr(loop, "score_tune", lambda *_: TuneScores({"core": {"entities": next(given, 0.0)}}))


def test_a_run_stops_early_and_keeps_the_best_weights(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = short_recipe(backbone, epochs=6)
    patch_scores(monkeypatch, [0.1, 0.3, 0.2, 0.3, 0.0])
    metrics = train(recipe, tmp_path / "run", quiet=True)
    assert metrics["epochs"] == 4
    assert [entry["epoch"] for entry in events(tmp_path / "run", "early stop")] == [4]
    kept = load_file(tmp_path / "run" / "model.safetensors")
    last = load_file(tmp_path / "run" / "state" / "average.safetensors")
    assert any(not torch.equal(kept[name], value) for name, value in last.items())
    # Resuming a run that has stopped trains no further step.
    patch_scores(monkeypatch, [])
    again = train(recipe, tmp_path / "run", resume=True, quiet=True)
    assert (again["epochs"], again["steps"]) == (4, metrics["steps"])
    after = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(after[name], value) for name, value in kept.items())


def test_without_tune_documents_the_last_weights_are_kept(backbone: Path, tmp_path: Path) -> None:
    recipe = short_recipe(backbone, epochs=2)
    untuned = [source.model_copy(update={"tune": False}) for source in recipe.sources]
    metrics = train(recipe.model_copy(update={"sources": tuple(untuned)}), tmp_path / "run", quiet=True)
    assert metrics["tune"]["heads"] == {}
    kept = load_file(tmp_path / "run" / "model.safetensors")
    last = load_file(tmp_path / "run" / "state" / "average.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in last.items())


def test_where_tune_has_nothing_to_score_a_run_goes_on_and_keeps_its_last_weights(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "tune_ceiling", lambda *_: TuneScores({"core": {"entities": 0.0}}))
    patch_scores(monkeypatch, [])
    recipe = short_recipe(backbone, epochs=3)
    recipe = recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"patience": 1})})
    assert train(recipe, tmp_path / "run", quiet=True)["epochs"] == 3
    kept = load_file(tmp_path / "run" / "model.safetensors")
    last = load_file(tmp_path / "run" / "state" / "average.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in last.items())


def test_a_run_that_is_exported_as_well_is_scored_as_it_is_served(backbone: Path, tmp_path: Path) -> None:
    from medspan.training.evaluation import score_tune
    from medspan.training.setup import prepare
    from medspan.training.sources import gather

    recipe = short_recipe(backbone, epochs=2)
    recipe = recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"export": True})})
    metrics = train(recipe, tmp_path / "run", quiet=True)
    served = load(tmp_path / "run")
    assert type(served.annotator.encoder).__name__ == "OnnxEngine"
    material = gather(recipe, prepare(recipe).task, served.heads.layouts)
    assert score_tune(served, material.tune).measure == metrics["tune"]["measure"]
    in_torch = load(tmp_path / "run", engine="torch")
    assert score_tune(in_torch, material.tune).measure == pytest.approx(metrics["tune"]["measure"], abs=0.01)


def test_where_nothing_was_ever_right_the_last_weights_are_kept(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch_scores(monkeypatch, [])
    train(short_recipe(backbone, epochs=2), tmp_path / "run", quiet=True)
    kept = load_file(tmp_path / "run" / "model.safetensors")
    last = load_file(tmp_path / "run" / "state" / "average.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in last.items())


def test_a_missing_logger_is_told_before_anything_is_read(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    recipe = short_recipe(backbone)
    recipe = recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"loggers": ("mlflow",)})})
    with pytest.raises(MissingExtraError, match=r"medspan\[mlflow\]"):
        train(recipe, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_nothing_to_resume_from_is_said(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no complete state"):
        train(short_recipe(backbone), tmp_path / "run", resume=True, quiet=True)
