"""Links answered from both sides, and tails that were no mentions before."""

import numpy as np

from medspan.annotation import Document
from medspan.formulations.mentions import Layout, Outputs, SpanArray, Thresholds, decode
from medspan.formulations.reading_comprehension import NewTails, merge_directions, with_new_tails
from tiny import TINY_SCHEMA, word_tokens

LAYOUT = Layout(TINY_SCHEMA)
PROBLEM, DRUG, DOSE = (LAYOUT.label_index[name] for name in ("Problem", "Drug", "Dose"))
DOSE_OF, SAME = (LAYOUT.link_index[name] for name in ("dose-of", "same"))
TEXT = "one two three four five six"


def scores(*links: tuple[int, float]) -> np.ndarray:
    row = np.zeros(len(LAYOUT.links), np.float32)
    for column, score in links:
        row[column] = score
    return row


def test_a_symmetric_link_gets_the_mean_of_both_answers_and_others_keep_their_own() -> None:
    pairs = np.array([[0, 1], [1, 0], [1, 2]])
    asked = np.stack([scores((SAME, 0.9), (DOSE_OF, 0.4)), scores((SAME, 0.3), (DOSE_OF, 0.8)), scores((SAME, 0.7))])
    merged = merge_directions(pairs, asked, LAYOUT)
    np.testing.assert_allclose(merged[:, SAME], [0.6, 0.6, 0.7], rtol=1e-6)
    assert merged[:, DOSE_OF].tolist() == asked[:, DOSE_OF].tolist()
    assert merge_directions(pairs[:0], asked[:0], LAYOUT).shape == (0, len(LAYOUT.links))


def outputs() -> Outputs:
    """A dose at words 1 and 2, a drug at word 4, and a link between them."""
    return Outputs(
        SpanArray(np.array([1, 4]), np.array([2, 4])),
        np.array([DOSE, DRUG]),
        np.array([0.9, 0.8], np.float32),
        np.zeros((2, LAYOUT.n_attribute_columns), np.float32),
        np.array([[0, 1]]),
        scores((DOSE_OF, 0.6))[None],
    )


def new(*tails: tuple[int, int, int, int, int, float]) -> NewTails:
    heads, columns, first, last, labels, found = zip(*tails, strict=True)
    values = np.zeros((len(tails), LAYOUT.n_attribute_columns), np.float32)
    arrays = (np.array(part) for part in (heads, columns, first, last, labels))
    return NewTails(*arrays, np.array(found, np.float32), values)


def test_new_tails_become_mentions_with_their_links_in_text_order() -> None:
    found = with_new_tails(outputs(), new((0, DOSE_OF, 0, 0, DRUG, 0.7), (1, SAME, 0, 0, DRUG, 0.55)), LAYOUT)
    assert found.labels.tolist() == [DRUG, DOSE, DRUG]
    assert found.spans.first.tolist() == [0, 1, 4]
    np.testing.assert_allclose(found.scores, [0.7, 0.9, 0.8])
    (document,) = decode([Document("n", TEXT)], [word_tokens(TEXT)], found, LAYOUT, Thresholds())
    words = {entity.id: document.mention(entity) for entity in document.entities}
    links = {(relation.label, words[relation.head], words[relation.tail]) for relation in document.relations}
    assert links == {("dose-of", "two three", "five"), ("dose-of", "two three", "one"), ("same", "one", "five")}


def test_other_wordings_of_a_mention_and_the_lesser_of_two_new_ones_are_left_out() -> None:
    tails = new(
        (0, DOSE_OF, 4, 5, DRUG, 0.99),  # overlaps the drug that was found
        (0, DOSE_OF, 0, 0, DRUG, 0.6),
        (0, DOSE_OF, 0, 1, DRUG, 0.7),  # beats the one before; the dose it overlaps has another label
        (1, SAME, 2, 2, PROBLEM, 0.5),
    )
    found = with_new_tails(outputs(), tails, LAYOUT)
    mentions = set(zip(found.spans.first.tolist(), found.spans.last.tolist(), found.labels.tolist(), strict=True))
    assert mentions == {(1, 2, DOSE), (4, 4, DRUG), (0, 1, DRUG), (2, 2, PROBLEM)}


def test_without_new_tails_nothing_changes() -> None:
    before = outputs()
    assert with_new_tails(before, new((0, DOSE_OF, 4, 5, DRUG, 0.99)), LAYOUT) is before
    assert len(NewTails.joined([new((0, 0, 0, 0, 0, 0.5)), new((1, 0, 0, 0, 0, 0.5))])) == 2
