"""Adapters in peft's layout, and encoders merged for serving."""

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from medspan.errors import CheckpointError, ConfigError  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.strategies import (  # noqa: E402
    STRATEGIES,
    AdapterOptions,
    apply,
    learning,
    load_adapter,
    merged,
    save_adapter,
)
from tiny_encoders import MODEL_TYPES, tiny_model, tiny_rows  # noqa: E402

ADAPTING = ("prompt", "p-tuning", "prefix", "lora", "ia3")
PAIRS = [
    (strategy, model_type)
    for strategy in ADAPTING
    for model_type in MODEL_TYPES
    if strategy != "prefix" or model_type in ("bert", "electra", "megatron-bert", "roberta")
]


def trained(strategy: str, model_type: str = "bert", **options: Any) -> Encoder:
    """An evaluating encoder whose added weights are none of those it began with."""
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4, **options)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if name in learning(encoder):
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return encoder


def same(first: Encoder, second: Encoder, tolerance: float = 1e-5) -> bool:
    ids, mask = tiny_rows((12, 9))
    with torch.no_grad():
        return bool(torch.allclose(first(ids, mask)[mask > 0], second(ids, mask)[mask > 0], atol=tolerance))


@pytest.mark.parametrize(("strategy", "model_type"), PAIRS)
def test_a_loaded_adapter_gives_what_the_saved_one_gave(strategy: str, model_type: str, tmp_path: Path) -> None:
    encoder = trained(strategy, model_type)
    save_adapter(encoder, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    loaded = load_adapter(tiny_model(model_type), tmp_path).eval()
    assert same(loaded, encoder)
    assert not same(loaded, apply(tiny_model(model_type), "full").eval(), 1e-3)
    assert loaded.strategy == strategy
    assert loaded.max_tokens == encoder.max_tokens
    assert learning(loaded) == ()


@pytest.mark.parametrize(("strategy", "model_type"), PAIRS)
def test_plain_peft_loads_what_is_saved(strategy: str, model_type: str, tmp_path: Path) -> None:
    encoder = trained(strategy, model_type)
    save_adapter(encoder, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = peft.PeftModel.from_pretrained(tiny_model(model_type), str(tmp_path)).eval()
        ids, mask = tiny_rows((12, 12))
        with torch.no_grad():
            states = theirs(input_ids=ids, attention_mask=mask).last_hidden_state[:, -12:]
    if encoder.n_virtual:
        learnt = encoder.virtual_tokens()
        assert learnt is not None
        assert torch.allclose(theirs.prompt_encoder["default"].embedding.weight, learnt)
    if not (encoder.n_virtual and model_type in ("longformer", "modernbert")):  # where we let far text see the prompt
        assert torch.allclose(states, encoder(ids, mask), atol=1e-5)


@pytest.mark.parametrize("strategy", ["p-tuning", "prefix"])
def test_a_prompt_from_a_network_is_saved_as_its_virtual_tokens(strategy: str, tmp_path: Path) -> None:
    encoder = trained(strategy, hidden=9)
    save_adapter(encoder, tmp_path)
    assert same(load_adapter(tiny_model(), tmp_path).eval(), encoder)
    assert any("mlp_head" in name or "transform" in name for name, _ in encoder.named_parameters())


@pytest.mark.parametrize("strategy", ADAPTING)
def test_nothing_of_this_machine_is_saved(strategy: str, tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path / "backbone")
    from transformers import BertModel

    backbone = BertModel.from_pretrained(tmp_path / "backbone", add_pooling_layer=False)
    save_adapter(apply(backbone, strategy), tmp_path / "adapter")
    for path in (tmp_path / "adapter").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes()
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] is None


@pytest.mark.parametrize("strategy", ["full", "head"])
def test_an_encoder_without_adapter_saves_none(strategy: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{strategy}.*no adapter"):
        save_adapter(apply(tiny_model(), strategy), tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_pickled_weights_are_refused_unread(tmp_path: Path) -> None:
    save_adapter(trained("lora"), tmp_path)
    (tmp_path / "adapter_model.safetensors").unlink()
    (tmp_path / "adapter_model.bin").write_bytes(pickle.dumps({"weight": 1}))
    with pytest.raises(CheckpointError, match=r"adapter_model\.safetensors is missing"):
        load_adapter(tiny_model(), tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(pickle.dumps({"weight": 1}))
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_adapter(tiny_model(), tmp_path)


def test_a_config_that_asks_for_code_is_refused(tmp_path: Path) -> None:
    save_adapter(trained("lora"), tmp_path)
    change_config(tmp_path, auto_map={"AutoModel": "evil.Model"})
    with pytest.raises(CheckpointError, match="auto_map"):
        load_adapter(tiny_model(), tmp_path)


@pytest.mark.parametrize(
    "changes", [{"peft_type": "VERA"}, {"peft_type": None}, {"r": 3}, {"target_modules": ["nothing"]}, {"r": "x"}]
)
def test_a_config_that_does_not_fit_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    save_adapter(trained("lora"), tmp_path)
    change_config(tmp_path, **changes)
    with pytest.raises(CheckpointError):
        load_adapter(tiny_model(), tmp_path)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_config_is_refused(text: str, tmp_path: Path) -> None:
    save_adapter(trained("lora"), tmp_path)
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"adapter_config\.json"):
        load_adapter(tiny_model(), tmp_path)
    (tmp_path / "adapter_config.json").unlink()
    with pytest.raises(CheckpointError, match="not an adapter folder"):
        load_adapter(tiny_model(), tmp_path)


@pytest.mark.parametrize(
    ("strategy", "other"),
    [("lora", "modernbert"), ("prompt", "electra"), ("prefix", "longformer"), ("ia3", "modernbert")],
)
def test_an_adapter_of_another_backbone_is_refused(strategy: str, other: str, tmp_path: Path) -> None:
    save_adapter(trained(strategy), tmp_path)
    with pytest.raises(CheckpointError):
        load_adapter(tiny_model(other), tmp_path)


@pytest.mark.parametrize(("strategy", "model_type"), PAIRS)
def test_a_merged_encoder_gives_the_same_without_peft(strategy: str, model_type: str) -> None:
    encoder = trained(strategy, model_type)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    served = merged(encoder)
    assert same(served, encoder)
    assert not served.has_adapter
    assert not any(type(module).__module__.startswith("peft") for module in served.modules())
    after = encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert encoder.has_adapter
    names = {f"backbone.{name}" for name in tiny_model(model_type).state_dict()}
    assert {name for name in served.state_dict() if name != "prompt"} == names
    assert merged(served) is served


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_merging_keeps_mode_and_precision(strategy: str) -> None:
    encoder = apply(tiny_model(), strategy).train()
    encoder.precision = torch.bfloat16
    assert merged(encoder).training
    assert merged(encoder).precision == torch.bfloat16
    assert not merged(encoder.eval()).training
    if strategy in ("full", "head"):
        assert merged(encoder) is encoder


def test_merging_an_unfrozen_prompt_keeps_the_learnt_backbone() -> None:
    encoder = trained("prefix", freeze_backbone=False)
    served = merged(encoder)
    assert same(served, encoder)
    assert served.bare is encoder.bare
