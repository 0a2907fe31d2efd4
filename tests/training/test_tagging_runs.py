"""Tagging in whole runs: five notes learnt by heart, saved, loaded, and read in any order."""

from pathlib import Path
from typing import Any

import pytest

from tiny import TINY_SCHEMA, tiny_backbone, tiny_recipe

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Span  # noqa: E402
from medspan.inference import load  # noqa: E402
from medspan.models.checkpoint import read_config  # noqa: E402
from medspan.training import sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.evaluation import strict_scores  # noqa: E402
from medspan.training.loop import train  # noqa: E402


def note(name: str, text: str, *mentions: tuple[str, str, str], events: tuple[tuple[int, ...], ...] = ()) -> Document:
    """A note whose mentions are label, words and assertion or severity; events are mention numbers, trigger first."""
    entities = []
    for number, (label, words, value) in enumerate(mentions):
        at = text.index(words)
        values = [Attribute("assertion", value or "present")] if label == "Problem" else []
        if label == "Drug" and value:
            values.append(Attribute("severity", value))
        entities.append(Entity(f"T{number}", label, (Span(at, at + len(words)),), tuple(values)))
    role = {"Status": "status", "Amount": "amount"}
    filled = (
        Event(
            f"E{number}",
            "Smoking",
            f"T{trigger}",
            tuple(Argument(role[mentions[at][0]], f"T{at}") for at in targets),
        )
        for number, (trigger, *targets) in enumerate(events)
    )
    return Document(name, text, tuple(entities), events=tuple(filled))


FIVE = [
    note(
        "1",
        "Aspirin 81mg for severe chest pain. Denies fever.",
        ("Drug", "Aspirin", ""),
        ("Dose", "81mg", ""),
        ("Problem", "severe chest pain", ""),
        ("Problem", "fever", "absent"),
    ),
    note(
        "2",
        "No rash; stopped lisinopril allergy.",
        ("Problem", "rash", "absent"),
        ("Problem", "lisinopril allergy", ""),
        ("Drug", "lisinopril", "mild"),
    ),
    note(
        "3",
        "He smokes one pack daily, quit in May.",
        ("Habit", "smokes", ""),
        ("Amount", "one pack daily", ""),
        ("Status", "quit", ""),
        events=((0, 1, 2),),
    ),
    note(
        "4",
        "Lisinopril 10 mg, metformin 500 mg, Zestril.",
        ("Drug", "Lisinopril", ""),
        ("Dose", "10 mg", ""),
        ("Drug", "metformin", "mild"),
        ("Dose", "500 mg", ""),
        ("Drug", "Zestril", ""),
    ),
    note(
        "5",
        "Former vaper now clean. Smoking since May, current.",
        ("Habit", "vaper", ""),
        ("Status", "clean", ""),
        ("Habit", "Smoking", ""),
        ("Status", "current", ""),
        events=((0, 1), (2, 3)),
    ),
]


@pytest.mark.parametrize(
    "options",
    [{}, {"crf": True, "pieces": "all"}],
    ids=["tokens", "crf"],
)
def test_five_notes_are_learnt_by_heart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: FIVE)
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    recipe = tiny_recipe(
        tiny_backbone(tmp_path / "backbone", [document.text for document in FIVE], hidden=64),
        formulation="tagging",
        tagging=options,
        heads={"tiny": {"schema": "tiny"}},
        compose={},
        sources=[{"corpus": "five", "tune": False, "targets": [{"head": "tiny"}]}],
    )
    recipe["optimisation"] |= {"epochs": 60, "learning_rate": 3e-3, "head_learning_rate": 3e-3}
    train(Recipe.model_validate(recipe), tmp_path / "run", quiet=True)
    layers = read_config(tmp_path / "run").options["layers"]["tiny"]
    assert len(layers) == 2  # an allergy holds the name of a drug
    assert not any({"Drug", "Problem"} <= set(labels) for labels in layers)
    extractor = load(tmp_path / "run", engine="torch")
    found = extractor.annotate(FIVE)
    assert strict_scores(FIVE, found, TINY_SCHEMA) == {
        "entities": 1.0,
        "triggers": 1.0,
        "arguments": 1.0,
        "assertion": 1.0,
        "severity": 1.0,
    }
    # Neither order nor neighbours change an answer.
    assert extractor.annotate(FIVE[::-1])[::-1] == found
    assert [extractor.annotate([document])[0] for document in FIVE] == found
