"""Word-to-piece alignment, proved for each family of tokenizers on text as awkward as notes are."""

import itertools
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from medspan.annotation import Document, Entity, EntityType, LabelSchema, Span
from medspan.formulations import TextTokenizer, Tokens
from medspan.formulations.mentions import Layout, Outputs, Thresholds, decode, encode
from medspan.models.tiny import tiny_tokenizer

TEXTS = ["Patient takes aspirin 81 mg daily for chest pain; denies fever, café-au-lait spots and nausea."] * 3


def _cased_word_pieces() -> Any:
    tokenizer = tiny_tokenizer("bert", TEXTS)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    return tokenizer


def _with_prefix_space() -> Any:
    tokenizer = tiny_tokenizer("roberta", TEXTS)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def _untrimmed() -> Any:
    tokenizer = tiny_tokenizer("roberta", TEXTS)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def _over_characters() -> Any:
    """Byte pairs whose merges join the last byte of one character with the first of the next, as real ones do."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    merges = [("ļ", "ð"), ("©", "Ã"), ("Ģ", "į"), ("ł", "m"), ("a", "Ã"), ("Ġ", "Ã"), ("Ì", "ģ"), ("ģ", "Ì")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizer


def _metaspace(prepend_scheme: str, split: bool, form: Any) -> Any:
    tokenizer = tiny_tokenizer("deberta-v2", TEXTS)
    tokenizer.normalizer = form
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=split)
    return tokenizer


def _metaspace_byte_pairs() -> Any:
    """As the SentencePiece BPE models of XLM-R's and Llama's kind: spaces replaced by a normalizer, bytes at need."""
    letters = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"Patientksprdlymgcf8190"]
    vocabulary = {letter: number for number, letter in enumerate(dict.fromkeys(letters))}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


FAMILIES = {
    "word pieces": tiny_tokenizer("bert", TEXTS),
    "word pieces, cased": _cased_word_pieces(),
    "byte pairs": tiny_tokenizer("roberta", TEXTS),
    "byte pairs with prefix space": _with_prefix_space(),
    "byte pairs with spaces in offsets": _untrimmed(),
    "byte pairs of modernbert": tiny_tokenizer("modernbert", TEXTS),
    "byte pairs over characters": _over_characters(),
    "unigram": tiny_tokenizer("deberta-v2", TEXTS),
    "unigram, first": _metaspace("first", True, normalizers.NFKC()),
    "unigram, never": _metaspace("never", False, normalizers.NFD()),
    "byte fallback": _metaspace_byte_pairs(),
}
TOKENIZERS = {name: TextTokenizer(backend) for name, backend in FAMILIES.items()}

AWKWARD = [
    "K+ 5.1mmol/L;Hgb 9g/dL,WBC 12.3x10^9/L",
    "  two spaces before and after  ",
    "line one\r\nline two\r\n\r\n\tindented\x0bvertical\x0cform feed",
    "cafe\u0301-au-lait na\u00efve Sjo\u0308gren's Ménière",
    "e\u0301\u0301\u0323 q\u0307\u0323",
    "5\u00a0mg\u00a0PO\u202fqd",
    "zero\u200bwidth\u200djoined\ufeff\u00adhyphen",
    "\ufeffstarts with a mark",
    "pain 😀👩\u200d⚕️ denied 🇩🇪",
    "\ufb01brosis ½tab ①②③ ㎎ Å ﷺ",
    "naïve→worse ≥5 µg/dL β-blocker 37°C ±2",
    "x",
    "é",
    "한국어 日本語 ไทย עברית العربية",
    "a\x00b\x01c\x1fd",
    "\u0301starts with a combining mark",
    "[CLS] in [SEP] text <s> and </s>",
    "İstanbul ſharp ẞ ŉ",
    "word\u2028separator\u2029paragraph\u0085next",
]
CHARACTERS = st.sampled_from(sorted(set("".join(AWKWARD)))) | st.characters(exclude_categories=["Cs"])
texts = st.sampled_from(AWKWARD) | st.text(CHARACTERS, max_size=40) | st.lists(st.sampled_from(AWKWARD)).map(" ".join)
LAYOUT = Layout(LabelSchema("words", (EntityType("Word", "A word.", "word"),)))


def _pairs(tokens: Tokens) -> list[tuple[int, int]]:
    return list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))


def _words(text: str) -> list[tuple[int, int]]:
    """Runs of characters without white space, as ranges."""
    edges = [0, *(n for n in range(1, len(text)) if text[n].isspace() != text[n - 1].isspace()), len(text)]
    return [(a, b) for a, b in itertools.pairwise(edges) if a < b and not text[a].isspace()]


def _check(text: str, tokens: Tokens) -> None:
    pairs = _pairs(tokens)
    assert all(0 <= start < end <= len(text) for start, end in pairs)
    assert not any(text[start].isspace() or text[end - 1].isspace() for start, end in pairs)
    for (start, end), (next_start, next_end) in itertools.pairwise(pairs):
        assert next_start >= end or (next_start, next_end) == (start, end)
    covered = {place for start, end in pairs for place in range(start, end)}
    for start, end in _words(text):
        left_out = set(range(start, end)) - covered
        # A tokenizer may delete a word that is nothing but control or zero-width characters; never a part of one.
        assert not left_out or (len(left_out) == end - start and not any(c.isalnum() for c in text[start:end]))


@pytest.mark.parametrize("family", TOKENIZERS)
@pytest.mark.parametrize("text", AWKWARD)
def test_pieces_cover_every_word_of_awkward_text(family: str, text: str) -> None:
    (tokens,) = TOKENIZERS[family]([text])
    _check(text, tokens)


@pytest.mark.parametrize("family", TOKENIZERS)
@settings(max_examples=60)
@given(text=texts)
@example("")
@example(" \n\t ")
@example("😀" * 40)
@example("aéaéaé é é")
@example("e\u0301" * 40)
def test_pieces_cover_every_word_of_any_text(family: str, text: str) -> None:
    (tokens,) = TOKENIZERS[family]([text])
    _check(text, tokens)


@pytest.mark.parametrize("family", TOKENIZERS)
@settings(max_examples=60)
@given(text=texts, data=st.data())
def test_a_mention_of_whole_words_comes_back_exactly(family: str, text: str, data: st.DataObject) -> None:
    (tokens,) = TOKENIZERS[family]([text])
    words = [word for word in _words(text) if any(word[0] <= start < word[1] for start in tokens.starts.tolist())]
    if not words:
        return
    first = data.draw(st.integers(0, len(words) - 1))
    last = min(first + data.draw(st.integers(0, 2)), len(words) - 1)
    span = Span(words[first][0], words[last][1])
    document = Document("n", text, (Entity("T1", "Word", (span,)),))
    targets = encode(document, tokens, LAYOUT)
    if targets.lost["mention without tokens or too wide"]:
        return
    assert not targets.lost
    outputs = Outputs.certain([targets], LAYOUT)
    (found,) = decode([document.bare()], [tokens], outputs, LAYOUT, Thresholds())
    assert [entity.fragments for entity in found.entities] == [(span,)]


@pytest.mark.parametrize("family", TOKENIZERS)
def test_units_glued_to_numbers_can_be_told_apart(family: str) -> None:
    text = "aspirin 81mg/d x2daily"
    (tokens,) = TOKENIZERS[family]([text])
    pairs = _pairs(tokens)
    for number in (text.index("81"), text.index("2d")):
        assert any(start == number for start, _ in pairs)
    assert any(start == text.index("/") for start, _ in pairs)


@pytest.mark.parametrize("family", [name for name in TOKENIZERS if "byte" in name])
def test_each_character_of_several_bytes_has_edges_of_its_own(family: str) -> None:
    text = "aéé😀é µ"
    (tokens,) = TOKENIZERS[family]([text])
    assert set(_pairs(tokens)) == {(n, n + 1) for n, c in enumerate(text) if c != " "}


@pytest.mark.parametrize("family", TOKENIZERS)
def test_white_space_of_any_kind_parts_words_alike(family: str) -> None:
    tokenizer = TOKENIZERS[family]
    plain, *others = tokenizer([f"takes{space}aspirin" for space in (" ", "\n", "\t", "\x0c", "\u00a0", "\u2028")])
    for other in others:
        assert other.ids.tolist() == plain.ids.tolist()
        assert _pairs(other) == _pairs(plain)


@pytest.mark.parametrize("family", [name for name in TOKENIZERS if "unigram" not in name and "fallback" not in name])
def test_a_note_that_spells_a_special_token_gives_its_letters(family: str) -> None:
    tokenizer = TOKENIZERS[family]
    special = {*tokenizer.prefix, *tokenizer.suffix}
    (tokens,) = tokenizer(["ends [SEP] here </s> and <s>starts [CLS] again"])
    assert not special & set(tokens.ids.tolist())
    assert len(tokens) > 12


def test_an_accent_that_the_tokenizer_deletes_belongs_to_its_letter() -> None:
    (tokens,) = TOKENIZERS["word pieces"](["cafe\u0301 x"])
    assert tokens.ends.tolist()[-2:] == [5, 7]


@pytest.mark.parametrize("family", ["word pieces", "byte pairs over characters", "unigram"])
def test_long_odd_text_takes_time_in_proportion(family: str) -> None:
    text = "e\u0301é😀 \u0301" * 20_000
    began = time.perf_counter()
    (tokens,) = TOKENIZERS[family]([text])
    assert time.perf_counter() - began < 4
    assert len(tokens) >= 20_000
