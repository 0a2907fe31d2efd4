"""Backbones by folder, hub id, package and written-in architecture, of every model type."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers.utils import sentencepiece_model_pb2_new

from medspan.errors import CheckpointError, ConfigError
from medspan.formulations import TextTokenizer
from medspan.models.architectures import ARCHITECTURES, build_backbone, encoder_config
from medspan.models.backbone_tokenizer import backbone_tokenizer
from medspan.models.backbones import backbone_path, load_backbone
from medspan.models.tiny import tiny_backbone, tiny_tokenizer

TEXTS = ["Patient takes aspirin 81 mg daily for chest pain.", "Denies fever, café-au-lait spots and nausea."] * 5
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 90}


def _digest(folder: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.iterdir()))).hexdigest()


def _count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_tiny_double_of_every_architecture_loads_as_an_ordinary_backbone(model_type: str, tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path / "tiny", {"model_type": model_type}, TEXTS, seed=3)
    model = load_backbone(str(folder)).eval()
    tokenizer = backbone_tokenizer(str(folder))
    assert model.config.model_type == model_type
    assert model.config.hidden_size == 32
    assert model.config.num_hidden_layers == 2
    assert tokenizer.n_special == 2
    assert tokenizer.vocabulary_size == model.config.vocab_size
    row = tokenizer.row(tokenizer([TEXTS[0]])[0])
    with torch.inference_mode():
        states = model(input_ids=torch.from_numpy(row.astype(np.int64))[None]).last_hidden_state
    assert states.shape == (1, len(row), 32)
    assert bool(torch.isfinite(states).all())
    assert _count(model) < 100_000


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_the_unknown_token_of_a_tiny_double_is_rare_in_its_own_texts(model_type: str) -> None:
    backend = tiny_tokenizer(model_type, TEXTS)
    unknown = {backend.token_to_id("[UNK]"), backend.token_to_id("<unk>")}
    assert not unknown & set(backend.encode(TEXTS[1]).ids)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_no_piece_of_a_tiny_double_joins_letters_with_signs_or_digits(model_type: str) -> None:
    text = "aspirin, 81mg (nausea); 3/day."
    (tokens,) = TextTokenizer(tiny_tokenizer(model_type, [text] * 20))([text])
    pieces = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    assert all(piece.isalpha() or piece.isdigit() or not any(c.isalnum() for c in piece) for piece in pieces)


def test_the_same_arguments_give_the_same_double_and_another_seed_another(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from medspan.models.tiny import tiny_backbone\n"
        "for kind in ('bert', 'roberta', 'deberta-v2'):\n"
        "    tiny_backbone(Path(sys.argv[1]) / kind, {'model_type': kind}, sys.argv[3:], int(sys.argv[2]))"
    )
    # Another process, because hash tables differ between processes and not within one.
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a"), "1", *TEXTS], check=True, timeout=120)
    for kind in ("bert", "roberta", "deberta-v2"):
        here = tiny_backbone(tmp_path / "b" / kind, {"model_type": kind}, TEXTS, seed=1)
        other = tiny_backbone(tmp_path / "c" / kind, {"model_type": kind}, TEXTS, seed=2)
        assert _digest(tmp_path / "a" / kind) == _digest(here)
        assert (here / "tokenizer.json").read_bytes() == (other / "tokenizer.json").read_bytes()
        assert _digest(here) != _digest(other)


def test_making_a_double_leaves_the_random_state_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    tiny_backbone(tmp_path, None, TEXTS)
    assert torch.equal(torch.rand(3), expected)


def test_a_double_keeps_what_is_no_size(tmp_path: Path) -> None:
    written = {
        "model_type": "deberta-v2",
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 32,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "max_position_embeddings": 77,
    }
    model = load_backbone(str(tiny_backbone(tmp_path, written, TEXTS)))
    assert model.encoder.relative_attention
    assert model.encoder.position_buckets == 32
    assert model.embeddings.position_embeddings is None
    assert model.config.max_position_embeddings == 77


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_an_architecture_on_the_meta_device_has_the_weights_it_has_in_memory(model_type: str) -> None:
    written = {"model_type": model_type, **SIZES, "pad_token_id": 1}
    counted, real = build_backbone(written, "meta"), build_backbone(written)
    assert all(parameter.is_meta for parameter in counted.parameters())
    assert {n: p.shape for n, p in counted.named_parameters()} == {n: p.shape for n, p in real.named_parameters()}
    assert not any(name.startswith("pooler") for name, _ in real.named_parameters())


def test_every_written_value_reaches_the_config() -> None:
    written = {"model_type": "megatron-bert", **SIZES, "hidden_dropout_prob": 0.3, "layer_norm_eps": 1e-6}
    config = encoder_config(written)
    assert {key: getattr(config, key) for key in written} == written


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "model_type is missing"),
        ({"model_type": "bertt"}, r"model_type: unknown model type 'bertt'; did you mean 'bert'\?"),
        ({"model_type": "gpt2"}, "unknown model type 'gpt2'"),
        ({"model_type": "bert", "hiden_size": 8}, r"hiden_size: .* of bert 'hiden_size'; did you mean 'hidden_size'\?"),
        ({"model_type": "modernbert", "type_vocab_size": 2}, "unknown key of modernbert"),
        ({"model_type": "bert", "auto_map": {}}, "unknown key of bert 'auto_map'"),
        ({"model_type": "bert", "hidden_size": "768"}, "expected int"),
        ({"model_type": "bert", "num_attention_heads": 7}, "no multiple of num_attention_heads"),
        ({"model_type": "modernbert", "vocab_size": 10}, "pad_token_id 50283 lies outside of vocab_size 10"),
    ],
)
def test_a_faulty_architecture_is_refused_by_key(written: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_backbone(written, "meta")


def _without_fast_tokenizer(folder: Path, model_type: str) -> tuple[Path, Any]:
    """A tiny backbone with the files of older releases; returns the folder and the tokenizer they were made of."""
    tiny_backbone(folder, {"model_type": model_type}, TEXTS)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.model.save(str(folder))
    (folder / "tokenizer.json").unlink()
    return folder, backend


@pytest.mark.parametrize("model_type", ["bert", "megatron-bert", "electra", "roberta", "longformer"])
def test_vocabulary_files_of_older_releases_give_the_same_pieces(model_type: str, tmp_path: Path) -> None:
    folder, backend = _without_fast_tokenizer(tmp_path, model_type)
    converted, expected = backbone_tokenizer(str(folder)), TextTokenizer(backend)
    assert (converted.prefix, converted.suffix) == (expected.prefix, expected.suffix)
    for found, wanted in zip(converted(TEXTS), expected(TEXTS), strict=True):
        assert found.ids.tolist() == wanted.ids.tolist()
        assert found.starts.tolist() == wanted.starts.tolist()


def _sentencepiece(folder: Path, kind: int = 1, begin: str = "[CLS]") -> Any:
    """Rewrite a tiny DeBERTa's tokenizer as a SentencePiece model file; returns the tokenizer it was."""
    tiny_backbone(folder, {"model_type": "deberta-v2"}, TEXTS)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pieces = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    model = sentencepiece_model_pb2_new.ModelProto()
    for piece, score in pieces:
        model.pieces.add(piece=begin if piece == "[CLS]" else piece, score=score)
    model.trainer_spec.model_type = kind
    model.trainer_spec.unk_id = [piece for piece, _ in pieces].index("[UNK]")
    (folder / "spm.model").write_bytes(model.SerializeToString())
    return backend


