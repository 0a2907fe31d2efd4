"""What pair classification learns from: pairs that the corpus speaks about, unlinked ones as often as asked."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_tokenizer

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from medspan.annotation import Document, LabelSchema, Relation  # noqa: E402
from medspan.errors import ConfigError  # noqa: E402
from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.formulations.mentions import Layout, Supervision  # noqa: E402
from medspan.models.architectures import build_backbone  # noqa: E402
from medspan.models.objective import Criterion  # noqa: E402
from medspan.models.strategies import STRATEGIES, AdapterOptions, apply  # noqa: E402
from medspan.scoring import score  # noqa: E402
from medspan.training.batches import plan_epoch  # noqa: E402
from medspan.training.examples import Encoded  # noqa: E402
from medspan.training.losses import CountsClasses  # noqa: E402
from medspan.training.tasks import Setting  # noqa: E402
from medspan.training.tasks.pair_classification import PairBatch, PairTask  # noqa: E402

LAYOUT = Layout(TINY_SCHEMA)
TOKENIZER = TextTokenizer(tiny_tokenizer(note.text for note in FIVE))
EVERYTHING = Supervision.of(LAYOUT)
KINDS = ["plain", "typed", "levitated"]


def task(budget: int = 100, **options: Any) -> PairTask:
    return PairTask(Setting(TOKENIZER, {"tiny": LAYOUT}, WindowSize(budget), options, 0.0))


def encoded(
    documents: list[Document], supervision: Supervision = EVERYTHING, repeat: float = 1.0, **options: Any
) -> Encoded:
    return task(**options).encode({"tiny": documents}, {"tiny": supervision}, repeat)


def targets_of(found: Encoded) -> Counter[str]:
    names = ["none", *LAYOUT.links]
    return Counter(names[column] for example in found.examples for column in example.gold.targets)


GOLD = Counter({"dose-of": 3, "reason": 3, "same": 1, "role:status": 4, "role:amount": 1})


@pytest.mark.parametrize("markers", KINDS)
def test_every_gold_link_is_a_target_and_all_other_pairs_have_none(markers: str) -> None:
    found = encoded(FIVE, markers=markers)
    targets = targets_of(found)
    assert targets - Counter(none=targets["none"]) == GOLD
    assert targets["none"] > 20
    assert found.held == {"tiny": GOLD.total()}
    assert found.lost == {"tiny": Counter()}


def test_gold_that_no_pair_can_say_is_lost_and_not_taught() -> None:
    found = encoded(FIVE, cutoff=0)
    assert found.lost["tiny"] == {"link 1 sentences apart": 2}
    assert found.held == {"tiny": GOLD.total() - 2}


def test_gold_past_the_cutoff_stays_in_the_gold_that_is_scored() -> None:
    assert sum(len(note.relations) for note in task(cutoff=0).returned(FIVE, "tiny")) == 5
    report = score(FIVE, task(cutoff=0).returned(FIVE, "tiny"), schema=TINY_SCHEMA).to_dict()
    counts = report["relations"]["end_to_end"]["strict"]["micro"]
    assert (counts["tp"], counts["fp"], counts["fn"]) == (5, 0, 2)


@pytest.mark.parametrize("markers", KINDS)
def test_what_the_ceiling_gives_back_is_the_gold_on_the_same_entities(markers: str) -> None:
    for gold, found in zip(FIVE, task(markers=markers).returned(FIVE, "tiny"), strict=True):
        assert found.entities == gold.entities
        said = {(r.label, r.head, r.tail) for r in found.relations}
        assert said == {(r.label, r.head, r.tail) for r in gold.relations}
        filled = {e.trigger: {(a.role, a.target) for a in e.arguments} for e in found.events}
        assert filled == {e.trigger: {(a.role, a.target) for a in e.arguments} for e in gold.events}


def test_links_that_a_corpus_does_not_annotate_are_no_choice() -> None:
    found = encoded(FIVE, Supervision.of(LAYOUT, relations=["dose-of"]))
    assert set(targets_of(found)) == {"none", "dose-of", "role:status", "role:amount"}
    column = 1 + LAYOUT.link_index["reason"]
    assert not any(example.gold.legal[:, column].any() for example in found.examples)
    assert all(example.gold.legal[:, 1:].any(axis=1).all() for example in found.examples)


@pytest.mark.parametrize("markers", KINDS)
def test_pairs_in_unannotated_ranges_teach_nothing(markers: str) -> None:
    pain = FIVE[0].by_id["T2"]
    silent = replace(FIVE[0], metadata={"unannotated": [(pain.start, pain.end)]})
    taught = targets_of(encoded([silent], markers=markers))
    assert taught == targets_of(encoded([without(FIVE[0], "T2", "T3")], markers=markers))


def without(note: Document, *ids: str) -> Document:
    entities = tuple(e for e in note.entities if e.id not in ids)
    relations: tuple[Relation, ...] = tuple(r for r in note.relations if not {r.head, r.tail} & set(ids))
    return replace(note, entities=entities, relations=relations)


@pytest.mark.parametrize("markers", KINDS)
def test_unlinked_pairs_are_seen_as_often_as_asked_and_linked_ones_always(markers: str) -> None:
    examples = encoded(FIVE, repeat=2.0, negatives=0.25, markers=markers, pairs_per_row=2).examples
    assert {example.repeat for example in examples} == {2.0, 0.5}
    for example in examples:
        assert (example.repeat == 2.0) == bool(example.gold.targets.any())
    n_rows = [len([n for batch in plan_epoch(examples, 500, 1, epoch) for n in batch]) for epoch in range(20)]
    n_linked = sum(example.repeat == 2.0 for example in examples)
    expected = 2 * n_linked + 0.5 * (len(examples) - n_linked)
    assert abs(np.mean(n_rows) - expected) < 0.15 * expected


def test_linked_pairs_of_a_passage_share_rows_first() -> None:
    examples = encoded(FIVE[3:4], markers="levitated", pairs_per_row=3).examples
    assert [bool(example.gold.targets.any()) for example in examples] == [True] + [False] * (len(examples) - 1)
    assert len(examples) > 2


@pytest.mark.parametrize("markers", KINDS)
def test_no_row_is_longer_than_its_window_whatever_the_text(markers: str) -> None:
    note = FIVE[3]
    at = note.text.index(" and ")
    shift = len(" and " * 30) - len(" and ")
    entities = tuple(
        replace(e, fragments=tuple(f.shift(shift) if f.start > at else f for f in e.fragments)) for e in note.entities
    )
    long = replace(note, text=note.text.replace(" and ", " and " * 30), entities=entities)
    found = encoded([long], budget=24, markers=markers)
    assert max(len(example.row) for example in found.examples) <= 24 + TOKENIZER.n_special
    # R0 and R1 stand side by side, R2 too; nothing of the gold spans the long part.
    assert found.held["tiny"] + found.lost["tiny"].total() == 3


@pytest.mark.parametrize("markers", KINDS)
def test_collated_pairs_point_at_their_own_rows(markers: str) -> None:
    pairs = task(markers=markers)
    examples = pairs.encode({"tiny": FIVE}, {"tiny": EVERYTHING}, 1.0).examples
    batch = pairs.collate(examples)
    gold = batch.heads["tiny"]
    assert batch.n_units == len(gold.targets) == sum(len(example.gold.targets) for example in examples)
    ids = batch.inputs["input_ids"]
    starts = {int(ids[row, place]) for row, place in zip(gold.rows, gold.places[:, 1], strict=True)}
    assert len(starts) == 1  # the head's start marker, wherever it stands
    assert (ids[gold.rows, gold.places[:, 0]] == TOKENIZER.prefix[0]).all()
    if markers == "levitated":
        assert batch.inputs["attention_mask"].shape == (*ids.shape, ids.shape[1])


def small(strategy: str) -> Any:
    torch.manual_seed(1)
    sizes = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"vocab_size": TOKENIZER.vocabulary_size, "intermediate_size": 64}
    return apply(build_backbone(sizes), strategy, AdapterOptions(tokens=4))


def loss_of(pairs: PairTask, model: Any, batch: PairBatch, criterion: Criterion) -> Any:
    (loss,) = pairs.losses(model, batch, np.random.default_rng(0), criterion).values()
    return loss / batch.n_units


@pytest.mark.parametrize("markers", KINDS)
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_every_strategy_lowers_the_loss_and_moves_what_it_claims(strategy: str, markers: str) -> None:
    pairs = task(markers=markers)
    batch = pairs.collate(pairs.encode({"tiny": FIVE}, {"tiny": EVERYTHING}, 1.0).examples)
    model = pairs.build(small(strategy)).train()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    claimed = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in before if name.startswith("heads.")} <= claimed
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(pairs, model, batch, Criterion())
        losses.append(float(loss.detach()))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert losses[-1] < 0.9 * losses[0]
    assert moved <= claimed


@pytest.mark.parametrize("kind", ["focal", "class_balanced"])
def test_other_losses_are_finite_though_illegal_links_are_no_choice(kind: Any) -> None:
    pairs = task()
    examples = pairs.encode({"tiny": FIVE}, {"tiny": EVERYTHING}, 1.0).examples
    counts = pairs.class_counts(examples)
    assert isinstance(pairs, CountsClasses)
    assert counts["tiny"][1:] == [GOLD[name] for name in LAYOUT.links]
    model = pairs.build(small("full"))
    weights = {"tiny": torch.linspace(0.5, 2.0, 1 + len(LAYOUT.links))}
    loss = loss_of(pairs, model, pairs.collate(examples), Criterion(kind, groups=weights))
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_schema_without_links_is_refused() -> None:
    bare = Layout(LabelSchema("bare", TINY_SCHEMA.entities))
    with pytest.raises(ConfigError, match=r"heads\.bare: schema 'bare' has neither relations nor events"):
        PairTask(Setting(TOKENIZER, {"bare": bare}, WindowSize(60), {}))
