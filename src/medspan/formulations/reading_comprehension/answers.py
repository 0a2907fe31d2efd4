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


def link_questions(
    labels: IntArray, pairs: IntArray, layout: Layout, new_tails: bool = False
) -> tuple[IntArray, IntArray]:
    """Return which questions there are about the mentions of rows, and which possible answers each has.

    labels: (mentions,) of each mention; pairs: (pairs, 2) head and possible tail.
    Questions: (questions, 2) head mention and link, in that order; a link is asked about a mention only where some
    mention of its row is a legal tail, or with `new_tails` wherever it is legal. Answers: (answers, 2) question and
    pair.
    """
    legal = layout.link_legal[labels[pairs[:, 0]], labels[pairs[:, 1]]]  # (pairs, links)
    pair, column = np.nonzero(legal)
    n_links = max(1, len(layout.links))
    wanted = pairs[pair, 0] * n_links + column
    keys = np.unique(wanted)
    if new_tails:
        some_tail: BoolArray = np.any(layout.link_legal, axis=1)  # (labels, links)
        mention, anywhere = np.nonzero(some_tail[labels])
        keys = mention * n_links + anywhere
    questions = np.stack([keys // n_links, keys % n_links], axis=1)
    return questions, np.stack([np.searchsorted(keys, wanted), pair], axis=1)


def link_answers(
    targets: Targets, pairs: IntArray, layout: Layout, supervision: Supervision, new_tails: bool = False
) -> Iterator[tuple[int, int, Answers]]:
    """Yield every question about the gold mentions of a window: head mention, link, answers.

    pairs: (pairs, 2) of gold mentions that some link may join. The answers list all legal tails, right and wrong; with
    `new_tails`, also their spans without a label, which is what a tail that no question found is scored as.
    """
    labels = targets.spans[:, 2]
    questions, possible = link_questions(labels, pairs, layout, new_tails)
    possible = possible[np.argsort(possible[:, 0], kind="stable")]
    bounds = np.searchsorted(possible[:, 0], np.arange(len(questions) + 1))
    gold = {(int(head), int(tail), int(column)) for head, tail, column in targets.links}
    for number, (head, column) in enumerate(questions.tolist()):
        if not supervision.links[column]:
            continue
        tails = pairs[possible[bounds[number] : bounds[number + 1], 1], 1]
        is_answer = np.array([(head, int(tail), column) in gold for tail in tails], dtype=bool)
        spans, tail_labels = targets.spans[tails, :2], labels[tails]
        if new_tails:
            bare, which = np.unique(spans, axis=0, return_inverse=True)
            is_any = np.zeros(len(bare), dtype=bool)
            np.logical_or.at(is_any, which.ravel(), is_answer)
            spans, is_answer = np.concatenate([spans, bare]), np.concatenate([is_answer, is_any])
            tail_labels = np.concatenate([tail_labels, np.full(len(bare), -1)])
        about = (int(targets.spans[head, 0]), int(targets.spans[head, 1]))
        values = np.full((len(spans), len(layout.attributes)), -1)
        yield head, column, Answers(spans, is_answer, tail_labels, values, about)
