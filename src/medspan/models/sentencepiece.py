"""SentencePiece models as DeBERTa's releases hold them (`spm.model`), read without the sentencepiece package."""

from pathlib import Path
from typing import Any

from medspan.errors import CheckpointError, MissingExtraError

__all__ = ["read_unigram"]

_UNIGRAM = 1
_BEGIN, _END = "[CLS]", "[SEP]"


def read_unigram(path: Path, *, lowercase: bool = False) -> Any:
    """Return a `tokenizers.Tokenizer` of a SentencePiece unigram model, with [CLS] before and [SEP] after a text.

    Character normalization follows the model's own table. Raises CheckpointError for files that are damaged, models
    of another kind and those without these two pieces.
    """
    try:
        from transformers.utils import sentencepiece_model_pb2_new as messages
    except ImportError as error:
        raise MissingExtraError("protobuf", "train") from error
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    model = messages.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own kinds, which differ between its implementations
        raise CheckpointError(f"{path}: not a SentencePiece model") from error
    places = {piece.piece: number for number, piece in enumerate(model.pieces)}
    if model.trainer_spec.model_type != _UNIGRAM or not {_BEGIN, _END} <= set(places):
        raise CheckpointError(
            f"{path}: not a SentencePiece unigram model with {_BEGIN} and {_END}; save the tokenizer once as "
            "tokenizer.json with the library it comes from"
        )
    scored = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=model.trainer_spec.unk_id))
    steps: list[Any] = [normalizers.Lowercase()] if lowercase else []
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = [piece for piece in ("[PAD]", _BEGIN, _END, "[UNK]", "[MASK]") if piece in places]
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{_BEGIN} $A {_END}",
        pair=f"{_BEGIN} $A {_END} $B:1 {_END}:1",
        special_tokens=[(name, places[name]) for name in (_BEGIN, _END)],
    )
    return tokenizer
