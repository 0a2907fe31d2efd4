"""Reading comprehension in training: its examples, a whole run, and the run loaded again."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from checkpoints import random_checkpoint, tiny_corpus
from tiny import TINY_SCHEMA, tiny_backbone, tiny_recipe, tiny_tokenizer

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import BertConfig, BertModel  # noqa: E402

from medspan.annotation import Argument, Attribute, Document, Entity, Event, Relation, Span  # noqa: E402
from medspan.errors import ConfigError  # noqa: E402
from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.formulations.inputs import EncoderInput  # noqa: E402
from medspan.formulations.mentions import Layout, Supervision, Thresholds  # noqa: E402
from medspan.formulations.reading_comprehension import Options, Questions  # noqa: E402
from medspan.inference import Extractor, load  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.training import sources  # noqa: E402
from medspan.training.config import Recipe  # noqa: E402
from medspan.training.evaluation import strict_scores  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from medspan.training.tasks import Setting  # noqa: E402
from medspan.training.tasks.reading_comprehension import QuestionGold, ReadingTask  # noqa: E402


def note(
    id_: str,
    text: str,
    *mentions: tuple[str, str],
    relations: tuple[tuple[str, int, int], ...] = (),
    roles: tuple[tuple[int, str, int], ...] = (),
) -> Document:
    """A note whose mentions are given by their words, "..." between fragments, and links by mention numbers."""
    entities = []
    for number, (label, words) in enumerate(mentions):
        fragments, at = [], 0
        for part in words.split("..."):
            at = text.index(part, at)
            fragments.append(Span(at, at + len(part)))
        is_absent = text[: fragments[0].start].endswith("no ")
        values = (Attribute("assertion", "absent" if is_absent else "present"),) if label == "Problem" else ()
        entities.append(Entity(f"T{number}", label, tuple(fragments), values))
    triggers = [number for number, (label, _) in enumerate(mentions) if label == "Habit"]
    return Document(
        id_,
        text,
        tuple(entities),
        tuple(Relation(f"R{n}", name, f"T{head}", f"T{tail}") for n, (name, head, tail) in enumerate(relations)),
        tuple(
            Event(f"E{at}", "Smoking", f"T{at}", tuple(Argument(r, f"T{tail}") for h, r, tail in roles if h == at))
            for at in triggers
        ),
    )


FIVE = [
    note(
        "1",
        "Aspirin 81 mg for severe chest pain, no fever.",
        *[("Drug", "Aspirin"), ("Dose", "81 mg"), ("Problem", "severe chest pain"), ("Problem", "pain")],
        ("Problem", "fever"),
        relations=(("dose-of", 1, 0), ("reason", 2, 0)),
    ),
    note("2", "Arms and legs are swollen.", ("Problem", "Arms...swollen"), ("Problem", "legs...swollen")),
    note(
        "3",
        "He smokes one pack daily, quit in May.",
        *[("Habit", "smokes"), ("Amount", "one pack daily"), ("Status", "quit")],
        roles=((0, "amount", 1), (0, "status", 2)),
    ),
    note(
        "4",
        "Lisinopril 10 mg and metformin 500 mg; lisinopril is Zestril.",
        *[("Drug", "Lisinopril"), ("Dose", "10 mg"), ("Drug", "metformin"), ("Dose", "500 mg")],
        *[("Drug", "lisinopril"), ("Drug", "Zestril")],
        relations=(("dose-of", 1, 0), ("dose-of", 3, 2), ("same", 4, 5)),
    ),
    note(
        "5",
        "Former smoker, current vaper: smoking stopped.",
        *[("Habit", "smoker"), ("Status", "Former"), ("Habit", "vaper"), ("Status", "current")],
        *[("Habit", "smoking"), ("Status", "stopped")],
        roles=((0, "status", 1), (2, "status", 3), (4, "status", 5)),
    ),
]


def recipe_for(folder: Path, epochs: int = 80, batch_tokens: int = 1024, **changes: Any) -> Recipe:
    backbone = tiny_backbone(folder / "backbone", [document.text for document in FIVE], hidden=64)
    recipe = tiny_recipe(
        backbone,
        formulation="reading_comprehension",
        heads={"tiny": {"schema": "tiny", "fragmented": True}},
        compose={},
        sources=[{"corpus": "five", "tune": False, "targets": [{"head": "tiny"}]}],
        window={"budget": 40},
        evaluation={"every": 1000},
    )
    recipe["optimisation"] |= {"epochs": epochs, "batch_tokens": batch_tokens}
    recipe["optimisation"] |= {"learning_rate": 3e-3, "head_learning_rate": 3e-3}
    return Recipe.model_validate(recipe | changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "load_corpus", lambda name, split: FIVE)
        patch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
        train(recipe_for(folder, reading_comprehension={"negatives": 0.5}), folder / "run", quiet=True)
    return folder / "run"


def test_five_notes_with_nested_and_split_mentions_are_learnt_by_heart(run: Path) -> None:
    found = load(run, engine="torch").annotate(FIVE)
    assert strict_scores(FIVE, found, TINY_SCHEMA) == dict.fromkeys(
        ("entities", "relations", "triggers", "arguments", "assertion"), 1.0
    )
    assert not any(document.relations for document in found if document.id in {"2", "3", "5"})


def test_answers_do_not_depend_on_order_batch_or_neighbours(run: Path) -> None:
    extractor = load(run, engine="torch")
    together = extractor.annotate(FIVE)
    assert extractor.annotate(FIVE[::-1])[::-1] == together
    assert [extractor.annotate([document])[0] for document in FIVE] == together
    object.__setattr__(extractor.annotator._parts, "shard_tokens", 1)  # type: ignore[attr-defined]
    assert extractor.annotate(FIVE) == together
    for one, other in zip(extractor.annotate(FIVE), together, strict=True):
        for mine, theirs in zip(one.entities, other.entities, strict=True):
            assert mine.score == pytest.approx(theirs.score, abs=1e-3)


def test_with_new_tails_an_answer_about_a_link_may_be_a_mention_that_no_label_s_question_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [FIVE[2], FIVE[4]]
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: few)
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    heads = {"tiny": {"schema": "tiny"}}
    recipe = recipe_for(tmp_path, 60, 256, reading_comprehension={"new_tails": True}, heads=heads)
    train(recipe, tmp_path / "run", quiet=True)
    extractor = load(tmp_path / "run", engine="torch")
    assert strict_scores(few, extractor.annotate(few), TINY_SCHEMA)["arguments"] == 1.0
    blind = extractor.with_thresholds({"tiny": Thresholds({"Status": 1.1, "Amount": 1.1})})
    found = blind.annotate(few)
    assert strict_scores(few, found, TINY_SCHEMA) == dict.fromkeys(("entities", "triggers", "arguments"), 1.0)
    heads_only = extractor.with_thresholds({"tiny": Thresholds({"Status": 1.1, "Amount": 1.1}, default=0.5)})
    object.__setattr__(heads_only.annotator, "_options", Options())
    assert {entity.label for document in heads_only.annotate(few) for entity in document.entities} == {"Habit"}


class Watching:
    """An encoder that keeps the rows it was given."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self.hidden_size, self.stats = encoder.hidden_size, encoder.stats
        self.calls: list[list[list[int]]] = []

    def encode(self, rows: Sequence[EncoderInput]) -> Any:
        self.calls.append([row.ids.tolist() for row in rows])
        return self._encoder.encode(rows)


