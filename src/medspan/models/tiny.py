"""Random encoders of a few thousand weights that stand in for pretrained ones: `backbone: tiny` in a recipe.

They try a recipe out, offline and in seconds, with the same architecture, the same family of tokenizer and the same
code paths as the real backbone. What they predict is worth nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import log
from pathlib import Path
from typing import Any

from medspan.errors import ConfigError, MissingExtraError
from medspan.models.architectures import build_backbone, shrunk

__all__ = ["TINY_ARCHITECTURE", "tiny_backbone", "tiny_tokenizer"]

TINY_ARCHITECTURE: Mapping[str, Any] = {"model_type": "bert"}
"""What is shrunk where a recipe writes in no architecture."""

_LIKE_ROBERTA = frozenset({"longformer", "roberta"})
_TEXT_LIMIT = 400_000
"""Characters that a tokenizer is made from; more change little and take time."""


def tiny_backbone(folder: Path, architecture: Mapping[str, Any] | None, texts: Iterable[str], seed: int = 0) -> Path:
    """Write a random encoder and its tokenizer as an ordinary backbone's folder, and return the folder.

    The architecture is shrunk to hidden size 32 and two layers; the tokenizer is made from `texts`. The same arguments
    give the same files. Raises ConfigError for a faulty architecture.
    """
    try:
        import torch
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    logging.disable_progress_bar()
    architecture = architecture or TINY_ARCHITECTURE
    tokenizer = tiny_tokenizer(str(architecture.get("model_type")), texts)
    ids = [tokenizer.token_to_id(name) for name in _special(str(architecture["model_type"]))]
    begin, pad, end = ids[0], ids[1], ids[2]
    special = {
        "pad_token_id": pad,
        "bos_token_id": begin,
        "cls_token_id": begin,
        "eos_token_id": end,
        "sep_token_id": end,
    }
    small = shrunk(architecture, tokenizer.get_vocab_size(), special)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_backbone(small)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def tiny_tokenizer(model_type: str, texts: Iterable[str], size: int = 800) -> Any:
    """Make a `tokenizers.Tokenizer` of the family that a model type goes with, of about `size` pieces.

    WordPiece for bert, electra and megatron-bert; byte-level BPE for roberta, longformer and modernbert; Unigram with
    SentencePiece's spaces for deberta-v2. Raises ConfigError for other model types.
    """
    if model_type not in _MAKERS:
        raise ConfigError(f"architecture.model_type: no tiny backbone for {model_type!r}; known: {', '.join(_MAKERS)}")
    special = _special(model_type)
    tokenizer = _MAKERS[model_type](special, _some(texts), size)
    tokenizer.add_special_tokens(list(special))
    tokenizer.post_processor = _around(tokenizer, model_type)
    return tokenizer


def _some(texts: Iterable[str]) -> Iterator[str]:
    """Yield every printable ASCII character once, so that none of them is unknown, and texts up to the limit."""
    yield " ".join(map(chr, range(33, 127)))
    left = _TEXT_LIMIT
    for text in texts:
        yield text
        left -= len(text)
        if left < 0:
            return


def _special(model_type: str) -> tuple[str, str, str, str, str]:
    """Return the special tokens of a model type: begin, pad, end, unknown, mask."""
    if model_type in _LIKE_ROBERTA:
        return ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    return ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")


def _merged(tokenizer: Any, texts: Iterator[str], size: int, **options: Any) -> list[str]:
    """Train a BPE model into `tokenizer` and return its pieces in the order of their finding, characters first.

    The library's WordPiece and Unigram trainers give other ids at every run; this one does not, so the pieces of all
    three families come from it.
    """
    from tokenizers import trainers

    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, show_progress=False, **options))
    pieces: dict[str, int] = tokenizer.get_vocab()
    return sorted(pieces, key=lambda piece: pieces[piece])


def _word_pieces(special: tuple[str, ...], texts: Iterator[str], size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    begin, pad, end, unknown, mask = special
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    words = pre_tokenizers.BertPreTokenizer()
    # No piece holds letters and digits, so that "81mg" falls into its parts.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.Digits()])
    found = _merged(tokenizer, texts, size // 2)
    tokenizer.pre_tokenizer = words
    names = dict.fromkeys([pad, unknown, begin, end, mask, *found, *(f"##{piece}" for piece in found)])
    tokenizer.model = models.WordPiece({piece: number for number, piece in enumerate(names)}, unk_token=unknown)
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _byte_pairs(special: tuple[str, ...], texts: Iterator[str], size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    _merged(tokenizer, texts, size, special_tokens=list(special), initial_alphabet=alphabet)
    return tokenizer


def _unigram(special: tuple[str, ...], texts: Iterator[str], size: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    begin, pad, end, unknown, mask = special
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.NFC(), normalizers.Strip(left=False)]
    )
    spaces = pre_tokenizers.Metaspace(prepend_scheme="always")
    # SentencePiece makes no piece of letters with signs or digits; whole words remain together otherwise.
    kinds = pre_tokenizers.Split(Regex(r"▁?[\p{L}\p{M}]+|▁?\p{N}+|▁?[^\p{L}\p{M}\p{N}▁]"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([spaces, kinds])
    merged = _merged(tokenizer, texts, size)
    tokenizer.pre_tokenizer = spaces
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    # Pieces that were merged early are the likely ones; single characters serve where nothing else fits.
    scored = [(piece, -20.0 if len(piece) == 1 else -log(rank + 2)) for rank, piece in enumerate(merged)]
    order = [pad, begin, end, unknown, mask]
    tokenizer.model = models.Unigram([*((name, 0.0) for name in order), *scored], unk_id=order.index(unknown))
    return tokenizer


def _around(tokenizer: Any, model_type: str) -> Any:
    """Return what puts special tokens around a text, as the model type's own tokenizer does."""
    from tokenizers import processors

    begin, _, end, _, _ = _special(model_type)
    places = {name: tokenizer.token_to_id(name) for name in (begin, end)}
    if model_type in _LIKE_ROBERTA:
        return processors.RobertaProcessing((end, places[end]), (begin, places[begin]), add_prefix_space=False)
    return processors.TemplateProcessing(
        single=f"{begin} $A {end}", pair=f"{begin} $A {end} $B:1 {end}:1", special_tokens=list(places.items())
    )


_MAKERS = {
    "bert": _word_pieces,
    "electra": _word_pieces,
    "megatron-bert": _word_pieces,
    "roberta": _byte_pairs,
    "longformer": _byte_pairs,
    "modernbert": _byte_pairs,
    "deberta-v2": _unigram,
}