def test_a_sentencepiece_model_gives_the_same_pieces(tmp_path: Path) -> None:
    expected = TextTokenizer(_sentencepiece(tmp_path))
    converted = backbone_tokenizer(str(tmp_path))
    assert (converted.prefix, converted.suffix) == (expected.prefix, expected.suffix)
    for found, wanted in zip(converted(TEXTS), expected(TEXTS), strict=True):
        assert found.ids.tolist() == wanted.ids.tolist()
        assert found.starts.tolist() == wanted.starts.tolist()
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}', encoding="utf-8")
    lower, upper = backbone_tokenizer(str(tmp_path))(["chest pain", "CHEST Pain"])
    assert lower.ids.tolist() == upper.ids.tolist()


def test_sentencepiece_models_of_another_kind_are_refused(tmp_path: Path) -> None:
    for number, options in enumerate([{"kind": 2}, {"begin": "<s>"}]):
        _sentencepiece(tmp_path / str(number), **options)
        with pytest.raises(CheckpointError, match="not a SentencePiece unigram model"):
            backbone_tokenizer(str(tmp_path / str(number)))


def test_a_vocabulary_that_the_named_tokenizer_does_not_read_is_refused(tmp_path: Path) -> None:
    folder, _ = _without_fast_tokenizer(tmp_path, "bert")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"vocab\.txt"):
        backbone_tokenizer(str(folder))