def asked_first(extractor: Extractor, document: Document) -> list[list[int]]:
    """The rows of the first pass over a note of one window."""
    watching = Watching(extractor.annotator.encoder)
    extractor.annotator.encoder = watching
    extractor.annotate([document])
    return watching.calls[0]


def test_a_model_that_believes_everything_is_held_to_the_bounds_with_new_tails_too(tmp_path: Path) -> None:
    with tiny_corpus():
        extractor = load(random_checkpoint(tmp_path, "reading_comprehension", "full", new_tails=True), engine="torch")
    text = "x" * 60
    (found,) = extractor.annotate([text])
    n_tokens = len(extractor.annotator.tokenizer([text])[0])
    assert n_tokens == 60  # one window
    assert n_tokens < len(found.entities) <= 2 * (n_tokens + 8)


def test_every_label_is_asked_when_serving_whatever_the_gold_so_no_label_leaks(run: Path) -> None:
    layout = Layout(TINY_SCHEMA, TINY_SCHEMA.labels)
    for document in FIVE:
        extractor = load(run, engine="torch")
        questions = Questions(extractor.annotator.tokenizer, {"tiny": layout}, Options())
        (window,) = extractor.annotator.tokenizer([document.text])
        expected = [questions.entity("tiny", n, window).row.ids.tolist() for n in range(len(layout.labels))]
        assert asked_first(extractor, document) == expected
        assert asked_first(load(run, engine="torch"), document.bare()) == expected


