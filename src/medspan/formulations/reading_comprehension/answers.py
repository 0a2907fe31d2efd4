"""The gold of a window as answers to questions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.formulations.mentions import Layout, Supervision, Targets

__all__ = ["Answers", "entity_answers", "link_answers", "link_questions"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What is right and what is wrong to answer to one question about one window.

    spans: (spans, 2) first and last token in the window, both inclusive; is_answer: (spans,).
    labels: (spans,) the label of a possible tail; -1 where the question asks for a label.
    values: (spans, attributes) as in Targets, -1 also where nothing is annotated.
    about: first and last token of the head mention that a question about a link is about.
    """

    spans: IntArray
    is_answer: BoolArray
    labels: IntArray
    values: IntArray
    about: tuple[int, int] | None = None


def entity_answers(targets: Targets, label: int, supervision: Supervision) -> Answers:
    """Return the answers to the question for a label: its mentions, with their attribute values."""
    mine = targets.spans[:, 2] == label
    n = int(mine.sum())
    values = np.where(supervision.attributes, targets.values[mine], -1)
    return Answers(targets.spans[mine, :2], np.ones(n, bool), np.full(n, -1), values)


def link_questions(labels: IntArray, pairs: IntArray, layout: Layout) -> tuple[IntArray, IntArray]:
    """Return which questions there are about the mentions of rows, and which possible answers each has.

    labels: (mentions,) of each mention; pairs: (pairs, 2) head and possible tail.
    Questions: (questions, 2) head mention and link, in that order; a link is asked about a mention only where some
    mention of its row is a legal tail. Answers: (answers, 2) question and pair.
    """
    legal = layout.link_legal[labels[pairs[:, 0]], labels[pairs[:, 1]]]  # (pairs, links)
    pair, column = np.nonzero(legal)
    n_links = max(1, len(layout.links))
    keys, question = np.unique(pairs[pair, 0] * n_links + column, return_inverse=True)
    questions = np.stack([keys // n_links, keys % n_links], axis=1)
    return questions, np.stack([question.ravel(), pair], axis=1)


def link_answers(
    targets: Targets, pairs: IntArray, layout: Layout, supervision: Supervision
) -> Iterator[tuple[int, int, Answers]]:
    """Yield every question about the gold mentions of a window: head mention, link, answers.

    pairs: (pairs, 2) of gold mentions that some link may join. The answers list all legal tails, right and wrong.
    """
    labels = targets.spans[:, 2]
    questions, possible = link_questions(labels, pairs, layout)
    gold = {(int(head), int(tail), int(column)) for head, tail, column in targets.links}
    bounds = np.searchsorted(possible[np.argsort(possible[:, 0], kind="stable"), 0], np.arange(len(questions) + 1))
    by_question = possible[np.argsort(possible[:, 0], kind="stable"), 1]
    nothing = np.full(len(layout.attributes), -1)
    for number, (head, column) in enumerate(questions.tolist()):
        if not supervision.links[column]:
            continue
        tails = pairs[by_question[bounds[number] : bounds[number + 1]], 1]
        is_answer = np.array([(head, int(tail), column) in gold for tail in tails], dtype=bool)
        about = (int(targets.spans[head, 0]), int(targets.spans[head, 1]))
        values = np.broadcast_to(nothing, (len(tails), len(nothing)))
        yield head, column, Answers(targets.spans[tails, :2], is_answer, labels[tails], values, about)
