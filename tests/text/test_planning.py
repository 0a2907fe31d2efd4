"""Windows measured in tokens, cut at characters."""

import re
import time
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medspan.annotation import Span
from medspan.errors import AnnotationError
from medspan.text import plan_windows, sentences

WORD = re.compile(r"\w+|[^\w\s]")
TEXTS = st.lists(
    st.sampled_from(
        ["Pain", " ", ". ", "\n", "\n\n", "Plan:\n", "- asa\n", "1. ", "He", "👍", "x" * 9, "Dr. ", "\r\n", "\x00"]
    ),
    max_size=80,
).map("".join)


def starts(text: str) -> list[int]:
    return [m.start() for m in WORD.finditer(text)]


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, list[int], int, int, str | None]:
    text = draw(TEXTS)
    positions = starts(text)
    if draw(st.booleans()) and text:  # tokens of any kind: inside words, in white space, several on one character
        positions = sorted(draw(st.lists(st.integers(0, len(text) - 1), max_size=60)))
    budget = draw(st.integers(1, 20))
    overlap = draw(st.integers(0, budget - 1))
    return text, positions, budget, overlap, draw(st.sampled_from([text, None]))


@settings(deadline=None)  # the machine may be busy
@given(plans())
def test_windows_cover_every_token_in_order_within_the_budget_and_never_cut_one(plan) -> None:
    text, positions, budget, overlap, known = plan
    windows = plan_windows(sentences(text), positions, len(text), budget, overlap, text=known)
    if not text:
        assert windows == []
        return
    assert windows[0].start == 0
    assert windows[-1].end == len(text)
    for left, right in pairwise(windows):
        assert left.start < right.start <= left.end < right.end
    for window in windows:
        held = bisect_left(positions, window.end) - bisect_left(positions, window.start)
        lone = len({p for p in positions if window.start <= p < window.end}) == 1
        assert held <= budget or lone
        assert window.start in (0, *positions)
        assert window.end in (len(text), *positions)


@settings(deadline=None)  # the machine may be busy
@given(TEXTS, st.integers(1, 20))
def test_without_overlap_only_long_sentences_are_shared_between_windows(text: str, budget: int) -> None:
    breaks = sentences(text)
    windows = plan_windows(breaks, starts(text), len(text), budget, text=text)
    for left, right in pairwise(windows):
        if right.start < left.end:
            around = [s for s in breaks if s.start < left.end and right.start < s.end]
            assert len(around) == 1
            assert len(starts(text[around[0].start : around[0].end])) > budget


def test_a_text_that_fits_is_one_window() -> None:
    assert plan_windows([Span(0, 5)], [0, 3], 7, 2) == [Span(0, 7)]


def test_blank_text_without_tokens_is_one_window() -> None:
    assert plan_windows([], [], 3, 5) == [Span(0, 3)]


def pieces(text: str, budget: int, overlap: int = 0) -> list[str]:
    windows = plan_windows(sentences(text), starts(text), len(text), budget, overlap, text=text)
    return [text[w.start : w.end] for w in windows]


def test_sentences_are_packed_until_the_budget_is_full() -> None:
    assert pieces("A b. C d. E f. G h.", 6) == ["A b. C d. ", "E f. G h."]


def test_a_window_at_least_half_full_ends_at_a_blank_line() -> None:
    assert pieces("A b c d e f.\n\nG h. I j. K l.", 12) == ["A b c d e f.\n\n", "G h. I j. K l."]


def test_a_window_less_than_half_full_goes_on_past_a_blank_line() -> None:
    assert pieces("A b.\n\nG h. I j. K l. M n.", 12) == ["A b.\n\nG h. I j. K l. ", "M n."]


def test_a_header_stays_with_what_follows() -> None:
    text = "Lungs clear today.\nHeart is regular.\nMedications:\nAspirin 81 mg daily.\nSenna.\n"
    assert pieces(text, 10) == [
        "Lungs clear today.\nHeart is regular.\n",
        "Medications:\nAspirin 81 mg daily.\nSenna.\n",
    ]


def test_a_list_item_stays_whole_with_its_details() -> None:
    text = "1. Aspirin 81 mg. Take with food.\n2. Senna 8 mg. Take at night.\n3. Zinc."
    assert pieces(text, 17) == ["1. Aspirin 81 mg. Take with food.\n", "2. Senna 8 mg. Take at night.\n3. Zinc."]


def test_overlap_repeats_whole_sentences_except_after_a_blank_line() -> None:
    assert pieces("A b. C d. E f. G h.", 6, 3) == ["A b. C d. ", "C d. E f. ", "E f. G h."]
    assert pieces("A b. C d.\n\nE f. G h.", 6, 3) == ["A b. C d.\n\n", "E f. G h."]


def test_overlap_never_pushes_a_sentence_over_the_budget() -> None:
    assert pieces("A b. C d. E f g h i.", 6, 5) == ["A b. C d. ", "E f g h i."]


def test_a_long_sentence_is_split_at_white_space_with_a_shared_quarter() -> None:
    words = "one two-three four five six seven eight nine ten eleven twelve"
    found = pieces(words, 8)
    assert found[0] == "one two-three four five six seven "
    assert found[1] == "six seven eight nine ten eleven twelve"


def test_tokens_that_share_a_character_stay_together() -> None:
    windows = plan_windows([Span(0, 4)], [0, 1, 1, 1, 2, 3], 4, 3)
    assert windows == [Span(0, 1), Span(1, 2), Span(2, 4)]


@pytest.mark.parametrize(
    ("budget", "overlap", "positions", "length"),
    [
        (0, 0, [0], 3),
        (-1, 0, [0], 3),
        (2, 2, [0], 3),
        (2, -1, [0], 3),
        (2, 0, [1, 0], 3),
        (2, 0, [3], 3),
        (2, 0, [0], 2),
    ],
)
def test_nonsense_is_refused(budget: int, overlap: int, positions: list[int], length: int) -> None:
    with pytest.raises(AnnotationError):
        plan_windows([Span(0, 3)], positions, length, budget, overlap)


def test_a_text_of_another_length_is_refused() -> None:
    with pytest.raises(AnnotationError, match="7"):
        plan_windows([], [0], 7, 4, text="abc")


@pytest.mark.parametrize(
    "unit", ["x", "Pain. ", "asa\n", "He had pain and took aspirin 81 mg daily. Dr. Stone agreed.\n"]
)
@pytest.mark.parametrize("overlap", [0, 16])
def test_long_texts_of_any_kind_are_planned_in_linear_time(unit: str, overlap: int) -> None:
    text = unit * (300_000 // len(unit))
    positions = list(range(0, len(text), 4))
    breaks = sentences(text)
    began = time.process_time()
    windows = plan_windows(breaks, positions, len(text), 64, overlap, text=text)
    assert time.process_time() - began < 10  # about 1 s at worst; anything quadratic would take hours
    assert windows[-1].end == len(text)
