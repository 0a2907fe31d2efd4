"""`joint` in training: gold laid end to end, and the ceiling of what windows and formulation hold."""

import numpy as np
import pytest

from tiny import TINY_SCHEMA, tiny_tokenizer, word_tokens

pytest.importorskip("torch")

from medspan.annotation import Document, Entity, Relation, Span
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Layout, Supervision, encode
from medspan.training.examples import Example
from medspan.training.tasks import Setting
from medspan.training.tasks.joint import JointGold, JointTask

LAYOUT = Layout(TINY_SCHEMA)
EVERYTHING = Supervision.of(LAYOUT)


def task() -> JointTask:
    tokenizer = TextTokenizer(tiny_tokenizer(["a b c d e"]))
    return JointTask(Setting(tokenizer, {"tiny": LAYOUT, "absent": LAYOUT}, WindowSize(60), {}))


def annotated(text: str, *spans: tuple[int, int, str], link: tuple[str, str] | None = None) -> Example:
    tokens = word_tokens(text)
    entities = tuple(
        Entity(f"T{n}", label, (Span(int(tokens.starts[a]), int(tokens.ends[b])),))
        for n, (a, b, label) in enumerate(spans, start=1)
    )
    relations = (Relation("R1", "dose-of", *link),) if link else ()
    targets = encode(Document("n", text, entities, relations), tokens, LAYOUT)
    row = EncoderInput(np.array([2, *range(10, 10 + len(tokens)), 3], np.int32))
    return Example(row, JointGold({"tiny": targets}, {"tiny": EVERYTHING}))


def test_rows_are_padded_and_gold_is_laid_end_to_end() -> None:
    other = Example(EncoderInput(np.array([2, 20, 21, 3], np.int32)), JointGold({}, {}))
    batch = task().collate(
        [
            annotated("a b c", (0, 0, "Dose"), (1, 2, "Drug"), link=("T1", "T2")),
            other,
            annotated("d e", (1, 1, "Drug"), (0, 0, "Dose"), link=("T2", "T1")),
        ],
    )
    assert batch.inputs["input_ids"].tolist() == [[2, 10, 11, 12, 3], [2, 20, 21, 3, 0], [2, 10, 11, 3, 0]]
    assert batch.inputs["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]]
    assert batch.is_token.int().tolist() == [[0, 1, 1, 1, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0]]
    assert batch.n_units == 7
    assert list(batch.heads) == ["tiny"]
    gold = batch.heads["tiny"]
    drug, dose = LAYOUT.label_index["Drug"], LAYOUT.label_index["Dose"]
    assert gold.tokens.tolist() == [0, 1, 2, 5, 6]
    assert gold.row_of_token.tolist() == [0, 0, 0, 1, 1]
    assert gold.spans.tolist() == [[0, 0, dose], [1, 2, drug], [4, 4, drug], [3, 3, dose]]
    assert gold.links.tolist() == [[0, 1, LAYOUT.link_index["dose-of"]], [3, 2, LAYOUT.link_index["dose-of"]]]
    assert gold.label_mask.shape == (2, len(LAYOUT.labels))
