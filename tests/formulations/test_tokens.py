"""The tokenizer on any text: offsets that can be trusted, nothing truncated."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from medspan.annotation import Document
from medspan.errors import CheckpointError
from medspan.formulations import TextTokenizer, WindowSize, rows
from tiny import tiny_tokenizer

WORDS = "the patient takes aspirin 81 mg daily for chest pain . denies fever"


def byte_level_tokenizer() -> Any:
    """As RoBERTa's: every byte is a piece, so a character may be several, and spaces lead words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


WORD_PIECES = TextTokenizer(tiny_tokenizer([WORDS]))
BYTES = TextTokenizer(byte_level_tokenizer())
TOKENIZERS = {"word pieces": WORD_PIECES, "bytes": BYTES}

ODD = ["", "a", "\r\n", "a\r\nb", "\x00", "a\x00b", "é", "é", "שלום עולם", "مرحبا", "👩‍⚕️ pain", "ß\u200bß", "\u202eabc"]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.lists(
    st.sampled_from(ODD + WORDS.split() + [" ", "\n", "\t", "\xa0"]), max_size=20
).map("".join)


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=texts)
@example("x" * 5000)
@example("\u0301" * 300)
@example("".join(ODD))
def test_pieces_are_ascending_ranges_inside_the_text(kind: str, text: str) -> None:
    (tokens,) = TOKENIZERS[kind]([text])
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    assert len(tokens) == len(starts) == len(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert starts == sorted(starts)
    assert ends == sorted(ends)


@given(st.lists(texts, max_size=5))
def test_a_text_is_tokenized_the_same_alone_and_among_others(many: list[str]) -> None:
    for text, together in zip(many, WORD_PIECES(many), strict=True):
        (alone,) = WORD_PIECES([text])
        assert alone.ids.tolist() == together.ids.tolist()
        assert alone.starts.tolist() == together.starts.tolist()


@given(texts, st.integers(0, 60), st.integers(0, 60))
def test_the_pieces_between_two_places_are_those_wholly_inside(text: str, start: int, end: int) -> None:
    (tokens,) = WORD_PIECES([text])
    inside = [
        (int(a) - start, int(b) - start)
        for a, b in zip(tokens.starts, tokens.ends, strict=True)
        if start <= a and b <= end
    ]
    part = tokens.between(start, end)
    assert list(zip(part.starts.tolist(), part.ends.tolist(), strict=True)) == inside


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("overlap", [0, 3])
@given(text=texts)
@example("x" * 5000)
@example("👩‍⚕️" * 200)
def test_rows_hold_every_piece_and_keep_the_budget(kind: str, overlap: int, text: str) -> None:
    (tokens,) = TOKENIZERS[kind]([text])
    (found,) = rows([Document("n", text)], TOKENIZERS[kind], WindowSize(12, overlap))
    seen = {
        (row.window.origin + int(start), row.window.origin + int(end))
        for row in found
        for start, end in zip(row.tokens.starts, row.tokens.ends, strict=True)
    }
    assert seen == set(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))
    assert all(0 < len(row.tokens) <= 12 for row in found)
    assert (found == []) == (len(tokens) == 0)


def test_a_tokenizer_that_truncates_and_pads_is_kept_from_it() -> None:
    backend = tiny_tokenizer([WORDS])
    backend.enable_truncation(4)
    backend.enable_padding(length=64)
    found = TextTokenizer(backend)([WORDS, "pain"])
    assert [len(tokens) for tokens in found] == [len(WORD_PIECES([WORDS])[0]), 1]


def test_a_row_has_the_special_tokens_around_it() -> None:
    (tokens,) = WORD_PIECES(["chest pain"])
    assert WORD_PIECES.row(tokens).tolist() == [2, *tokens.ids.tolist(), 3]
    assert WORD_PIECES.n_special == 2
    assert BYTES.row(tokens).tolist() == tokens.ids.tolist()


def test_a_saved_tokenizer_gives_the_same_pieces(tmp_path: Path) -> None:
    WORD_PIECES.save(tmp_path)
    for place in tmp_path, tmp_path / "tokenizer.json":
        loaded = TextTokenizer.load(place)
        assert np.array_equal(loaded([WORDS])[0].ids, WORD_PIECES([WORDS])[0].ids)
        assert loaded.vocabulary_size == WORD_PIECES.vocabulary_size


def test_a_missing_or_damaged_tokenizer_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing"):
        TextTokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="not a tokenizer file"):
        TextTokenizer.load(tmp_path)


def test_a_tokenizer_that_knows_no_letter_is_refused() -> None:
    with pytest.raises(CheckpointError, match="no token for 'a'"):
        TextTokenizer(Tokenizer(models.BPE({}, [])))
