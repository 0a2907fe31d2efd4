"""Encoders under a strategy as ONNX graphs: prompts baked in, adapters merged, sizes free."""

import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.strategies import AdapterOptions, apply, learning, merged  # noqa: E402
from tiny_encoders import tiny_model, tiny_rows  # noqa: E402


def served(strategy: str, model_type: str = "bert", **options: Any) -> tuple[Encoder, Encoder]:
    """A trained encoder, evaluating, and what is exported of it."""
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4, **options)).eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if name in learning(encoder):
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)), alpha=0.1)
    return encoder, merged(encoder)


def export(encoder: Encoder, example: dict[str, Any], path: Path) -> Any:
    """Write a graph whose inputs are the names in `example`, and return a session that runs it."""
    sizes = (torch.export.Dim("batch"), torch.export.Dim("tokens"))
    shapes = {name: dict(enumerate((*sizes, sizes[1])[: value.dim()])) for name, value in example.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own internals
        program = torch.onnx.export(
            encoder,
            (),
            kwargs=example,
            dynamo=True,
            input_names=list(example),
            output_names=["last_hidden_state"],
            dynamic_shapes=shapes,
            opset_version=18,
            verbose=False,
        )
    assert program is not None
    program.save(str(path))
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def check(session: Any, encoder: Encoder, feed: dict[str, Any]) -> None:
    with torch.no_grad():
        expected = encoder(**feed)
    found = torch.from_numpy(session.run(None, {name: value.numpy() for name, value in feed.items()})[0])
    kept = feed["attention_mask"] > 0
    kept = kept if kept.dim() == 2 else kept.any(2)
    assert found.shape == expected.shape
    assert torch.allclose(found[kept], expected[kept], atol=1e-4)


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("prompt", {}),
        ("p-tuning", {"hidden": 9}),
        ("prefix", {"hidden": 9, "freeze_backbone": False}),
        ("lora", {}),
    ],
)
def test_an_exported_encoder_gives_what_torch_gives(strategy: str, options: dict[str, Any], tmp_path: Path) -> None:
    encoder, fixed = served(strategy, **options)
    ids, mask = tiny_rows((16, 16))
    session = export(fixed, {"input_ids": ids, "attention_mask": mask}, tmp_path / "model.onnx")
    for lengths in ((16, 9), (5,), (31, 30, 7), (fixed.max_tokens or 0,)):
        ids, mask = tiny_rows(lengths, seed=3)
        check(session, encoder, {"input_ids": ids, "attention_mask": mask})


@pytest.mark.parametrize(
    ("strategy", "model_type"), [("prefix", "megatron-bert"), ("prompt", "roberta"), ("prompt", "modernbert")]
)
def test_other_architectures_export_too(strategy: str, model_type: str, tmp_path: Path) -> None:
    encoder, fixed = served(strategy, model_type)
    ids, mask = tiny_rows((16, 16))
    session = export(fixed, {"input_ids": ids, "attention_mask": mask}, tmp_path / "model.onnx")
    for lengths in ((16, 9), (23, 7, 7)):
        ids, mask = tiny_rows(lengths, seed=3)
        check(session, encoder, {"input_ids": ids, "attention_mask": mask})


@pytest.mark.parametrize("strategy", ["prompt", "prefix"])
def test_segments_positions_and_token_masks_can_be_inputs(strategy: str, tmp_path: Path) -> None:
    encoder, fixed = served(strategy)

    def feed(rows: int, first: int, second: int) -> dict[str, Any]:
        ids, _ = tiny_rows((first + second,) * rows)
        block = torch.block_diag(torch.ones(first, first), torch.ones(second, second)).long()
        positions = torch.cat([torch.arange(first), torch.arange(second)])
        types = (torch.arange(first + second) % 2).expand(rows, -1)
        return {
            "input_ids": ids,
            "attention_mask": block.expand(rows, -1, -1).contiguous(),
            "token_type_ids": types.contiguous(),
            "position_ids": positions.expand(rows, -1).contiguous(),
        }

    session = export(fixed, feed(2, 9, 7), tmp_path / "model.onnx")
    for sizes in ((2, 9, 7), (1, 4, 3), (3, 20, 11)):
        check(session, encoder, feed(*sizes))
