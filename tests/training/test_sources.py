"""Sources to rows: what is trained on, kept apart, left out and lost; and the ceiling of what is kept apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tiny import TINY_SCHEMA, tiny_notes, tiny_recipe, tiny_tokenizer

pytest.importorskip("torch")

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span
from medspan.corpora import schema, tune_split
from medspan.errors import ConfigError, UnknownNameError
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import FRAGMENT, Layout
from medspan.training import sources
from medspan.training.ceiling import tune_ceiling
from medspan.training.config import Recipe
from medspan.training.evaluation import strict_scores
from medspan.training.setup import build_task
from medspan.training.sources import TuneSet, build_layouts, gather
from medspan.training.tasks import Setting
from medspan.training.tasks.joint import JointTask

TEXT = "aspirin 81 mg for chest pain. he smokes daily."
TOKENIZER = TextTokenizer(tiny_tokenizer([TEXT, *(note.text for note in tiny_notes("social", 20))]))
PRESENT = (Attribute("assertion", "present"),)
LAYOUT = Layout(TINY_SCHEMA, ("Problem",))


def note(id_: str, text: str = TEXT, **metadata: Any) -> Document:
    return Document(id_, text, (Entity("T1", "Drug", (Span(0, 7),)),), metadata=metadata)


def recipe(*parts: dict[str, Any], **changes: Any) -> Recipe:
    changes = {"heads": {"core": {"schema": "clinical", "without_events": True}}, "compose": {}} | changes
    return Recipe.model_validate(tiny_recipe(Path("nowhere"), sources=list(parts), **changes))


def gathered(recipe: Recipe) -> sources.Material:
    layouts = build_layouts(recipe)
    size = WindowSize(recipe.window.budget, recipe.window.overlap)
    return gather(recipe, build_task(recipe, TOKENIZER, layouts, size), layouts)


@pytest.fixture
def corpora(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[Document]]:
    """What `load_corpus` gives, by corpus and split."""
    held: dict[tuple[str, str], list[Document]] = {}
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: held[name, split])
    return held


TARGETS = {"targets": [{"head": "core"}]}


def test_documents_that_share_id_group_or_text_with_a_held_out_part_are_not_trained_on(corpora: Any) -> None:
    corpora["ours", "train"] = [
        note("1", "aspirin one"),
        note("2", "aspirin  two\n"),
        note("3", "aspirin three", group="trial"),
        note("4", "aspirin four"),
        note("5", "aspirin five", group="other"),
    ]
    corpora["theirs", "test"] = [note("4", "something else"), note("x", "aspirin two"), note("y", group="trial")]
    material = gathered(recipe({"corpus": "ours", "tune": False, **TARGETS}, held_out=["theirs:test"]))
    assert material.left_out == {"ours": 3}
    assert material.documents == {"ours": 2}
    assert [len(example.row) for example in material.examples] == [
        len(TOKENIZER.row(t)) for t in TOKENIZER(["aspirin one", "aspirin five"])
    ]


def test_a_tenth_is_kept_apart_and_not_trained_on(corpora: Any) -> None:
    documents = [note(str(number), f"aspirin {number}") for number in range(40)]
    corpora["ours", "train"], corpora["ours", "dev"] = documents[:20], documents[20:]
    material = gathered(recipe({"corpus": "ours", "splits": ["train", "dev"], **TARGETS}))
    train, tune = tune_split(documents)
    assert material.documents == {"ours": len(train)}
    assert [document.id for document in material.tune[0].documents] == [document.id for document in tune]
    assert len(material.examples) == len(train)


def test_a_source_may_be_kept_whole_or_not_scored_for_a_head_set(corpora: Any) -> None:
    corpora["ours", "train"] = [note(str(number), f"aspirin {number}") for number in range(30)]
    whole = gathered(recipe({"corpus": "ours", "tune": False, **TARGETS}))
    assert (whole.tune, len(whole.examples)) == ([], 30)
    silent = gathered(recipe({"corpus": "ours", "targets": [{"head": "core", "tune": False}]}))
    assert silent.tune == []
    assert len(silent.examples) < 30


def test_a_source_may_train_several_head_sets_with_mappings_of_their_own() -> None:
    given = recipe(
        {
            "corpus": "invented:medications",
            "count": 15,
            "repeat": 2.5,
            "targets": [{"head": "core", "mapping": "clin"}, {"head": "other", "mapping": "clin", "tune": False}],
        },
        heads={
            "core": {"schema": "clinical", "without_events": True},
            "other": {"schema": "clinical", "fragmented": True},
        },
    )
    material = gathered(given)
    assert {part.head for part in material.tune} == {"core"}
    assert {part.corpus for part in material.tune} == {"invented:medications"}
    for example in material.examples:
        assert set(example.gold.targets) == set(example.gold.supervision) == {"core", "other"}
        assert example.repeat == 2.5
        n_tokens = len(example.row) - TOKENIZER.n_special
        assert all(len(targets.is_annotated) == n_tokens for targets in example.gold.targets.values())
    assert set(material.lost) == {"invented:medications as core", "invented:medications as other"}
    layouts = build_layouts(given)
    assert FRAGMENT not in layouts["core"].links
    assert FRAGMENT in layouts["other"].links
    assert not layouts["core"].event_of_trigger


def test_every_row_fits_the_window() -> None:
    given = recipe(
        {"corpus": "invented:medications", "count": 15, "targets": [{"head": "core", "mapping": "clin"}]},
        window={"budget": 20},
    )
    assert max(len(example.row) for example in gathered(given).examples) <= 20 + TOKENIZER.n_special


def test_invented_sources_need_a_count_and_unknown_names_are_refused(corpora: Any) -> None:
    with pytest.raises(ConfigError, match="invented:social: count"):
        gathered(recipe({"corpus": "invented:social", **TARGETS}))
    with pytest.raises(UnknownNameError, match="social"):
        gathered(recipe({"corpus": "invented:socail", "count": 2, **TARGETS}))
    with pytest.raises(UnknownNameError, match="clinical"):
        gathered(recipe(TARGETS | {"corpus": "ours"}, heads={"core": {"schema": "clincal"}}))


def test_an_unknown_corpus_is_refused_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="maccrobat"):
        gathered(recipe({"corpus": "macrobat", **TARGETS}))


def test_gold_across_windows_is_counted_as_lost(corpora: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    corpora["ours", "train"] = [linked_note()]
    heads = {"core": {"schema": "tiny"}}
    given = recipe({"corpus": "ours", "tune": False, **TARGETS}, heads=heads, window={"budget": 8})
    lost = gathered(given).lost["ours as core"]
    assert lost == {"relations across windows": 1, "arguments across windows": 1}


def linked_note() -> Document:
    """Two sentences; a relation and an event argument reach across."""
    text = "aspirin 81 mg daily. for chest pain he smokes daily."

    def mention(id_: str, label: str, words: str, *attributes: Attribute) -> Entity:
        return Entity(id_, label, (Span(text.index(words), text.index(words) + len(words)),), attributes)

    entities = (
        mention("T1", "Drug", "aspirin"),
        mention("T2", "Dose", "81 mg"),
        mention("T3", "Problem", "chest pain", *PRESENT),
        mention("T4", "Habit", "smokes"),
        mention("T5", "Status", "smokes daily"),
    )
    relations = (Relation("R1", "dose-of", "T2", "T1"), Relation("R2", "reason", "T3", "T1"))
    events = (Event("E1", "Smoking", "T4", (Argument("status", "T5"), Argument("amount", "T2"))),)
    return Document("n", text, entities, relations, events)


def joint_task(budget: int, layouts: dict[str, Layout] | None = None) -> JointTask:
    return JointTask(Setting(TOKENIZER, layouts or {"tiny": LAYOUT}, WindowSize(budget), {}))


def ceiling(gold: Sequence[Document], budget: int) -> dict[str, float]:
    sets = [TuneSet("a", "tiny", tuple(gold))]
    return dict(tune_ceiling(sets, joint_task(budget), {"tiny": LAYOUT}).heads["tiny"])


def test_the_ceiling_is_one_where_everything_fits_and_lower_across_windows() -> None:
    gold = [linked_note()]
    assert joint_task(60).returned(gold, "tiny") == gold
    perfect = ceiling(gold, 60)
    assert perfect == {"entities": 1.0, "relations": 1.0, "triggers": 1.0, "arguments": 1.0, "assertion": 1.0}
    cut = ceiling(gold, 8)
    assert cut == perfect | {"relations": 0.6667, "arguments": 0.6667}


def test_the_ceiling_knows_what_the_formulation_cannot_hold() -> None:
    entities = (
        Entity("T1", "Drug", (Span(0, 3),)),  # inside a word piece
        Entity("T2", "Dose", (Span(8, 10), Span(11, 13))),  # adjacent fragments of a label that is never discontinuous
        Entity("T3", "Problem", (Span(18, 23), Span(24, 28)), PRESENT),
        Entity("T4", "Problem", (Span(18, 28),), PRESENT),
    )
    found = ceiling([Document("n", TEXT, entities)], 60)
    # The first comes back widened, the second as two mentions, the others as they are: 2 right of 4 gold, 5 given.
    assert found["entities"] == pytest.approx(2 * 2 / (4 + 5), abs=1e-4)


def test_the_ceiling_is_told_by_head_set() -> None:
    layouts = {"tiny": LAYOUT, "sdoh": Layout(schema("sdoh"))}
    social = tuple(tiny_notes("social", 20))
    sets = [
        TuneSet("a", "tiny", (linked_note(),)),
        TuneSet("b", "sdoh", social[:10]),
        TuneSet("c", "sdoh", social[10:]),
    ]
    found = tune_ceiling(sets, joint_task(60, layouts), layouts).heads
    assert set(found) == {"tiny", "sdoh"}
    assert found["sdoh"] == strict_scores(
        social, joint_task(60, layouts).returned(social, "sdoh"), layouts["sdoh"].schema
    )
    assert found["sdoh"]["entities"] > 0.95
