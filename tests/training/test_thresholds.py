"""Fitting thresholds: against brute force, and what is never fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny import TINY_SCHEMA

pytest.importorskip("torch")

from medspan.annotation import Document, Entity, Relation, Span
from medspan.formulations.mentions import FRAGMENT, Layout, Thresholds
from medspan.training.sources import TuneSet
from medspan.training.thresholds import FEWEST_GOLD, HIGHEST, LOWEST, best_threshold, fit_thresholds

LAYOUT = Layout(TINY_SCHEMA, ("Problem",))


def f1_at(marks: list[tuple[float, bool]], n_gold: int, threshold: float) -> float:
    given_ = [is_correct for score, is_correct in marks if score >= threshold]
    return 2 * sum(given_) / (len(given_) + n_gold) if given_ else 0.0


@given(
    st.lists(st.tuples(st.integers(0, 10000).map(lambda n: n / 10000), st.booleans()), max_size=30),
    st.integers(0, 10),
)
def test_the_best_threshold_is_the_best_of_all_in_the_range(marks: list[tuple[float, bool]], missed: int) -> None:
    n_gold = sum(is_correct for _, is_correct in marks) + missed
    threshold = best_threshold(marks, n_gold)
    everywhere = [LOWEST, HIGHEST, 0.5, *(score for score, _ in marks if LOWEST <= score <= HIGHEST)]
    assert LOWEST <= threshold <= HIGHEST
    assert f1_at(marks, n_gold, threshold) == max(f1_at(marks, n_gold, t) for t in everywhere)


def test_a_threshold_lies_between_the_last_score_given_and_the_next() -> None:
    assert best_threshold([(0.7, True), (0.6, True), (0.4, False), (0.3, False)], 2) == 0.5
    assert best_threshold([(0.9, True), (0.2, False)], 1) == 0.5
    assert best_threshold([(0.9, True), (0.85, False)], 1) == 0.5  # cannot be told apart below 0.75


def test_nothing_correct_leaves_one_half() -> None:
    assert best_threshold([], 5) == 0.5
    assert best_threshold([(0.6, False), (0.3, False)], 5) == 0.5


@dataclass
class ScoredAnswers:
    """An extractor double: knows every mention and link with its score, and gives those above the thresholds."""

    answers: Sequence[Document]
    thresholds: Thresholds = field(default_factory=Thresholds)
    asked: list[Thresholds] = field(default_factory=list)
    heads: Any = field(default_factory=lambda: SimpleNamespace(layouts={"tiny": LAYOUT}))
    annotator: Any = field(default_factory=lambda: SimpleNamespace(has_thresholds=True))

    def on_given_entities(self) -> "ScoredAnswers":
        return self

    def with_thresholds(self, thresholds: Mapping[str, Thresholds]) -> "ScoredAnswers":
        self.asked.append(thresholds["tiny"])
        return ScoredAnswers(self.answers, thresholds["tiny"], self.asked, self.heads)

    def annotate(self, documents: Sequence[Document], schemas: Sequence[str]) -> list[Document]:
        def least(names: Mapping[str, float], name: str) -> float:
            return names.get(name, self.thresholds.default)

        found = []
        for answer in self.answers[: len(documents)]:
            kept = [e for e in answer.entities if (e.score or 0) >= least(self.thresholds.labels, e.label)]
            ids = {entity.id for entity in kept}
            links = [
                r
                for r in answer.relations
                if {r.head, r.tail} <= ids and (r.score or 0) >= least(self.thresholds.links, r.label)
            ]
            found.append(Document(answer.id, answer.text, tuple(kept), tuple(links)))
        return found


TEXT = "aspirin 81 mg"


def note(number: int, *entities: Entity, relations: tuple[Relation, ...] = ()) -> Document:
    return Document(str(number), TEXT, entities, relations)


def drug(score: float | None = None) -> Entity:
    return Entity("T1", "Drug", (Span(0, 7),), score=score)


def dose(score: float | None = None) -> Entity:
    return Entity("T2", "Dose", (Span(8, 13),), score=score)


def tune(*documents: Document) -> list[TuneSet]:
    return [TuneSet("corpus", "tiny", documents)]


def test_frequent_labels_get_their_own_threshold_and_rare_ones_the_common() -> None:
    n = FEWEST_GOLD
    gold = [note(at, drug(), dose()) if at == 0 else note(at, drug()) for at in range(n)]
    answers = [note(at, drug(0.4), dose(0.3)) for at in range(n)]
    fitted = fit_thresholds(ScoredAnswers(answers), tune(*gold))["tiny"]  # type: ignore[arg-type]
    assert fitted.labels == {"Drug": pytest.approx(0.325)}
    assert 0.3 < fitted.default <= 0.4


def test_links_are_fitted_and_joined_fragments_are_not() -> None:
    link = Relation("R1", "dose-of", "T2", "T1")
    gold = [note(at, drug(), dose(), relations=(link,)) for at in range(FEWEST_GOLD)]
    scored = Relation("R1", "dose-of", "T2", "T1", 0.3)
    extractor = ScoredAnswers([note(at, drug(0.9), dose(0.9), relations=(scored,)) for at in range(FEWEST_GOLD)])
    fitted = fit_thresholds(extractor, tune(*gold))["tiny"]  # type: ignore[arg-type]
    assert fitted.links["dose-of"] == pytest.approx(0.275)
    assert fitted.links[FRAGMENT] == 0.5
    assert all(asked.links.get(FRAGMENT, asked.default) == 0.5 for asked in extractor.asked)


def test_a_symmetric_link_counts_as_correct_whichever_way_it_was_written() -> None:
    problem = Entity("T3", "Problem", (Span(8, 10),))
    gold = [
        Document(str(at), TEXT, (drug(), problem), (Relation("R1", "same", "T3", "T1"),)) for at in range(FEWEST_GOLD)
    ]
    answers = [
        Document(
            str(at),
            TEXT,
            (drug(0.9), Entity("T3", "Problem", (Span(8, 10),), score=0.9)),
            (Relation("R1", "same", "T1", "T3", 0.3),),
        )
        for at in range(FEWEST_GOLD)
    ]
    fitted = fit_thresholds(ScoredAnswers(answers), tune(*gold))["tiny"]  # type: ignore[arg-type]
    assert fitted.links["same"] == pytest.approx(0.275)


def test_thresholds_that_do_not_raise_the_score_are_not_taken() -> None:
    gold = [note(at, drug()) for at in range(FEWEST_GOLD)]
    answers = [note(at, drug(0.9)) for at in range(FEWEST_GOLD)]
    assert fit_thresholds(ScoredAnswers(answers), tune(*gold)) == {"tiny": Thresholds()}  # type: ignore[arg-type]


def test_formulations_without_thresholds_are_fitted_none() -> None:
    extractor = ScoredAnswers([note(1, drug(0.9))], annotator=SimpleNamespace(has_thresholds=False))
    assert fit_thresholds(extractor, tune(note(1, drug()))) == {}  # type: ignore[arg-type]
    assert extractor.asked == []


def test_no_tune_documents_give_no_thresholds() -> None:
    assert fit_thresholds(ScoredAnswers([]), []) == {}  # type: ignore[arg-type]