@pytest.mark.parametrize(("stated", "pieces"), [(None, 2), (False, 2), (True, 1)])
def test_capitals_in_the_vocabulary_tell_that_it_is_cased_unless_a_file_does(
    stated: bool | None, pieces: int, tmp_path: Path
) -> None:
    folder, _ = _without_fast_tokenizer(tmp_path, "bert")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\npain\nPain\n##s\na\n", encoding="utf-8")
    if stated is not None:
        settings = {"do_lower_case": stated, "tokenizer_class": "BertTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (tokens,) = backbone_tokenizer(str(folder))(["pain Pain"])
    assert len(set(tokens.ids.tolist())) == pieces


def test_a_folder_without_any_tokenizer_says_what_is_expected(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"expected tokenizer\.json, or else vocab\.txt"):
        backbone_tokenizer(str(tmp_path))
    (tmp_path / "spm.model").write_bytes(b"no model")
    with pytest.raises(CheckpointError, match="not a SentencePiece model"):
        backbone_tokenizer(str(tmp_path))


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 40}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="do not belong together"):
        backbone_tokenizer(str(tmp_path))


def test_pickled_weights_are_refused_and_never_read(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is a pickle.*convert the weights once"):
        load_backbone(str(tmp_path))
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_backbone(str(tmp_path))


def _rename_weights(folder: Path, rename: Callable[[str], str | None]) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {rename(name): value for name, value in weights.items()}
    save_file({name: value for name, value in kept.items() if name}, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("model_type", ["bert", "megatron-bert", "roberta"])
def test_weights_saved_with_a_pretraining_head_load_as_the_encoder(model_type: str, tmp_path: Path) -> None:
    tiny_backbone(tmp_path, {"model_type": model_type}, TEXTS)
    expected = load_backbone(str(tmp_path)).state_dict()
    prefix = "roberta" if model_type == "roberta" else "bert"
    _rename_weights(tmp_path, lambda name: f"{prefix}.{name}")
    weights = load_file(tmp_path / "model.safetensors") | {"cls.predictions.bias": torch.zeros(5)}
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    found = load_backbone(str(tmp_path)).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_weights_that_are_not_all_there_are_refused_rather_than_drawn_at_random(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    _rename_weights(tmp_path, lambda name: None if "layer.1.output.dense" in name else name)
    with pytest.raises(CheckpointError, match=r"2 weights of a bert encoder .* encoder\.layer\.1\.output\.dense\.bias"):
        load_backbone(str(tmp_path))


def test_a_pickle_converted_as_the_documentation_says_loads(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, {"model_type": "megatron-bert"}, TEXTS)
    expected = load_backbone(str(tmp_path)).state_dict()
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, timeout=120)
    found = load_backbone(str(tmp_path)).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_weights_that_are_cut_short_are_refused(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="backbone"):
        load_backbone(str(tmp_path))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_folder_that_asks_to_run_code_is_refused(file: str, tmp_path: Path) -> None:
    folder, _ = _without_fast_tokenizer(tmp_path, "bert")
    content = json.loads((folder / file).read_text(encoding="utf-8")) if (folder / file).exists() else {}
    content["auto_map"] = {"AutoModel": "evil.Model", "AutoTokenizer": "evil.Tokenizer"}
    (folder / file).write_text(json.dumps(content), encoding="utf-8")
    (folder / "evil.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    with pytest.raises(CheckpointError, match="refused"):
        backbone_tokenizer(str(folder))
    if file == "config.json":
        with pytest.raises(CheckpointError, match="refused"):
            load_backbone(str(folder))


def test_a_config_of_no_known_model_is_refused(tmp_path: Path) -> None:
    tiny_backbone(tmp_path, None, TEXTS)
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="backbone"):
        load_backbone(str(tmp_path))
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        load_backbone(str(tmp_path))


def test_a_package_that_is_not_there_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(CheckpointError, match="pip install --no-deps no-such-model"):
        backbone_path("pkg:no_such_model/model")


def test_nothing_is_fetched_unless_downloads_are_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def snapshot(name: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any(pattern in allow_patterns for pattern in ("*", "*.bin", "*.py"))
        return str(tiny_backbone(tmp_path, None, TEXTS))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(CheckpointError, match="together with allow_download: true"):
        load_backbone("owner/model")
    assert not asked
    load_backbone("owner/model@abc123", allow_download=True)
    assert asked == [("owner/model", "abc123")]


def test_a_hub_id_that_cannot_be_fetched_is_one_of_our_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(*_: Any, **__: Any) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(CheckpointError, match="neither a folder nor to be had from the hub: no route"):
        backbone_path("owner/model", allow_download=True)


def test_the_installed_transformers_knows_every_architecture() -> None:
    assert set(ARCHITECTURES) <= set(transformers.CONFIG_MAPPING)
