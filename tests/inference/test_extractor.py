"""The extractor on any text: legal answers inside the text that depend on the note alone (guarantees G3 and G4)."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny import TINY_SCHEMA, random_joint_model, tiny_notes, tiny_tokenizer

pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.annotation import Attribute, Document, Entity, Span
from medspan.corpora import schema
from medspan.errors import AnnotationError, ConfigError, UnknownNameError
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.mentions import FRAGMENT, Layout, Thresholds
from medspan.inference import Extractor, Heads
from medspan.inference.annotators import Parts
from medspan.inference.annotators.joint import JointAnnotator
from medspan.inference.encoder_engine import TorchEngine

NOTES = [note.text for kind in ("medications", "social") for note in tiny_notes(kind, 12)]
SCHEMAS = {"tiny": TINY_SCHEMA, "sdoh": schema("sdoh")}
LAYOUTS = {"tiny": Layout(TINY_SCHEMA, ("Problem", "Drug")), "sdoh": Layout(SCHEMAS["sdoh"])}
# Low, so that random weights find plenty; fragments are told apart, or everything would be one tangle.
LOW = {"tiny": Thresholds(links={FRAGMENT: 0.7}, default=0.3), "sdoh": Thresholds(default=0.3)}


@pytest.fixture(scope="module")
def parts() -> Parts:
    tokenizer = TextTokenizer(tiny_tokenizer(NOTES))
    model = random_joint_model(LAYOUTS, vocabulary=tokenizer.vocabulary_size, bias=1.0, seed=5)
    weights = {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}
    return Parts(tokenizer, TorchEngine(model.encoder), weights, LAYOUTS, WindowSize(30, 5), {})


def build(parts: Parts, *, budget: int = 2048, shard_tokens: int = 16384) -> Extractor:
    engine = TorchEngine(parts.encoder._model, budget=budget)
    annotator = JointAnnotator(replace(parts, encoder=engine, shard_tokens=shard_tokens))
    heads = Heads(LAYOUTS, {**SCHEMAS, "both": TINY_SCHEMA}, "tiny", {"both": ("tiny", "sdoh")}, LOW)
    return Extractor(annotator, heads)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.lists(
    st.sampled_from([*NOTES, "", "\r\n", "\x00", "x" * 300, "é", "שלום", "👩‍⚕️", " ", "\n\n", "a b"]), max_size=4
).map("".join)


@settings(max_examples=60, deadline=None)
@given(text=texts)
def test_every_answer_is_legal_and_inside_the_text(parts: Parts, text: str) -> None:
    note = Document("n", text, metadata={"ward": 3})
    for name in LAYOUTS:
        (found,) = build(parts).annotate([note], [name])
        assert (found.id, found.text, found.metadata) == ("n", text, {"ward": 3})
        assert all(0 <= f.start < f.end <= len(text) for entity in found.entities for f in entity.fragments)
        assert all(0 < e.score <= 1 for e in (*found.entities, *found.relations, *found.events) if e.score is not None)
        assert SCHEMAS[name].problems(found) == []
        needed = [a for a in SCHEMAS[name].attributes if not a.is_optional]
        for entity in found.entities:
            names = [attribute.name for attribute in entity.attributes]
            assert len(set(names)) == len(names)
            assert all(a.name in names for a in needed if entity.label in a.labels)


def said(document: Document) -> list[object]:
    """What is predicted, without scores."""
    return [document.entities, document.relations, document.events]


def scores(document: Document) -> list[float]:
    arguments = [a for event in document.events for a in event.arguments]
    return [item.score or 0.0 for item in (*document.entities, *document.relations, *document.events, *arguments)]


def check_same(one: Document, other: Document) -> None:
    assert said(one) == said(other)
    assert scores(one) == pytest.approx(scores(other), abs=1e-3)


def test_random_weights_find_plenty(parts: Parts) -> None:
    found = build(parts).annotate(NOTES[:6], ["both"])
    assert sum(len(document.entities) for document in found) > 100
    assert sum(len(document.relations) for document in found) > 50
    assert sum(len(document.events) for document in found) > 10
    assert any(len(entity.fragments) > 1 for document in found for entity in document.entities)


@settings(max_examples=25, deadline=None)
@given(st.lists(texts, min_size=1, max_size=6), st.integers(0, 99), st.sampled_from([1, 40, 200, 5000]))
def test_answers_depend_on_the_note_alone(parts: Parts, many: list[str], seed: int, size: int) -> None:
    notes = [Document(str(number), text) for number, text in enumerate(many)]
    alone = {note.id: build(parts).annotate([note], ["both"])[0] for note in notes}
    shuffled = [*notes, Document("other", NOTES[seed % len(NOTES)])]
    Random(seed).shuffle(shuffled)
    for found in build(parts, budget=size, shard_tokens=size).annotate(shuffled, ["both"]):
        if found.id in alone:
            check_same(found, alone[found.id])


def test_order_and_batch_size_change_nothing_over_many_notes(parts: Parts) -> None:
    notes = [Document(f"n{number}", NOTES[number % len(NOTES)][: 40 + 3 * number]) for number in range(70)]
    expected = build(parts).annotate(notes, ["tiny", "sdoh"])
    backwards = build(parts, budget=64, shard_tokens=100).annotate(reversed(notes), ["tiny", "sdoh"])
    for one, other in zip(expected, reversed(backwards), strict=True):
        check_same(one, other)


def test_strings_become_numbered_documents_and_present_annotation_is_ignored(
    parts: Parts,
) -> None:
    extractor = build(parts)
    gold = Document("2", NOTES[0], (Entity("X", "Anything", (Span(0, 1),), (Attribute("a"),)),))
    one, two = extractor.annotate([NOTES[0], gold])
    assert (one.id, two.id) == ("1", "2")
    assert said(one) == said(two)


def test_notes_are_read_as_they_are_asked_for(parts: Parts) -> None:
    taken: list[int] = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield "chest pain"

    assert next(build(parts).stream(endless())).id == "1"
    assert len(taken) <= 64


def test_no_notes_give_nothing(parts: Parts) -> None:
    assert build(parts).annotate([]) == []
    assert build(parts).annotate(["", " \n"]) == [Document("1", ""), Document("2", " \n")]


def test_one_schema_keeps_labels_bare_and_several_prefix_them(parts: Parts) -> None:
    extractor = build(parts)
    (bare,) = extractor.annotate(NOTES[:1])
    assert {entity.label for entity in bare.entities} <= set(TINY_SCHEMA.labels)
    (prefixed,) = extractor.annotate(NOTES[:1], ["tiny", "sdoh"])
    assert {entity.label.partition(":")[0] for entity in prefixed.entities} == {"tiny", "sdoh"}


def test_other_thresholds_change_what_is_given_and_not_the_extractor(parts: Parts) -> None:
    extractor = build(parts)
    (before,) = extractor.annotate(NOTES[:1])
    (strict,) = extractor.with_thresholds({"tiny": Thresholds(default=0.9)}).annotate(NOTES[:1])
    assert len(strict.entities) < len(before.entities)
    assert all(entity.score is None or entity.score >= 0.9 for entity in strict.entities)
    assert extractor.annotate(NOTES[:1]) == [before]


def test_a_threshold_of_zero_lets_no_illegal_link_through(parts: Parts) -> None:
    everything = {"tiny": Thresholds(links={FRAGMENT: 0.9}, default=0.0)}
    (found,) = build(parts).with_thresholds(everything).annotate(["pain aspirin daily"])
    assert found.relations
    assert TINY_SCHEMA.problems(found) == []


def test_lone_surrogates_are_refused_without_quoting_the_note(parts: Parts) -> None:
    with pytest.raises(AnnotationError, match="lone surrogate at character 5") as caught:
        build(parts).annotate(["fine", "chest\ud800"])
    assert "chest" not in str(caught.value)


def test_unknown_and_repeated_schemas_are_refused(parts: Parts) -> None:
    with pytest.raises(UnknownNameError, match="tiny"):
        build(parts).annotate(NOTES[:1], ["tinny"])
    with pytest.raises(ConfigError, match="twice"):
        build(parts).annotate(NOTES[:1], ["tiny", "tiny"])


def test_a_single_string_instead_of_a_list_is_refused(parts: Parts) -> None:
    with pytest.raises(ConfigError, match="list"):
        build(parts).annotate("chest pain")
