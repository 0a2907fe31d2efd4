"""`reading_comprehension` in training: one example for each question about each window."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from medspan.annotation import Document
from medspan.errors import ConfigError
from medspan.formulations import Row, rows
from medspan.formulations.inputs import pad
from medspan.formulations.mentions import Supervision, Targets, encode, legal_pairs
from medspan.formulations.reading_comprehension import (
    Answers,
    Asked,
    Options,
    Questions,
    entity_answers,
    link_answers,
    shown_mentions,
)
from medspan.models.encoder import Encoder
from medspan.models.objective import Criterion
from medspan.models.reading_comprehension.loss import ReadingGold, reading_loss
from medspan.models.reading_comprehension.network import ReadingModel
from medspan.training.examples import Encoded, Example
from medspan.training.gold import lost_across, there_and_back, unannotated
from medspan.training.tasks import Setting

__all__ = ["QuestionGold", "ReadingBatch", "ReadingTask"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class QuestionGold:
    """The gold of one question about one window.

    asks: the label, or the link where `answers` are about a mention. text: (tokens,) where the window's tokens are in
    the row; is_annotated: (tokens,) as in Targets.
    """

    head: str
    asks: int
    text: IntArray
    is_annotated: npt.NDArray[np.bool_]
    answers: Answers


@dataclass(frozen=True)
class ReadingBatch:
    """Padded rows for the encoder, (rows, length) each, and their gold.

    text: (tokens,) positions of the windows' tokens in the rows laid end to end, padding included.
    """

    inputs: Mapping[str, Tensor]
    text: Tensor
    n_units: int
    gold: ReadingGold

    def to(self, device: Any) -> "ReadingBatch":
        """Return the batch with its rows on a device; gold stays in numpy."""
        inputs = {name: value.to(device) for name, value in self.inputs.items()}
        return replace(self, inputs=inputs, text=self.text.to(device))


class ReadingTask:
    """See `Task`.

    Where questions show mentions that the recipe does not give, `setting.options` holds, once documents are encoded,
    those that were taken from them; a label keeps those of the first source that has it.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._questions = self._ask()

    def _ask(self) -> Questions:
        options = Options.model_validate(self.setting.options)
        return Questions(self.setting.tokenizer, self.setting.layouts, options)

    def build(self, encoder: Encoder) -> ReadingModel:
        """Return the network; raises ConfigError where a question and a window do not fit the encoder."""
        overhead, budget = self._questions.overhead, self.setting.size.budget
        if encoder.max_tokens is not None and overhead + budget > encoder.max_tokens:
            left = encoder.max_tokens - overhead
            advice = f"set it to {left}" if left >= 8 else "set reading_comprehension.questions to label"
            raise ConfigError(
                f"window.budget: rows of a question (up to {overhead} tokens, special ones included) and a window "
                f"({budget}) do not fit the encoder, which takes {encoder.max_tokens}; {advice}"
            )
        return ReadingModel(encoder, self.setting.layouts, self.setting.dropout)

    def encode(
        self, versions: Mapping[str, Sequence[Document]], supervision: Mapping[str, Supervision], repeat: float
    ) -> Encoded:
        """Turn documents into one example a question."""
        self._choose_shown(versions)
        encoded = Encoded(held={}, lost={})
        held: dict[str, int] = {}
        lost: dict[str, Counter[str]] = {}
        for head, mapped in versions.items():
            layout = self.setting.layouts[head]
            cut = rows(mapped, self.setting.tokenizer, self.setting.size)
            held[head], lost[head] = 0, lost_across(mapped, cut)
            for row in (row for document_rows in cut for row in document_rows):
                targets = encode(row.window.document, row.tokens, layout, unannotated(row))
                held[head] += len(targets.spans) + len(targets.links)
                lost[head].update(targets.lost)
                if targets.is_annotated.any():
                    encoded.examples.extend(self._examples(head, row, targets, supervision[head], repeat))
        return Encoded(encoded.examples, held, lost)

    def _choose_shown(self, versions: Mapping[str, Sequence[Document]]) -> None:
        options = Options.model_validate(self.setting.options)
        if options.questions != "examples":
            return
        shown = {head: dict(mentions) for head, mentions in options.examples.items()}
        for head, mapped in versions.items():
            fresh = shown_mentions(mapped, self.setting.layouts[head], options.n_examples)
            shown[head] = fresh | shown.get(head, {})
        chosen = options.model_copy(update={"examples": shown})
        self.setting = replace(self.setting, options=chosen.model_dump(mode="json"))
        self._questions = self._ask()

    def _examples(
        self, head: str, row: Row, targets: Targets, supervision: Supervision, repeat: float
    ) -> Iterator[Example]:
        options = Options.model_validate(self.setting.options)
        layout, window = self.setting.layouts[head], row.tokens

        def example(asked: Asked, column: int, answers: Answers, negatives: float) -> Example:
            gold = QuestionGold(head, column, asked.text, targets.is_annotated, answers)
            return Example(asked.row, gold, repeat if answers.is_answer.any() else repeat * negatives)

        for label in np.flatnonzero(supervision.labels).tolist():
            answers = entity_answers(targets, label, supervision)
            yield example(self._questions.entity(head, label, window), label, answers, options.negatives)
        labels = targets.spans[:, 2]
        pairs = legal_pairs(np.zeros(len(labels), np.int64), labels, layout)
        for mention, column, answers in link_answers(targets, pairs, layout, supervision, options.new_tails):
            first, last, label = targets.spans[mention].tolist()
            asked = self._questions.link(head, label, column, window, first, last)
            yield example(asked, column, answers, options.link_negatives)

    def collate(self, examples: Sequence[Example]) -> ReadingBatch:
        """Pad rows to the longest and lay their windows and gold end to end."""
        arrays = pad([example.row for example in examples])
        width = arrays["input_ids"].shape[1]
        gold = [cast(QuestionGold, example.gold) for example in examples]
        sizes = np.array([len(part.text) for part in gold])
        offsets = np.cumsum([0, *sizes])
        text = np.concatenate([part.text + number * width for number, part in enumerate(gold)])
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return ReadingBatch(inputs, torch.from_numpy(text), int(offsets[-1]), _gather(gold, sizes, offsets))

    def class_counts(self, examples: Sequence[Example]) -> dict[str, list[int]]:
        """Return how many answers there are to the question for each label, and for each link, of each head set."""
        counts: dict[str, list[int]] = {}
        for head, layout in self.setting.layouts.items():
            counts[f"{head}/labels"] = [0] * len(layout.labels)
            counts[f"{head}/links"] = [0] * len(layout.links)
        for example in examples:
            gold = cast(QuestionGold, example.gold)
            is_link = gold.answers.about is not None
            found = gold.answers.is_answer & ((gold.answers.labels >= 0) | (not is_link))
            counts[f"{gold.head}/{'links' if is_link else 'labels'}"][gold.asks] += int(found.sum())
        return counts

    def losses(
        self, network: nn.Module, batch: ReadingBatch, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return the losses of all questions together, by part."""
        model = cast(ReadingModel, network)
        return reading_loss(model, model.hidden(batch.inputs, batch.text), batch.gold, rng, criterion)

    def returned(self, documents: Sequence[Document], head: str) -> list[Document]:
        """Return documents as they come back from windows, `encode`, `decode` and `merge`.

        Questions tell apart links and mentions, answers tell apart spans and labels: all that targets hold comes back.
        """
        setting = self.setting
        return there_and_back(documents, setting.tokenizer, setting.size, setting.layouts[head])


def _gather(gold: Sequence[QuestionGold], sizes: IntArray, offsets: IntArray) -> ReadingGold:
    values: dict[str, list[IntArray]] = {}
    about = np.full((len(gold), 2), -1)
    n_spans = 0
    for row, part in enumerate(gold):
        answers = part.answers
        if answers.about is not None:
            about[row] = np.array(answers.about) + offsets[row]
        elif answers.values.size:
            numbers = np.arange(n_spans, n_spans + len(answers.spans))
            values.setdefault(part.head, []).append(np.column_stack([numbers, answers.values]))
        n_spans += len(answers.spans)
    return ReadingGold(
        np.repeat(np.arange(len(gold)), sizes),
        np.concatenate([part.is_annotated for part in gold]),
        np.concatenate([part.answers.spans + offset for part, offset in zip(gold, offsets, strict=False)]),
        np.concatenate([part.answers.is_answer for part in gold]),
        np.concatenate([part.answers.labels for part in gold]),
        {head: np.concatenate(parts) for head, parts in values.items()},
        np.array([part.head for part in gold]),
        np.array([part.asks for part in gold]),
        about,
    )
