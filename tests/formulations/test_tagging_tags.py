"""Tagging: layers, words, and mentions to tags and back."""

from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import EntityType, LabelSchema
from medspan.errors import ConfigError
from medspan.formulations import TextTokenizer, Tokens
from medspan.formulations.mentions import Layout
from medspan.formulations.tagging import (
    Layers,
    Options,
    apart,
    layers_of,
    overlapping_labels,
    read_tags,
    units_of,
    write_tags,
)
from tiny import tiny_tokenizer

LABELS = ("Strength-Drug", "I-PER-x", "B-", "O", "Drug")
LAYOUT = Layout(LabelSchema("odd", tuple(EntityType(name, "A label.", name) for name in LABELS)))


def spans_of(*triples: tuple[int, int, int]) -> np.ndarray:
    return np.array(triples, dtype=np.int64).reshape(-1, 3)


def there_and_back(spans: np.ndarray, n_units: int, layers: Layers) -> np.ndarray:
    return read_tags(write_tags(spans, n_units, layers)[0], layers)


@pytest.mark.parametrize("layers", ["one", "label", "auto"])
def test_labels_of_any_name_come_back(layers: str) -> None:
    of_head = layers_of(Options.model_validate({"layers": layers}), {"odd": LAYOUT})["odd"]
    spans = spans_of((0, 0, 0), (1, 2, 1), (3, 3, 1), (4, 6, 2), (8, 8, 3), (9, 9, 4))
    np.testing.assert_array_equal(there_and_back(spans, 10, of_head), spans)


def test_options_read_back_from_a_checkpoint_give_the_same_layers() -> None:
    layers = Layers(((0, 3), (1, 2, 4)))
    options = Options(layers={"odd": layers.names(LAYOUT)})
    plain = options.model_dump(mode="json")
    assert plain["layers"] == {"odd": [["Strength-Drug", "O"], ["I-PER-x", "B-", "Drug"]]}
    assert layers_of(Options.model_validate(plain), {"odd": LAYOUT}) == {"odd": layers}


@pytest.mark.parametrize(
    "given_layers",
    [{}, {"odd": [LABELS[:4]]}, {"odd": [LABELS, ["Drug"]]}, {"odd": [[*LABELS, "Dose"]]}],
    ids=["no head set", "label missing", "label twice", "unknown label"],
)
def test_layers_that_do_not_hold_each_label_once_are_refused(given_layers: dict[str, list[list[str]]]) -> None:
    with pytest.raises(ConfigError, match="each label of its schema in one layer"):
        layers_of(Options.model_validate({"layers": given_layers}), {"odd": LAYOUT})


def test_of_overlapping_mentions_in_one_layer_the_longest_is_tagged_and_of_equal_ones_the_first() -> None:
    one = Layers(((0, 1, 2),))
    spans = spans_of((0, 1, 0), (1, 3, 1), (2, 2, 1), (4, 5, 2), (5, 6, 0), (7, 7, 1))
    _, is_tagged = write_tags(spans, 8, one)
    np.testing.assert_array_equal(is_tagged, [False, True, False, True, False, True])
    np.testing.assert_array_equal(there_and_back(spans, 8, one), spans[is_tagged])


def test_overlapping_mentions_in_different_layers_are_all_tagged() -> None:
    spans = spans_of((0, 3, 0), (1, 2, 1), (2, 5, 2))
    np.testing.assert_array_equal(there_and_back(spans, 6, Layers(((0,), (1,), (2,)))), spans)


def test_labels_overlap_where_their_mentions_share_a_unit() -> None:
    spans = spans_of((0, 2, 1), (2, 3, 0), (4, 5, 2), (4, 4, 2), (5, 6, 3))
    assert overlapping_labels(spans) == {(0, 1), (2, 3)}
    assert overlapping_labels(spans_of()) == set()


edges = st.sets(st.sampled_from(list(combinations(range(6), 2))))


@settings(max_examples=200, deadline=None)
@given(edges)
def test_labels_that_overlap_are_apart_in_as_few_layers_as_can_be(overlaps: set[tuple[int, int]]) -> None:
    layers = apart(6, overlaps)
    assert sorted(label for labels in layers.members for label in labels) == list(range(6))
    assert not any({left, right} <= set(labels) for labels in layers.members for left, right in overlaps)
    fewest = min(
        len(set(colours))
        for colours in product(range(len(layers)), repeat=6)
        if all(colours[left] != colours[right] for left, right in overlaps)
    )
    assert len(layers) <= fewest + (fewest > 2)  # exact where one or two layers do
    assert apart(6, sorted(overlaps, reverse=True)) == layers


@st.composite
def disjoint_spans(draw: st.DrawFn) -> np.ndarray:
    bounds = draw(st.lists(st.integers(1, 4), max_size=8))
    starts = np.cumsum([0, *bounds])
    chosen = [
        (int(first), int(past) - 1, draw(st.integers(0, 4))) for first, past in pairwise(starts) if draw(st.booleans())
    ]
    return spans_of(*chosen)


@settings(max_examples=100, deadline=None)
@given(disjoint_spans(), st.sampled_from([Layers(((0, 1, 2, 3, 4),)), Layers(((4, 2), (0, 1, 3)))]))
def test_mentions_apart_come_back_from_legal_tags(spans: np.ndarray, layers: Layers) -> None:
    tags, is_tagged = write_tags(spans, 40, layers)
    assert is_tagged.all()
    np.testing.assert_array_equal(read_tags(tags, layers), spans)
    for layer in range(len(layers)):
        assert layers.first_legal[layer, tags[layer, 0]]
        assert layers.transition_legal[layer, tags[layer, :-1], tags[layer, 1:]].all()


def test_a_mention_goes_on_only_after_its_own_label() -> None:
    layers = Layers(((0, 1), (2,)))
    assert layers.width == 5
    legal = layers.transition_legal
    np.testing.assert_array_equal(
        legal[0].astype(int),
        [[1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 0, 1, 1], [1, 1, 0, 1, 1]],
    )
    np.testing.assert_array_equal(legal[1, :3, :3].astype(int), [[1, 1, 0], [1, 1, 1], [1, 1, 1]])
    assert not legal[1, 3:].any() and not legal[1, :, 3:].any()
    np.testing.assert_array_equal(layers.first_legal.astype(int), [[1, 1, 0, 1, 0], [1, 1, 0, 0, 0]])


def pieces_of(text: str) -> Tokens:
    return TextTokenizer(tiny_tokenizer(["fever 1035/,"]))([text])[0]


def test_a_word_is_a_run_of_letters_or_of_digits() -> None:
    text = "Zestril 10mg/day, p53"
    tokens = pieces_of(text)
    units = units_of(text, tokens, "first")
    words = [text[tokens.starts[a] : tokens.ends[b]] for a, b in zip(units.first, units.last, strict=True)]
    assert words == ["Zestril", "10", "mg", "/", "day", ",", "p", "53"]
    assert len(units_of(text, tokens, "all")) == len(tokens) > len(units)


def test_pieces_that_share_a_character_are_one_word() -> None:
    tokens = Tokens(np.zeros(3, np.int32), np.array([0, 0, 2], np.int32), np.array([1, 1, 3], np.int32))
    units = units_of("é b", tokens, "first")
    np.testing.assert_array_equal(units.first, [0, 2])
    np.testing.assert_array_equal(units.last, [1, 2])


def test_a_text_without_tokens_has_no_units() -> None:
    empty = np.zeros(0, np.int32)
    for pieces in ("first", "all"):
        assert len(units_of(" ", Tokens(empty, empty, empty), pieces)) == 0  # type: ignore[arg-type]
