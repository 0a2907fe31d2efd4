"""A reader without fault, through the annotator's own passes over windows, gives what the ceiling says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny import TINY_SCHEMA, tiny_tokenizer

pytest.importorskip("torch")

from medspan.annotation import Argument, Document, Entity, Event, Relation, Span
from medspan.formulations import TextTokenizer, Tokens, WindowSize, rows
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Layout, SpanArray, Supervision, Targets, encode
from medspan.formulations.reading_comprehension import Options
from medspan.inference.annotators import Parts
from medspan.inference.annotators.reading_comprehension import ReadingAnnotator
from medspan.models.reading_comprehension import Found
from medspan.training.tasks import Setting
from medspan.training.tasks.reading_comprehension import ReadingTask

WORDS = [f"{letter}{digit}" for letter in "abcdefgh" for digit in "1234"]
TOKENIZER = TextTokenizer(tiny_tokenizer(WORDS))
LAYOUT = Layout(TINY_SCHEMA, TINY_SCHEMA.labels)
SIZE = WindowSize(16)


@dataclass
class Oracle:
    """Knows the targets of every window, and answers in place of the questions, the encoder and the scorer."""

    targets: dict[bytes, Targets]
    asked: list[tuple[Targets, int, int, tuple[int, int] | None]] = field(default_factory=list)
    hidden_size = 1
    stats = None

    def watch(self, annotator: ReadingAnnotator) -> None:
        questions: Any = annotator._questions
        entity, link = questions.entity, questions.link

        def asked_entity(head: str, label: int, window: Tokens) -> Any:
            self.asked.append((self.targets[window.ids.tobytes()], label, -1, None))
            return entity(head, label, window)

        def asked_link(head: str, label: int, column: int, window: Tokens, first: int, last: int) -> Any:
            self.asked.append((self.targets[window.ids.tobytes()], label, column, (first, last)))
            return link(head, label, column, window, first, last)

        questions.entity, questions.link = asked_entity, asked_link
        annotator._scorer = self  # type: ignore[assignment]

    def encode(self, batch: Sequence[EncoderInput]) -> Any:
        assert len(batch) == len(self.asked)
        return np.zeros((sum(map(len, batch)), 1), np.float32)

    def answers(self, h: Any, row_of_token: Any) -> Found:
        spans = []
        for row, (targets, label, _, _) in enumerate(self.asked):
            start = int(np.searchsorted(row_of_token, row))
            assert int((row_of_token == row).sum()) == len(targets.is_annotated)
            spans += [(first + start, last + start) for first, last, found in targets.spans if found == label]
        self.asked.clear()
        first, last = np.array(sorted(spans), np.int64).reshape(-1, 2).T
        return Found(SpanArray(first, last), np.ones(len(first), np.float32), np.zeros((len(first), 1), np.float32))

    def values(self, head: str, states: Any) -> Any:
        return np.zeros((len(states), LAYOUT.n_attribute_columns), np.float32)

    def tails(self, head: str, h: Any, spans: SpanArray, labels: Any, gaps: Any) -> Any:
        starts = np.cumsum([0, *(len(targets.is_annotated) for targets, *_ in self.asked)])
        scores = []
        for first, last, label in zip(spans.first, spans.last, labels, strict=True):
            row = int(np.searchsorted(starts, first, side="right")) - 1
            targets, head_label, column, about = self.asked[row]
            assert about is not None
            number = {tuple(span): at for at, span in enumerate(targets.spans.tolist())}
            tail = number[int(first - starts[row]), int(last - starts[row]), int(label)]
            wanted = (number[(*about, head_label)], tail, column)
            scores.append(float(wanted in set(map(tuple, targets.links.tolist()))))
        self.asked.clear()
        return np.array(scores, np.float32)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Words in an order of their own, so that no two windows are the same, with any mentions and links."""
    words = draw(st.permutations(WORDS))[: draw(st.integers(12, 24))]
    text, bounds, at = "", [], 0
    for word in words:
        text += word + draw(st.sampled_from([" ", ". ", "\n\n"]))
        bounds.append((at, at + len(word)))
        at = len(text)
    starts, widths = st.integers(0, len(words) - 1), st.integers(0, 2)
    labels = st.sampled_from(["Problem", "Drug", "Dose", "Habit", "Status"])
    drawn = draw(st.lists(st.tuples(labels, st.lists(st.tuples(starts, widths), min_size=1, max_size=2)), max_size=12))
    entities = []
    for number, (label, parts) in enumerate(drawn):
        fragments: list[Span] = []
        for start, width in sorted(parts):
            span = Span(bounds[start][0], bounds[min(start + width, len(words) - 1)][1])
            if not fragments or span.start >= fragments[-1].end:
                fragments.append(span)
        entities.append(Entity(f"T{number}", label, tuple(fragments)))
    if not entities:
        return Document("n", text)
    ids = st.sampled_from([entity.id for entity in entities])
    links = draw(st.lists(st.tuples(st.sampled_from(["dose-of", "reason", "same"]), ids, ids), max_size=6))
    relations = tuple(Relation(f"R{n}", *parts) for n, parts in enumerate(links))
    arguments = st.lists(st.builds(Argument, st.sampled_from(["status", "amount"]), ids), max_size=3)
    habits = [entity.id for entity in entities if entity.label == "Habit"]
    events = tuple(Event(f"E{habit}", "Smoking", habit, tuple(draw(arguments))) for habit in habits)
    return Document("n", text, tuple(entities), relations, events)


def facts(document: Document) -> tuple[Counter[Any], Counter[Any]]:
    """Mentions and links by what they say; attributes, scores and ids set apart."""
    place = {entity.id: (entity.label, entity.fragments) for entity in document.entities}
    links: Counter[Any] = Counter()
    for relation in document.relations:
        ends = (place[relation.head], place[relation.tail])
        links[relation.label, tuple(sorted(ends)) if relation.label == "same" else ends] += 1
    for event in document.events:
        links.update((a.role, place[event.trigger], place[a.target]) for a in event.arguments)
    return Counter(place.values()), links


BLANK = {
    "heads.tiny.value.weight": np.zeros((LAYOUT.n_attribute_columns, 1), np.float32),
    "heads.tiny.tail.weight": np.zeros((len(LAYOUT.labels), 1), np.float32),
}


@settings(max_examples=80, deadline=None)
@given(documents(), st.sampled_from([60, 8192]))
def test_a_reader_without_fault_gives_what_the_ceiling_says(note: Document, shard_tokens: int) -> None:
    reading = ReadingTask(Setting(TOKENIZER, {"tiny": LAYOUT}, SIZE, Options().model_dump(mode="json")))
    cut = rows([note], TOKENIZER, SIZE)[0]
    oracle: Any = Oracle({row.tokens.ids.tobytes(): encode(row.window.document, row.tokens, LAYOUT) for row in cut})
    annotator = ReadingAnnotator(Parts(TOKENIZER, oracle, BLANK, {"tiny": LAYOUT}, SIZE, {}, shard_tokens))
    oracle.watch(annotator)
    (found,) = annotator.annotate([note.bare()], ["tiny"], {})["tiny"]
    (returned,) = reading.returned([note], "tiny")
    assert facts(found) == facts(returned)
    lost = reading.encode({"tiny": [note]}, {"tiny": Supervision.of(LAYOUT)}, 1.0).lost["tiny"]
    assert bool(lost) == (facts(note) != facts(returned))
