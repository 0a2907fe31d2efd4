"""Gold as answers to questions: what is asked of a window, and that the answers are all of its gold."""

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medspan.formulations.mentions import Layout, Supervision, Targets, legal_pairs
from medspan.formulations.reading_comprehension import entity_answers, gap_codes, link_answers, link_questions
from tiny import TINY_SCHEMA

LAYOUT = Layout(TINY_SCHEMA, ("Problem", "Drug"))
EVERYTHING = Supervision.of(LAYOUT)
N_TOKENS = 8


@st.composite
def targets(draw: st.DrawFn) -> Targets:
    """Any spans, nested and the same ones of several labels too, with any legal links."""
    firsts, widths = st.integers(0, N_TOKENS - 1), st.integers(0, 2)
    drawn = draw(st.lists(st.tuples(firsts, widths, st.integers(0, len(LAYOUT.labels) - 1)), max_size=7, unique=True))
    spans = [(first, min(first + width, N_TOKENS - 1), label) for first, width, label in drawn]
    spans = list(dict.fromkeys(spans))
    possible = [
        (head, tail, int(column))
        for head, tail in permutations(range(len(spans)), 2)
        for column in np.flatnonzero(LAYOUT.link_legal[spans[head][2], spans[tail][2]])
    ]
    links = draw(st.lists(st.sampled_from(possible), max_size=6, unique=True)) if possible else []
    values = draw(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), min_size=len(spans), max_size=len(spans)))
    return Targets(
        np.array(spans, np.int64).reshape(-1, 3),
        np.array(values, np.int64).reshape(len(spans), 2),
        np.array(links, np.int64).reshape(-1, 3),
        np.ones(N_TOKENS, bool),
    )


def pairs_of(gold: Targets) -> np.ndarray:
    labels = gold.spans[:, 2]
    return legal_pairs(np.zeros(len(labels), np.int64), labels, LAYOUT)


@given(targets())
def test_the_answers_to_all_questions_are_the_gold_so_nothing_more_is_lost_than_targets_lose(gold: Targets) -> None:
    mentions = {
        (first, last, label, *values)
        for label in range(len(LAYOUT.labels))
        for answers in [entity_answers(gold, label, EVERYTHING)]
        for (first, last), values in zip(answers.spans.tolist(), answers.values.tolist(), strict=True)
        if answers.is_answer.all()
    }
    assert mentions == {
        (*span, *values) for span, values in zip(gold.spans.tolist(), gold.values.tolist(), strict=True)
    }
    number = {tuple(span): at for at, span in enumerate(gold.spans.tolist())}
    links = {
        (head, number[first, last, label], column)
        for head, column, answers in link_answers(gold, pairs_of(gold), LAYOUT, EVERYTHING)
        for (first, last), label, is_answer in zip(
            answers.spans.tolist(), answers.labels.tolist(), answers.is_answer.tolist(), strict=True
        )
        if is_answer
    }
    assert links == set(map(tuple, gold.links.tolist()))


@given(targets())
def test_a_link_is_asked_about_a_mention_where_and_only_where_some_other_may_be_its_tail(gold: Targets) -> None:
    labels = gold.spans[:, 2]
    questions, answers = link_questions(labels, pairs_of(gold), LAYOUT)
    pairs = pairs_of(gold)
    found = [(*questions[question].tolist(), int(pairs[pair, 1])) for question, pair in answers]
    expected = {
        (head, int(column), tail)
        for head, tail in permutations(range(len(labels)), 2)
        for column in np.flatnonzero(LAYOUT.link_legal[labels[head], labels[tail]])
    }
    assert sorted(found) == sorted(expected)
    assert len(questions) == len({(head, column) for head, column, _ in expected})
    assert all(pairs[pair, 0] == questions[question, 0] for question, pair in answers)
    assert questions.tolist() == sorted(questions.tolist())


def test_a_label_that_a_window_has_none_of_is_a_question_without_answers() -> None:
    gold = Targets(np.array([[0, 1, 0]]), np.array([[1, 0]]), np.zeros((0, 3), np.int64), np.ones(4, bool))
    assert entity_answers(gold, 0, EVERYTHING).is_answer.tolist() == [True]
    assert entity_answers(gold, 1, EVERYTHING).spans.shape == (0, 2)


def test_values_and_links_that_a_corpus_does_not_annotate_are_not_learnt() -> None:
    partly = Supervision.of(LAYOUT, attributes=("severity",), relations=("dose-of",))
    gold = Targets(
        np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2]]),
        np.array([[1, 2], [-1, 1], [-1, -1]]),
        np.array([[0, 1, LAYOUT.link_index["reason"]], [2, 1, LAYOUT.link_index["dose-of"]]]),
        np.ones(4, bool),
    )
    assert entity_answers(gold, 0, partly).values.tolist() == [[-1, 2]]
    columns = {column for _, column, _ in link_answers(gold, pairs_of(gold), LAYOUT, partly)}
    assert columns == {LAYOUT.link_index["dose-of"]}


def test_places_tell_order_and_distance_from_the_mention_asked_about() -> None:
    first, last = np.array([0, 4, 8, 5]), np.array([1, 5, 9, 5])
    codes = gap_codes(first, last, np.array([4, 4, 4, -1]), np.array([5, 5, 5, -1]))
    assert codes[3] == -1
    assert len({*codes.tolist()}) == 4
    moved = gap_codes(first + 7, last + 7, np.array([4, 4, 4, -8]) + 7, np.array([5, 5, 5, -8]) + 7)
    assert moved.tolist() == codes.tolist()
