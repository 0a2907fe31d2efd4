import random

import pytest

from medspan.annotation import Document, Entity, Span
from medspan.scoring import score

LABELS = ["Drug", "Form", "Route"]


def documents(seed):
    """Notes whose mentions overlap at most one of the other side.

    Elsewhere nervaluate lets the first prediction that overlaps a gold mention take it, even from one that equals it.
    """
    rng = random.Random(seed)
    sides = [], []
    for d in range(80):
        found = [], []
        for slot in range(0, 100, 10):
            start, end, label = slot + rng.randint(0, 3), slot + rng.randint(5, 9), rng.choice(LABELS)
            if rng.random() < 0.7:
                found[0].append((label, start, end))
            chance = rng.random()
            if chance < 0.4:
                found[1].append((label, start, end))
            elif chance < 0.6:
                found[1].append((rng.choice(LABELS), start, slot + rng.randint(5, 9)))
            elif chance < 0.7:
                found[1].append((label, slot + 4, slot + 5))
        for side, mentions in zip(sides, found, strict=True):
            entities = tuple(Entity(f"T{i}", k, (Span(a, b),)) for i, (k, a, b) in enumerate(mentions))
            side.append(Document(f"n{d:03}", "." * 100, entities))
    return sides


def test_strict_span_and_lenient_figures_agree_with_nervaluate():
    nervaluate = pytest.importorskip("nervaluate")
    gold, predicted = documents(3)
    plain = [
        [[{"label": e.label, "start": e.start, "end": e.end - 1} for e in d.entities] for d in side]
        for side in (gold, predicted)
    ]
    expected = nervaluate.Evaluator(*plain, tags=LABELS, loader="dict").evaluate()
    report = score(gold, predicted)
    n_right = set()
    for measure, strategy in (
        ("entities.strict", "strict"),
        ("entities.span.strict", "exact"),
        ("entities.lenient", "ent_type"),
    ):
        tally = report.tally(measure)
        pairs = [(tally.micro, expected["overall"][strategy])]
        if measure != "entities.span.strict":
            pairs += [(counts, expected["entities"][label][strategy]) for label, counts in tally.labels.items()]
        for counts, theirs in pairs:
            assert (counts.tp, counts.tp + counts.fp, counts.tp + counts.fn) == (
                theirs.correct, theirs.actual, theirs.possible,
            )  # fmt: skip
            assert counts.precision == pytest.approx(theirs.precision)
            assert counts.recall == pytest.approx(theirs.recall)
            assert counts.f1 == pytest.approx(theirs.f1)
        n_right.add(tally.micro.tp)
    assert len(n_right) == 3  # the three do differ on these notes
