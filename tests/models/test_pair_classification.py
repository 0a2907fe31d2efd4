"""The pair classifier: torch and numpy alike, packed rows as pairs alone, and answers that depend on the note alone."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from medspan.annotation import Document, Entity, Event, Span
from medspan.errors import CheckpointError, ConfigError
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import Layout, Supervision, Thresholds
from medspan.formulations.pair_classification import Options
from medspan.inference import Extractor, Heads
from medspan.inference.annotators import Parts
from medspan.inference.annotators.pair_classification import PairAnnotator
from medspan.models.pair_classification import SCHEMES, PairScorer
from pair_notes import FIVE
from tiny import TINY_SCHEMA, tiny_tokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from medspan.inference.encoder_engine import TorchEngine  # noqa: E402
from medspan.models.architectures import build_backbone  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.pair_classification.network import PairModel  # noqa: E402
from medspan.training.tasks import Setting  # noqa: E402
from medspan.training.tasks.pair_classification import PairTask  # noqa: E402

LAYOUTS = {"tiny": Layout(TINY_SCHEMA), "plain": Layout(TINY_SCHEMA.without_events())}
TOKENIZER = TextTokenizer(tiny_tokenizer(note.text for note in FIVE))
VARIANTS = [
    Options(markers="plain", text="two_sentences", scheme="cls"),
    Options(markers="typed", scheme="cls_starts"),
    Options(markers="typed", text="joined_sentences", scheme="starts"),
    Options(markers="levitated", pairs_per_row=3),
]
ids = [f"{o.markers}-{o.text}-{o.scheme}" for o in VARIANTS]


def backbone(model_type: str = "bert") -> Any:
    torch.manual_seed(3)
    sizes: dict[str, Any] = {
        "model_type": model_type,
        "vocab_size": TOKENIZER.vocabulary_size,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 160,
        "pad_token_id": 0,
    }
    if model_type == "modernbert":
        sizes |= {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    if model_type == "longformer":
        sizes |= {"attention_window": 16}
    return build_backbone(sizes).eval()


def task_of(options: Options, budget: int = 140) -> PairTask:
    return PairTask(Setting(TOKENIZER, LAYOUTS, WindowSize(budget), options.model_dump(mode="json")))


def random_model(options: Options, model_type: str = "bert") -> PairModel:
    model = task_of(options).build(Encoder(backbone(model_type))).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("encoder."):
                parameter.normal_(std=0.12)
    return model


def annotator(model: PairModel, options: Options, *, budget: int = 1024, shard_tokens: int = 8192) -> PairAnnotator:
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    engine = TorchEngine(model.encoder, budget=budget)
    plain = options.model_dump(mode="json")
    return PairAnnotator(Parts(TOKENIZER, engine, weights, LAYOUTS, WindowSize(140), plain, shard_tokens))


def unlinked(notes: Sequence[Document]) -> list[Document]:
    return [Document(note.id, note.text, note.entities) for note in notes]


LOW = {head: Thresholds(default=0.0) for head in LAYOUTS}
"""Every pair is given its likeliest link."""


def said(notes: Sequence[Document]) -> list[Any]:
    return [(note.entities, note.relations, note.events) for note in notes]


def scores(notes: Sequence[Document]) -> list[float]:
    arguments = [a for note in notes for event in note.events for a in event.arguments]
    return [item.score or 0.0 for item in (*(r for note in notes for r in note.relations), *arguments)]


@pytest.mark.parametrize("options", VARIANTS, ids=ids)
def test_numpy_gives_what_torch_gives(options: Options) -> None:
    task, model = task_of(options), random_model(options)
    supervision = {head: Supervision.of(layout) for head, layout in LAYOUTS.items()}
    encoded = task.encode({"tiny": FIVE, "plain": [drop_events(note) for note in FIVE]}, supervision, 1.0)
    batch = task.collate(encoded.examples)
    with torch.no_grad():
        hidden = model.hidden(batch.inputs)
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    scorer = PairScorer(weights, LAYOUTS, options.scheme)
    assert set(batch.heads) == {"tiny", "plain"}
    for head, pairs in batch.heads.items():
        with torch.no_grad():
            expected = model.pair_scores(head, hidden, pairs.rows, pairs.places, pairs.legal).softmax(1)
        places = (pairs.places + pairs.rows[:, None] * hidden.shape[1]).numpy()
        found = scorer.score(head, hidden.flatten(0, 1).numpy(), places, pairs.legal.numpy())
        assert len(found) > 20
        assert np.abs(found - expected.numpy()).max() < 1e-5
        assert (found[~pairs.legal.numpy()] == 0).all()


def drop_events(note: Document) -> Document:
    kept = {e.id for e in note.entities if e.label in LAYOUTS["plain"].labels}
    entities = tuple(e for e in note.entities if e.id in kept)
    return Document(note.id, note.text, entities, tuple(r for r in note.relations if {r.head, r.tail} <= kept))


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra", "megatron-bert", "modernbert"])
def test_packed_pairs_score_as_each_alone(model_type: str) -> None:
    alone, packed = (Options(markers="levitated", pairs_per_row=n) for n in (1, 16))
    model = random_model(alone, model_type)
    one = annotator(model, alone).annotate(unlinked(FIVE), ["tiny"], LOW)["tiny"]
    other = annotator(model, packed).annotate(unlinked(FIVE), ["tiny"], LOW)["tiny"]
    assert said(one) == said(other)
    assert len(scores(one)) > 20
    assert np.abs(np.array(scores(one)) - np.array(scores(other))).max() <= 1.1e-4


@pytest.mark.parametrize("model_type", ["deberta-v2", "longformer"])
def test_encoders_that_place_tokens_by_their_order_refuse_levitated_markers(model_type: str) -> None:
    encoder = Encoder(backbone(model_type))
    with pytest.raises(ConfigError, match=rf"{model_type} does not; set it to plain or typed"):
        task_of(Options(markers="levitated")).build(encoder)
    for markers in ("plain", "typed"):
        assert task_of(Options(markers=markers)).build(encoder).encoder is encoder


@pytest.mark.parametrize("options", VARIANTS, ids=ids)
def test_answers_depend_on_the_note_alone(options: Options) -> None:
    model = random_model(options)
    notes = [replace(note, id=f"{note.id}.{n}") for n in range(3) for note in unlinked(FIVE)]
    Random(5).shuffle(notes)
    together = annotator(model, options, budget=200, shard_tokens=90).annotate(notes, ["tiny", "plain"], LOW)
    for head in LAYOUTS:
        alone = [annotator(model, options).annotate([note], [head], LOW)[head][0] for note in notes]
        assert said(alone) == said(together[head])
        assert scores(alone) == pytest.approx(scores(together[head]), abs=1e-3)
        assert len(scores(alone)) > 20


def test_markers_tell_pairs_of_one_passage_apart() -> None:
    for options in VARIANTS:
        found = annotator(random_model(options), options).annotate(unlinked(FIVE[3:4]), ["tiny"], LOW)["tiny"]
        assert len(set(scores(found))) >= 4


def test_given_entities_keep_their_ids_order_and_attributes() -> None:
    options = VARIANTS[1]
    entities = tuple(replace(e, id=f"x{n}", score=0.7) for n, e in enumerate(reversed(FIVE[3].entities)))
    heads = Heads(LAYOUTS, {head: layout.schema for head, layout in LAYOUTS.items()}, "tiny", {}, LOW)
    extractor = Extractor(annotator(random_model(options), options), heads)
    (found,) = extractor.annotate([replace(FIVE[3], entities=entities, relations=())])
    assert found.entities == entities
    assert [e.score for e in found.entities] == [0.7] * len(entities)
    assert len(found.relations) > 0
    assert TINY_SCHEMA.problems(found) == []


def test_a_plain_note_is_refused_with_what_to_do() -> None:
    options = VARIANTS[1]
    heads = Heads(LAYOUTS, {head: layout.schema for head, layout in LAYOUTS.items()}, "tiny", {}, LOW)
    extractor = Extractor(annotator(random_model(options), options), heads)
    with pytest.raises(ConfigError, match="give documents with entities, or train it with a run"):
        extractor.annotate(["Aspirin for pain."])


class FindsGold:
    """An annotator double that finds the mentions of the five notes and joins nothing."""

    tokenizer, encoder = TOKENIZER, None
    needs_entities = has_thresholds = False

    def annotate(self, documents: Sequence[Document], heads: Sequence[str], thresholds: Any) -> Any:
        known = {note.text: note.entities for note in FIVE}
        found = [replace(document, entities=known[document.text]) for document in documents]
        triggers = [[e for e in document.entities if e.label == "Habit"] for document in found]
        events = [tuple(Event(f"E{e.id}", "Smoking", e.id) for e in part) for part in triggers]
        return {head: [replace(d, events=e) for d, e in zip(found, events, strict=True)] for head in heads}


def test_triggers_that_the_finder_links_to_nothing_reach_the_model_that_joins() -> None:
    smoking = TINY_SCHEMA.events[0]
    roles = tuple(replace(role, is_required=role.name == "status") for role in smoking.roles)
    layouts = {"tiny": Layout(replace(TINY_SCHEMA, events=(replace(smoking, roles=roles),)))}
    limits = {"tiny": Thresholds(default=0.0)}
    heads = Heads(layouts, {"tiny": layouts["tiny"].schema}, "tiny", {}, limits)
    finder = Extractor(FindsGold(), heads)  # type: ignore[arg-type]
    assert not any(e.label == "Habit" for e in finder.annotate([FIVE[4].text])[0].entities)
    joins = annotator(random_model(VARIANTS[1]), VARIANTS[1])
    (found,) = Extractor(joins, heads, finder).annotate([FIVE[4].text])
    assert [event.label for event in found.events] == ["Smoking"] * 3
    none = replace(heads, thresholds={"tiny": Thresholds(default=1.1)})
    (bare,) = Extractor(joins, none, finder).annotate([FIVE[4].text])
    assert bare.events == ()
    assert {e.label for e in bare.entities} == {"Status"}
    (kept,) = Extractor(joins, none).annotate([FIVE[4]])
    assert (kept.events, kept.entities) == ((), FIVE[4].entities)


def test_documents_without_pairs_come_back() -> None:
    options = VARIANTS[3]
    notes = [
        Document("empty", ""),
        Document("blank", " \n", (Entity("T1", "Drug", (Span(0, 1),)), Entity("T2", "Dose", (Span(1, 2),)))),
        Document("one", "aspirin", (Entity("T1", "Drug", (Span(0, 7),)),)),
        Document("foreign", "aspirin 5", (Entity("T1", "Person", (Span(0, 7),)), Entity("T2", "Dose", (Span(8, 9),)))),
    ]
    assert annotator(random_model(options), options).annotate(notes, ["tiny"], LOW)["tiny"] == notes


def test_weights_of_another_schema_are_refused() -> None:
    model = random_model(VARIANTS[1])
    weights = {name: value.numpy() for name, value in model.state_dict().items() if name.startswith("heads.plain")}
    with pytest.raises(CheckpointError, match="'tiny': its link weights do not fit"):
        PairScorer(weights, LAYOUTS, "cls_starts")
    assert set(SCHEMES) == {"cls", "cls_starts", "cls_markers", "starts"}
