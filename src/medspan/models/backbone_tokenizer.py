"""The tokenizer of a backbone's folder, also where the folder has only the files of older releases."""

from pathlib import Path

from medspan.errors import CheckpointError, MissingExtraError
from medspan.formulations import TextTokenizer
from medspan.models.backbones import backbone_path, read_json
from medspan.models.checkpoint import refuse_code
from medspan.models.sentencepiece import read_unigram

__all__ = ["backbone_tokenizer"]

_VOCABULARIES = (("vocab.txt",), ("vocab.json", "merges.txt"), ("spm.model",))


def backbone_tokenizer(name: str, *, allow_download: bool = False) -> TextTokenizer:
    """Return the tokenizer of a backbone: its `tokenizer.json`, or what its vocabulary files convert to.

    `vocab.txt` (WordPiece), `vocab.json` with `merges.txt` (byte-level BPE) and `spm.model` (DeBERTa's SentencePiece)
    are converted, without code from the folder. Where nothing says whether a WordPiece vocabulary is cased, capitals in
    it do. Raises CheckpointError for a folder with neither, and for a tokenizer with more pieces than the model.
    """
    folder = Path(backbone_path(name, allow_download=allow_download))
    tokenizer = TextTokenizer.load(folder) if (folder / "tokenizer.json").is_file() else _converted(name, folder)
    rows = read_json(folder / "config.json").get("vocab_size")
    if isinstance(rows, int) and tokenizer.vocabulary_size > rows:
        raise CheckpointError(
            f"backbone {name}: the tokenizer has {tokenizer.vocabulary_size} pieces, the model {rows}; "
            "they do not belong together"
        )
    return tokenizer


def _converted(name: str, folder: Path) -> TextTokenizer:
    found = next((files for files in _VOCABULARIES if all((folder / file).is_file() for file in files)), None)
    if found is None:
        wanted = ", ".join(" with ".join(files) for files in _VOCABULARIES)
        raise CheckpointError(f"backbone {name}: no tokenizer in {folder}; expected tokenizer.json, or else {wanted}")
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("transformers", "train") from error
    stated = folder / "tokenizer_config.json"
    said = read_json(stated) if stated.is_file() else {}
    for content, file in ((read_json(folder / "config.json"), folder / "config.json"), (said, stated)):
        refuse_code(content, file)
    if found == ("spm.model",):
        return TextTokenizer(read_unigram(folder / "spm.model", lowercase=bool(said.get("do_lower_case"))))
    options = {}
    if found == ("vocab.txt",) and "do_lower_case" not in said:
        options["do_lower_case"] = not _is_cased(folder / "vocab.txt")
    try:
        converted = AutoTokenizer.from_pretrained(str(folder), use_fast=True, trust_remote_code=False, **options)
    except Exception as error:  # converters raise whatever their file libraries do
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CheckpointError(f"backbone {name}: {' with '.join(found)} cannot be converted: {reason}") from error
    backend = getattr(converted, "backend_tokenizer", None)
    if backend is None:
        raise CheckpointError(f"backbone {name}: {type(converted).__name__} has no fast form, which offsets need")
    # A converter that looked for another file gives an empty vocabulary rather than an error.
    if backend.get_vocab_size() < _n_pieces(folder / found[0]):
        kind = type(converted).__name__
        raise CheckpointError(f"backbone {name}: {kind}, which the folder names, did not take up {found[0]}")
    return TextTokenizer(backend)


def _n_pieces(vocabulary: Path) -> int:
    if vocabulary.suffix == ".json":
        return len(read_json(vocabulary))
    return len(set(vocabulary.read_text(encoding="utf-8").splitlines()))


def _is_cased(vocabulary: Path) -> bool:
    """Say whether pieces hold capitals; special ones such as [CLS] do not count."""
    pieces = vocabulary.read_text(encoding="utf-8").splitlines()
    return any(piece != piece.lower() for piece in pieces if not (piece.startswith("[") and piece.endswith("]")))
