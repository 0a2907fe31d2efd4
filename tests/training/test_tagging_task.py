"""Tagging in training: layers from the gold, masks, batches, and the ceiling."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA, tiny_notes, tiny_tokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from medspan.annotation import Argument, Document, Entity, Event, Relation, Span  # noqa: E402
from medspan.corpora import schema  # noqa: E402
from medspan.errors import ConfigError  # noqa: E402
from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.formulations.mentions import Layout, Supervision  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402
from medspan.scoring import score  # noqa: E402
from medspan.training.tasks import Setting  # noqa: E402
from medspan.training.tasks.tagging import TaggingTask  # noqa: E402

TEXT = "Chest pain after aspirin daily. No fever today."
LAYOUTS = {"tiny": Layout(TINY_SCHEMA), "bare": Layout(replace(TINY_SCHEMA, attributes=(), relations=(), events=()))}
OUTSIDE = 0


def entity(name: str, label: str, words: str) -> Entity:
    at = TEXT.index(words)
    return Entity(name, label, (Span(at, at + len(words)),))


def task_of(texts: list[str], layouts: dict[str, Layout] = LAYOUTS, **options: Any) -> TaggingTask:
    tokenizer = TextTokenizer(tiny_tokenizer(texts))
    return TaggingTask(Setting(tokenizer, layouts, WindowSize(60), options, dropout=0.0))


def encoder_of(task: TaggingTask) -> Encoder:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=task.setting.tokenizer.vocabulary_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    return Encoder(transformers.BertModel(config, add_pooling_layer=False))


def all_of(head: str) -> Supervision:
    return Supervision.of(LAYOUTS[head])


PAIN = entity("T1", "Problem", "Chest pain after aspirin")
ASPIRIN = entity("T2", "Drug", "aspirin")
FEVER = entity("T3", "Problem", "fever")
NESTED = Document("n", TEXT, (PAIN, ASPIRIN, FEVER))
FLAT = Document("m", TEXT, (ASPIRIN, FEVER))


def test_labels_that_overlap_in_any_source_are_apart_in_the_network_and_in_the_options_kept() -> None:
    task = task_of([TEXT])
    assert task.setting.options == {}
    for document in (FLAT, NESTED, FLAT):
        task.encode({"tiny": [document]}, {"tiny": all_of("tiny")}, 1.0)
    kept = task.setting.options["layers"]
    assert kept["tiny"] == [["Problem", "Dose", "Habit", "Status", "Amount"], ["Drug"]]
    assert kept["bare"] == [["Problem", "Drug", "Dose", "Habit", "Status", "Amount"]]
    network = task.build(encoder_of(task))
    assert network.head("tiny").tag.out_features == 11 + 3
    again = TaggingTask(task.setting)
    assert again.layers == task.layers


def test_layers_are_settled_by_building_and_what_then_overlaps_is_lost() -> None:
    task = task_of([TEXT])
    task.build(encoder_of(task))
    encoded = task.encode({"tiny": [NESTED]}, {"tiny": all_of("tiny")}, 1.0)
    assert len(task.layers["tiny"]) == 1
    assert encoded.lost["tiny"]["overlap in one layer"] == 1
    assert encoded.held == {"tiny": 3}


def tags_of(document: Document, supervision: Supervision, **options: Any) -> Any:
    task = task_of([TEXT], **options)
    encoded = task.encode({"bare": [document]}, {"bare": supervision}, 1.0)
    return task.collate(encoded.examples).heads["bare"]


def test_words_are_tagged_and_everything_else_is_ruled_out() -> None:
    gold = tags_of(FLAT, all_of("bare"))
    drug, problem = 3, 1  # their beginning tags
    words = ["Chest", "pain", "after", "aspirin", "daily", ".", "No", "fever", "today", "."]
    wanted = [drug if word == "aspirin" else problem if word == "fever" else OUTSIDE for word in words]
    assert gold.tags[:, 0].tolist() == wanted
    assert torch.equal(gold.allowed[:, 0].int().argmax(dim=1), gold.tags[:, 0])
    assert (gold.allowed.sum(dim=2) == 1).all()


def test_labels_that_a_corpus_does_not_annotate_may_stand_wherever_it_says_nothing() -> None:
    gold = tags_of(FLAT, Supervision.of(LAYOUTS["bare"], entities=["Drug"]), layers="one")
    assert gold.tags[7, 0] == OUTSIDE  # the fever is no gold of this corpus
    assert gold.allowed[3, 0].nonzero().flatten().tolist() == [3]
    hidden = [tag for tag in range(13) if tag not in (3, 4)]
    assert all(gold.allowed[at, 0].nonzero().flatten().tolist() == hidden for at in range(10) if at != 3)


def test_in_a_layer_of_its_own_an_unannotated_label_learns_nothing() -> None:
    gold = tags_of(FLAT, Supervision.of(LAYOUTS["bare"], entities=["Drug"]), layers="label")
    says_something = (~gold.allowed[:, :, :3]).any(dim=2).any(dim=0)
    assert says_something.tolist() == [False, True, False, False, False, False]


def test_unannotated_ranges_allow_every_tag() -> None:
    document = replace(FLAT, metadata={"unannotated": [[0, 10]]})
    gold = tags_of(document, all_of("bare"), layers="one")
    assert gold.allowed.sum(dim=2).flatten().tolist() == [13, 13, *[1] * 8]


def test_values_are_learnt_where_they_are_annotated() -> None:
    task = task_of([TEXT])
    only_severity = Supervision.of(LAYOUTS["tiny"], attributes=["severity"])
    encoded = task.encode({"tiny": [FLAT]}, {"tiny": only_severity}, 1.0)
    gold = task.collate(encoded.examples).heads["tiny"]
    # aspirin and fever: the assertion is not annotated, no severity is given.
    assert gold.values.tolist() == [[-1, 0], [-1, 0]]


@pytest.mark.parametrize("has_crf", [False, True], ids=["plain", "crf"])
def test_losses_of_a_batch_are_those_of_its_rows_together(has_crf: bool) -> None:
    long = Document("long", f"{TEXT} {TEXT}", NESTED.entities)
    task = task_of([TEXT], crf=has_crf)
    encoded = task.encode({"tiny": [NESTED, long]}, {"tiny": all_of("tiny")}, 1.0)
    more = task.encode({"bare": [FLAT]}, {"bare": all_of("bare")}, 0.5)
    examples = [*encoded.examples, *more.examples]
    network = task.build(encoder_of(task)).eval()

    def losses(*chosen: int) -> dict[str, float]:
        batch = task.collate([examples[number] for number in chosen])
        assert batch.n_units == sum(len(examples[number].gold.units) for number in chosen)
        found = task.losses(network, batch.to("cpu"), np.random.default_rng(0), Criterion())
        return {name: float(value.detach()) for name, value in found.items()}

    total: Counter[str] = Counter()
    for number in range(3):
        total.update(losses(number))
    assert losses(0, 1, 2) == pytest.approx(dict(total), rel=1e-4)
    assert losses(2, 1, 0) == pytest.approx(dict(total), rel=1e-4)


def test_a_crf_refuses_a_loss_that_weighs_tags() -> None:
    task = task_of([TEXT], crf=True)
    encoded = task.encode({"tiny": [FLAT]}, {"tiny": all_of("tiny")}, 1.0)
    network, batch = task.build(encoder_of(task)), task.collate(encoded.examples)
    with pytest.raises(ConfigError, match=r"tagging\.crf"):
        task.losses(network, batch, np.random.default_rng(0), Criterion("focal"))


def test_classes_are_counted_for_each_layer() -> None:
    task = task_of([TEXT])
    encoded = task.encode({"tiny": [NESTED, FLAT]}, {"tiny": all_of("tiny")}, 1.0)
    counts = task.class_counts(encoded.examples)
    assert counts["tiny tags 0"] == [20 - 6, 3, 3, *[0] * 8]
    assert counts["tiny tags 1"] == [18, 2, 0]
    assert counts["bare tags 0"] == [0] * 13


@pytest.mark.parametrize("pieces", ["first", "all"])
@pytest.mark.parametrize(("kind", "name"), [("medications", "clin"), ("social", "sdoh")])
def test_what_returned_loses_is_what_is_counted(kind: str, name: str, pieces: str) -> None:
    notes = tiny_notes(kind, 12)
    layouts = {name: Layout(schema(name))}
    task = task_of([note.text for note in notes], layouts, pieces=pieces)
    lost = task.encode({name: notes}, {name: Supervision.of(layouts[name])}, 1.0).lost[name]
    back = task.returned(notes, name)
    found = score(notes, back).to_dict()
    missing = found["entities"]["strict"]["micro"]["fn"]
    reasons = ("entities across windows", "edge inside a word", "edge inside a word piece", "discontinuous mention")
    assert missing == sum(lost[reason] for reason in reasons)
    assert found["entities"]["strict"]["micro"]["f1"] > 0.95
    assert sum(len(note.relations) for note in notes) == lost["relation"] + lost["relations across windows"]
    if kind == "social":
        assert found["events"]["arguments"]["strict"]["micro"]["recall"] > 0.7


def test_relations_and_whatever_else_tags_cannot_hold_is_counted() -> None:
    document = replace(NESTED, relations=(Relation("R1", "reason", "T1", "T2"),))
    task = task_of([TEXT])
    encoded = task.encode({"tiny": [document]}, {"tiny": all_of("tiny")}, 1.0)
    assert encoded.lost["tiny"]["relation"] == 1
    (back,) = task.returned([document], "tiny")
    assert [(e.label, e.fragments) for e in back.entities] == [(e.label, e.fragments) for e in document.entities]


def test_events_that_lack_a_required_argument_are_left_out_of_the_ceiling_and_counted() -> None:
    (event,) = TINY_SCHEMA.events
    required = replace(event, roles=tuple(replace(role, is_required=True) for role in event.roles))
    layouts = {"tiny": Layout(replace(TINY_SCHEMA, events=(required,)))}
    habit, pain = entity("T1", "Habit", "aspirin"), entity("T2", "Drug", "Chest")
    status = entity("T3", "Status", "daily")
    document = Document(
        "n", TEXT, (pain, habit, status), events=(Event("E1", "Smoking", "T1", (Argument("status", "T3"),)),)
    )
    for attach, kept in (("nearest", 3), ("none", 2)):
        task = task_of([TEXT], layouts, attach=attach)
        lost = task.encode({"tiny": [document]}, {"tiny": Supervision.of(layouts["tiny"])}, 1.0).lost["tiny"]
        (back,) = task.returned([document], "tiny")
        assert len(back.entities) == kept
        assert lost["event without a required argument"] == 3 - kept
        assert lost["event of a lost mention"] == 3 - kept