def task(options: Options | None = None, layout: Layout | None = None, budget: int = 40) -> ReadingTask:
    tokenizer = TextTokenizer(tiny_tokenizer([document.text for document in FIVE]))
    layouts = {"tiny": layout or Layout(TINY_SCHEMA, TINY_SCHEMA.labels)}
    return ReadingTask(Setting(tokenizer, layouts, WindowSize(budget), (options or Options()).model_dump(mode="json")))


def examples_of(reading: ReadingTask, documents: Sequence[Document], repeat: float = 1.0) -> list[Any]:
    supervision = {"tiny": Supervision.of(reading.setting.layouts["tiny"])}
    return reading.encode({"tiny": documents}, supervision, repeat).examples


def test_questions_without_an_answer_are_examples_too_as_often_as_is_asked() -> None:
    options = Options(negatives=0.25, link_negatives=0.5)
    examples = examples_of(task(options), [FIVE[3]], repeat=2.0)
    entity, link = [], []
    for example in examples:
        gold: QuestionGold = example.gold
        (entity if gold.answers.about is None else link).append((bool(gold.answers.is_answer.any()), example.repeat))
    assert len(entity) == len(TINY_SCHEMA.labels)
    assert sorted(entity) == [(False, 0.5)] * 4 + [(True, 2.0)] * 2
    # Two doses have a drug; lisinopril and Zestril are the same, asked from both; two more drugs are not. No drug or
    # dose has another part, though there is another of its label to ask about.
    assert sorted(link) == [(False, 1.0)] * 8 + [(True, 2.0)] * 4


def test_a_note_without_any_mention_is_asked_about_every_label() -> None:
    examples = examples_of(task(), [Document("n", "All is well.")])
    assert [example.gold.answers.is_answer.any() for example in examples] == [False] * len(TINY_SCHEMA.labels)


def test_labels_that_a_corpus_does_not_annotate_and_notes_it_says_nothing_of_are_not_asked() -> None:
    reading = task()
    partly = Supervision.of(reading.setting.layouts["tiny"], entities=("Drug", "Dose"))
    assert len(reading.encode({"tiny": [FIVE[1].bare()]}, {"tiny": partly}, 1.0).examples) == 2
    silent = Document("n", "Nothing said.", metadata={"unannotated": [(0, 13)]})
    assert examples_of(reading, [silent]) == []


def test_what_comes_back_is_the_gold_but_for_what_is_counted_as_lost() -> None:
    odd = note("odd", "Aspirin helps.", ("Drug", "Asp"), ("Dose", "helps"), relations=(("dose-of", 1, 0),))
    reading = task()
    returned = reading.returned([*FIVE, odd], "tiny")
    assert strict_scores(FIVE, returned[:5], TINY_SCHEMA)["entities"] == 1.0
    encoded = reading.encode({"tiny": FIVE}, {"tiny": Supervision.of(reading.setting.layouts["tiny"])}, 1.0)
    assert encoded.lost == {"tiny": {}}
    assert encoded.held["tiny"] > 25
    lost = reading.encode({"tiny": [odd]}, {"tiny": Supervision.of(reading.setting.layouts["tiny"])}, 1.0).lost
    assert lost["tiny"] == {"edge inside a word piece": 1, "link to a lost mention": 1}
    spans = [(entity.label, entity.start, entity.end) for entity in returned[5].entities]
    assert spans == [("Drug", 0, 7), ("Dose", 8, 13)]


