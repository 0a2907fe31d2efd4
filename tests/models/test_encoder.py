"""The encoder under virtual tokens: rows, masks, positions, segments, memory, resume."""

import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from medspan.errors import ConfigError  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.strategies import STRATEGIES, AdapterOptions, apply  # noqa: E402
from tiny_encoders import MODEL_TYPES, tiny_model, tiny_rows  # noqa: E402

TAKING_MASKS = ("bert", "electra", "megatron-bert", "modernbert", "roberta")
WITH_PREFIX = ("bert", "electra", "megatron-bert", "roberta")
SOFT = ("prompt", "p-tuning", "prefix")


def built(strategy: str, model_type: str = "bert", **options: Any) -> Encoder:
    """An evaluating encoder whose adapters do something."""
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4, **options)).eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if ".lora_" in name or ".ia3_" in name:
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)), alpha=0.3)
    return encoder


def on_each(strategies: tuple[str, ...], model_types: tuple[str, ...]) -> Any:
    pairs = [(s, m) for s in strategies for m in model_types if s != "prefix" or m in WITH_PREFIX]
    return pytest.mark.parametrize(("strategy", "model_type"), pairs)


def close(a: Any, b: Any) -> bool:
    return bool(torch.allclose(a, b, atol=1e-5))


@on_each(tuple(STRATEGIES), MODEL_TYPES)
def test_a_row_has_one_state_a_token_whatever_its_neighbours(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((11, 7))
    states = encoder(ids, mask)
    assert states.shape == (2, 11, 32)
    assert states.dtype == torch.float32
    assert close(states[1, :7], encoder(ids[1:, :7], mask[1:, :7])[0])


@on_each(SOFT, ("bert", "roberta", "electra", "megatron-bert", "deberta-v2"))
def test_virtual_tokens_do_what_they_do_in_peft(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((9, 9))
    theirs = encoder.backbone
    theirs.word_embeddings = encoder.bare.get_input_embeddings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state[:, -9:]
    assert close(encoder(ids, mask), expected)


@pytest.mark.parametrize("model_type", ["modernbert", "longformer"])
def test_a_prompt_reaches_tokens_beyond_the_window_of_local_layers(model_type: str) -> None:
    backbone = tiny_model(model_type)
    if model_type == "modernbert":
        backbone.layers = backbone.layers[1:]  # the local layer alone
        backbone.config.layer_types = ["sliding_attention"]
    else:
        backbone.encoder.layer = backbone.encoder.layer[:1]
    encoder = apply(backbone, "prompt", AdapterOptions(tokens=4)).eval()
    ids, mask = tiny_rows((40,))
    before = encoder(ids, mask)
    with torch.no_grad():
        encoder.backbone.prompt_encoder["default"].embedding.weight.mul_(-1)
    assert ((encoder(ids, mask) - before).abs().amax(2) > 1e-4).all()


@on_each(tuple(STRATEGIES), ("bert", "electra", "megatron-bert"))
def test_segments_reach_the_model(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((8,))
    types = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])
    assert close(encoder(ids, mask, torch.zeros_like(types)), encoder(ids, mask))
    assert not close(encoder(ids, mask, types), encoder(ids, mask))


@pytest.mark.parametrize("model_type", ["roberta", "modernbert", "longformer", "deberta-v2"])
def test_segments_are_left_out_where_a_model_has_none(model_type: str) -> None:
    for strategy in ("full", "prompt"):
        encoder = built(strategy, model_type)
        if int(getattr(encoder.config, "type_vocab_size", 0)) > 1:
            continue
        ids, mask = tiny_rows((8,))
        assert close(encoder(ids, mask, torch.ones_like(ids)), encoder(ids, mask))


@on_each(("full", *SOFT), ("bert", "electra", "longformer", "megatron-bert", "roberta"))
def test_the_longest_row_fits_and_a_longer_one_does_not(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    assert encoder.max_tokens == 64 - (0 if strategy == "full" else 4)
    assert encoder(*tiny_rows((encoder.max_tokens,))).isfinite().all()
    if model_type != "longformer":  # which pads to its window first and may read the padding's position
        with pytest.raises((IndexError, RuntimeError)):
            encoder(*tiny_rows((encoder.max_tokens + 1,)))


def test_models_of_relative_positions_have_their_own_limits() -> None:
    assert built("prompt", "deberta-v2").max_tokens is None
    assert built("full", "deberta-v2")(*tiny_rows((90,))).shape == (1, 90, 32)
    assert built("prompt", "modernbert").max_tokens == 60


@on_each(tuple(STRATEGIES), TAKING_MASKS)
def test_a_mask_that_hides_nothing_changes_nothing(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((30, 17))
    visible = mask.unsqueeze(1).repeat(1, 30, 1)
    visible[1, 17:] = torch.eye(30, dtype=mask.dtype)[17:]  # padding sees itself alone
    expected = encoder(ids, mask)
    for found in (encoder(ids, visible), encoder(ids, visible, None, torch.arange(30).expand(2, -1))):
        assert close(found[0], expected[0])
        assert close(found[1, :17], expected[1, :17])


@on_each(tuple(STRATEGIES), TAKING_MASKS)
def test_tokens_hidden_from_each_other_do_not_touch_each_other(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, _ = tiny_rows((20,))
    block = torch.block_diag(torch.ones(12, 12), torch.ones(8, 8)).long().unsqueeze(0)
    other = ids.clone()
    other[0, 12:] = (other[0, 12:] + 7) % 50 + 5
    first, second = encoder(ids, block), encoder(other, block)
    assert torch.equal(first[0, :12], second[0, :12])
    assert not close(first[0, 12:], second[0, 12:])


@on_each(("full", "lora", "ia3", "prefix"), TAKING_MASKS)
def test_two_texts_packed_into_one_row_are_as_alone(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((12, 8))
    packed = torch.cat([ids[:1], ids[1:, :8]], 1)
    block = torch.block_diag(torch.ones(12, 12), torch.ones(8, 8)).long().unsqueeze(0)
    positions = torch.cat([torch.arange(12), torch.arange(8)]).unsqueeze(0)
    alone = encoder(ids, mask)
    together = encoder(packed, block, None, positions)[0]
    assert close(together[:12], alone[0])
    assert close(together[12:], alone[1, :8])


@pytest.mark.parametrize("strategy", ["full", "prompt", "prefix"])
def test_a_token_mask_works_with_plain_attention_too(strategy: str) -> None:
    encoder = built(strategy)
    ids, mask = tiny_rows((10, 6))
    visible = mask.unsqueeze(1) * torch.ones(10, 10, dtype=mask.dtype).tril()
    fused = encoder(ids, visible)
    encoder.bare.set_attn_implementation("eager")
    plain = encoder(ids, visible)
    assert close(plain[mask > 0], fused[mask > 0])
    assert plain.isfinite().all()


@pytest.mark.parametrize("strategy", ["full", "prompt"])
@pytest.mark.parametrize("model_type", ["deberta-v2", "longformer"])
def test_models_that_cannot_take_a_token_mask_say_so(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((6,))
    assert not encoder.takes_token_masks
    with pytest.raises(ConfigError, match=f"{model_type}.*token-to-token mask"):
        encoder(ids, mask.unsqueeze(1).repeat(1, 6, 1))
    with pytest.raises(ConfigError, match=f"{model_type}.*position ids"):
        encoder(ids, mask, None, torch.arange(6).unsqueeze(0))


@on_each(("full", "prompt", "p-tuning", "lora", "ia3"), MODEL_TYPES)
def test_checkpointed_gradients_are_the_same(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type).train()
    ids, mask = tiny_rows()
    encoder(ids, mask).square().mean().backward()
    expected = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad()
    encoder.checkpoint_gradients()
    encoder(ids, mask).square().mean().backward()
    assert expected
    assert {name for name, p in encoder.named_parameters() if p.grad is not None} == set(expected)
    assert all(torch.allclose(p.grad, expected[n], atol=1e-6) for n, p in encoder.named_parameters() if n in expected)


def test_checkpointed_layers_run_a_second_time() -> None:
    encoder = built("lora").train()
    runs = []
    encoder.bare.encoder.layer[0].intermediate.register_forward_hook(lambda *_: runs.append(1))
    encoder.checkpoint_gradients()
    encoder(*tiny_rows()).mean().backward()
    assert len(runs) == 2


def test_checkpointing_costs_a_frozen_encoder_no_backward_pass() -> None:
    encoder = built("head").train()
    encoder.checkpoint_gradients()
    assert not encoder(*tiny_rows()).requires_grad


def test_prefix_refuses_gradient_checkpointing_before_and_after() -> None:
    with pytest.raises(ConfigError, match="prefix does not work with gradient checkpointing"):
        built("prefix").checkpoint_gradients()
    encoder = built("full")
    encoder.checkpoint_gradients()
    with pytest.raises(ConfigError, match="prefix does not work with gradient checkpointing"):
        apply(encoder.bare, "prefix")


@on_each(tuple(STRATEGIES), ("bert", "megatron-bert", "modernbert"))
def test_half_precision_gives_nearly_the_same_in_float32(strategy: str, model_type: str) -> None:
    encoder = built(strategy, model_type)
    ids, mask = tiny_rows((9,))
    expected = encoder(ids, mask)
    encoder.precision = torch.bfloat16
    found = encoder(ids, mask)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert (found - expected).abs().mean() < 0.05
    if encoder.takes_token_masks:
        assert encoder(ids, mask.unsqueeze(1).repeat(1, 9, 1)).isfinite().all()
