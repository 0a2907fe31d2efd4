"""Batches: every row as often as its source says, gold laid end to end, the same order for the same seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny import TINY_SCHEMA, word_tokens

torch = pytest.importorskip("torch")

from medspan.annotation import Document, Entity, Relation, Span  # noqa: E402
from medspan.formulations.joint import HeadLayout, Supervision, encode  # noqa: E402
from medspan.training.batches import collate, plan_epoch  # noqa: E402
from medspan.training.sources import Example  # noqa: E402

LAYOUT = HeadLayout(TINY_SCHEMA)
EVERYTHING = Supervision.of(LAYOUT)


def example(length: int, repeat: float = 1.0) -> Example:
    return Example(np.arange(length, dtype=np.int32), {}, {}, repeat)


@given(
    st.lists(st.tuples(st.integers(2, 80), st.sampled_from([0.3, 1.0, 2.5, 3.0])), min_size=1, max_size=30),
    st.integers(16, 300),
    st.integers(0, 5),
)
def test_an_epoch_covers_each_row_as_often_as_asked_and_keeps_the_budget(
    rows: list[tuple[int, float]], budget: int, epoch: int
) -> None:
    examples = [example(*row) for row in rows]
    plan = plan_epoch(examples, budget, seed=3, epoch=epoch)
    seen = Counter(number for batch in plan for number in batch)
    for number, (_, repeat) in enumerate(rows):
        assert int(repeat) <= seen[number] <= int(np.ceil(repeat))
    for batch in plan:
        assert len(batch) == 1 or len(batch) * max(rows[number][0] for number in batch) <= budget


def test_the_plan_is_the_same_for_the_same_seed_and_epoch_alone() -> None:
    examples = [example(5 + at % 40, 1.5) for at in range(60)]
    assert plan_epoch(examples, 200, 1, 0) == plan_epoch(examples, 200, 1, 0)
    assert plan_epoch(examples, 200, 1, 0) != plan_epoch(examples, 200, 1, 1)
    assert plan_epoch(examples, 200, 1, 0) != plan_epoch(examples, 200, 2, 0)


def test_a_repeat_of_two_and_a_half_is_met_on_average() -> None:
    plan = plan_epoch([example(10, 2.5) for _ in range(400)], 500, 1, 0)
    assert sum(len(batch) for batch in plan) == pytest.approx(1000, abs=60)


def test_rows_of_like_length_share_a_batch() -> None:
    examples = [example(length) for length in [10, 100] * 50]
    for batch in plan_epoch(examples, 1000, 1, 0):
        assert len({len(examples[number].row) for number in batch}) == 1


def annotated(text: str, *spans: tuple[int, int, str], link: tuple[str, str] | None = None) -> Example:
    tokens = word_tokens(text)
    entities = tuple(
        Entity(f"T{n}", label, (Span(int(tokens.starts[a]), int(tokens.ends[b])),))
        for n, (a, b, label) in enumerate(spans, start=1)
    )
    relations = (Relation("R1", "dose-of", *link),) if link else ()
    targets = encode(Document("n", text, entities, relations), tokens, LAYOUT)
    row = np.array([2, *range(10, 10 + len(tokens)), 3], np.int32)
    return Example(row, {"tiny": targets}, {"tiny": EVERYTHING}, 1.0)


def test_rows_are_padded_and_gold_is_laid_end_to_end() -> None:
    other = Example(np.array([2, 20, 21, 3], np.int32), {}, {}, 1.0)
    batch = collate(
        [
            annotated("a b c", (0, 0, "Dose"), (1, 2, "Drug"), link=("T1", "T2")),
            other,
            annotated("d e", (1, 1, "Drug"), (0, 0, "Dose"), link=("T2", "T1")),
        ],
        ["tiny", "absent"],
        n_prefix=1,
        n_suffix=1,
        pad_id=0,
    )
    assert batch.input_ids.tolist() == [[2, 10, 11, 12, 3], [2, 20, 21, 3, 0], [2, 10, 11, 3, 0]]
    assert batch.attention_mask.tolist() == [[1] * 5, [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]]
    assert batch.is_token.int().tolist() == [[0, 1, 1, 1, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0]]
    assert batch.n_tokens == 7
    assert list(batch.heads) == ["tiny"]
    gold = batch.heads["tiny"]
    drug, dose = LAYOUT.label_index["Drug"], LAYOUT.label_index["Dose"]
    assert gold.tokens.tolist() == [0, 1, 2, 5, 6]
    assert gold.row_of_token.tolist() == [0, 0, 0, 1, 1]
    assert gold.spans.tolist() == [[0, 0, dose], [1, 2, drug], [4, 4, drug], [3, 3, dose]]
    assert gold.links.tolist() == [[0, 1, LAYOUT.link_index["dose-of"]], [3, 2, LAYOUT.link_index["dose-of"]]]
    assert gold.label_mask.shape == (2, len(LAYOUT.labels))