def test_a_question_and_a_window_that_do_not_fit_the_encoder_are_refused_with_what_to_set() -> None:
    encoder: Any = SimpleNamespace(max_tokens=64)
    with pytest.raises(ConfigError, match=r"window\.budget: rows of a question .* takes 64; set it to \d+") as told:
        task(budget=60).build(encoder)
    fitting = int(str(told.value).rpartition(" ")[2])
    assert 8 <= fitting < 50
    encoder = Encoder(BertModel(BertConfig(hidden_size=12, num_hidden_layers=1, max_position_embeddings=64)))
    assert task(budget=fitting).build(encoder).encoder is encoder
    with pytest.raises(ConfigError, match="set it to"):
        task(budget=fitting + 1).build(encoder)
    encoder = SimpleNamespace(max_tokens=30)
    with pytest.raises(ConfigError, match=r"set reading_comprehension\.questions to label"):
        task(Options(questions="definition"), budget=20).build(encoder)


def test_shown_mentions_come_from_training_in_any_order_unless_they_are_given() -> None:
    reading = task(Options(questions="examples", n_examples=2))
    examples_of(reading, FIVE)
    options = Options.model_validate(reading.setting.options)
    assert options.examples["tiny"]["Drug"] == ("lisinopril", "aspirin")
    assert options.examples["tiny"]["Habit"] == ("smoker", "smokes")
    reversed_ = task(Options(questions="examples", n_examples=2))
    rows = [example.row.ids.tolist() for example in examples_of(reversed_, FIVE[::-1])]
    assert reversed_.setting.options == reading.setting.options
    again = task(options)
    assert sorted(example.row.ids.tolist() for example in examples_of(again, FIVE)) == sorted(rows)
    given = task(Options(questions="examples", examples={"tiny": {"Drug": ("heparin",)}}))
    examples_of(given, FIVE)
    assert Options.model_validate(given.setting.options).examples["tiny"]["Drug"] == ("heparin",)
    plain = task()
    examples_of(plain, FIVE)
    assert Options.model_validate(plain.setting.options).examples == {}


def test_shown_mentions_travel_in_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "load_corpus", lambda name, split: FIVE)
    monkeypatch.setattr(sources, "schema", lambda name: TINY_SCHEMA)
    smallest = {"epochs": 1, "batch_tokens": 1024, "threads": 1}
    recipe = recipe_for(tmp_path, reading_comprehension={"questions": "examples"}, optimisation=smallest)
    train(recipe, tmp_path / "run", quiet=True)
    extractor = load(tmp_path / "run", engine="torch")
    tokenizer = extractor.annotator.tokenizer
    (shown,) = tokenizer(["Find all drug entities, such as lisinopril, aspirin, metformin."])
    row = asked_first(extractor, FIVE[1])[TINY_SCHEMA.labels.index("Drug")]
    assert row[1 : 1 + len(shown)] == shown.ids.tolist()


def test_classes_are_counted_by_their_answers_whether_or_not_new_tails_are_learnt() -> None:
    layout = Layout(TINY_SCHEMA, TINY_SCHEMA.labels)
    for options in Options(), Options(new_tails=True):
        reading = task(options)
        counts = reading.class_counts(examples_of(reading, FIVE))
        labels = dict(zip(layout.labels, counts["tiny/labels"], strict=True))
        assert labels == {"Problem": 6, "Drug": 5, "Dose": 3, "Habit": 4, "Status": 4, "Amount": 1}
        links = dict(zip(layout.links, counts["tiny/links"], strict=True))
        # The fragments of two mentions, and the two drugs that are the same, are asked about from both sides.
        assert links == {"dose-of": 3, "reason": 1, "same": 2, "role:status": 4, "role:amount": 1, "+": 4}


def test_collating_keeps_every_rows_window_and_gold() -> None:
    reading = task()
    examples = examples_of(reading, FIVE)
    batch = reading.collate(examples)
    flat = batch.inputs["input_ids"].flatten()[batch.text].numpy()
    assert batch.n_units == len(flat) == sum(len(example.gold.text) for example in examples)
    for row, example in enumerate(examples):
        mine = batch.gold.row_of_token == row
        assert flat[mine].tolist() == example.row.ids[example.gold.text].tolist()
    spans = [example.gold.answers.spans for example in examples]
    starts = np.searchsorted(batch.gold.row_of_token, np.repeat(np.arange(len(spans)), [len(part) for part in spans]))
    assert (batch.gold.spans - starts[:, None]).tolist() == np.concatenate(spans).tolist()
    assert {*batch.inputs} == {"input_ids", "attention_mask", "token_type_ids"}
