"""Export on tiny random encoders: float32 parity, int8 files, and what must be refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
onnx = pytest.importorskip("onnx")

from medspan.errors import CheckpointError, ConfigError  # noqa: E402
from medspan.formulations.inputs import EncoderInput  # noqa: E402
from medspan.inference.encoder_engine import OnnxEngine, TorchEngine  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.export import export_encoder  # noqa: E402
from medspan.models.strategies import AdapterOptions, apply  # noqa: E402
from tiny_encoders import tiny_model  # noqa: E402

INT8 = onnx.TensorProto.INT8


def tiny_bert(seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": 200,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    config = transformers.BertConfig(**(sizes | changes))
    return Encoder(transformers.BertModel(config, add_pooling_layer=False))


def rows_of(lengths: list[int], seed: int = 0) -> list[EncoderInput]:
    generator = np.random.default_rng(seed)
    return [EncoderInput(generator.integers(5, 200, length).astype(np.int32)) for length in lengths]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny_bert()


@pytest.fixture(scope="module")
def float32(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_encoder(model, tmp_path_factory.mktemp("float32"), CALIBRATION, int8=False)


@pytest.fixture(scope="module")
def int8(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_encoder(model, tmp_path_factory.mktemp("int8"), CALIBRATION, int8=True)


CALIBRATION = rows_of([5, 9, 12, 17, 20, 24, 31, 40] * 3)


def test_a_float32_export_gives_the_hidden_states_of_torch(model: Any, float32: Path) -> None:
    assert float32.parts[-2:] == ("onnx", "model.onnx")
    rows = rows_of([1, 7, 8, 33, 64], seed=1)
    np.testing.assert_allclose(OnnxEngine(float32).encode(rows), TorchEngine(model).encode(rows), atol=1e-4)


def test_an_int8_export_stores_weights_and_embeddings_as_int8(int8: Path) -> None:
    assert int8.parts[-2:] == ("onnx", "model-int8.onnx")
    tables = {tuple(t.dims): t.data_type for t in onnx.load(int8).graph.initializer if len(t.dims) == 2}
    width = 64 + 64 // 24  # the feed-forward width, with split outliers
    assert tables[(200, 32)] == tables[(32, 32)] == tables[(32, width)] == tables[(width, 32)] == INT8


def test_an_int8_export_keeps_one_scale_for_each_word(int8: Path) -> None:
    graph = onnx.load(int8).graph
    table = next(t.name for t in graph.initializer if list(t.dims) == [200, 32])
    scale = next(n.input[1] for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] == table)
    assert next(list(t.dims) for t in graph.initializer if t.name == scale) == [200]


def test_an_int8_export_stays_near_torch(model: Any, int8: Path) -> None:
    rows = rows_of([6, 30, 50], seed=2)
    found, expected = OnnxEngine(int8).encode(rows), TorchEngine(model).encode(rows)
    relative = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert 0 < relative.mean() < 0.05


def test_an_int8_export_computes_no_scale_at_run_time(int8: Path) -> None:
    kinds = {node.op_type for node in onnx.load(int8).graph.node}
    assert "QuantizeLinear" in kinds
    assert "DynamicQuantizeLinear" not in kinds


def test_only_the_asked_file_is_left_in_the_folder(float32: Path, int8: Path) -> None:
    assert [path.name for path in float32.parent.iterdir()] == ["model.onnx"]
    assert [path.name for path in int8.parent.iterdir()] == ["model-int8.onnx"]


def test_the_file_carries_the_longest_row_the_encoder_takes(float32: Path, int8: Path) -> None:
    assert OnnxEngine(float32).max_tokens == OnnxEngine(int8).max_tokens == 64


def test_the_model_keeps_its_training_mode(tmp_path: Path) -> None:
    model = tiny_bert().train()
    export_encoder(model, tmp_path, CALIBRATION, int8=False)
    assert model.training


@pytest.mark.parametrize("kind", ["Roberta", "DistilBert"])
def test_other_encoders_are_exported_too(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 200, "max_position_embeddings": 80, "pad_token_id": 0}
    if kind == "DistilBert":
        sizes |= {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    else:
        sizes |= {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    model = Encoder(getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes)))
    rows = rows_of([3, 20, 41], seed=3)
    found = OnnxEngine(export_encoder(model, tmp_path, CALIBRATION, int8=False)).encode(rows)
    np.testing.assert_allclose(found, TorchEngine(model).encode(rows), atol=1e-4)


def rows_with(parts: tuple[str, ...], lengths: list[int], seed: int = 0) -> list[EncoderInput]:
    """Rows of two halves that do not see each other, or of two segments, as asked."""
    rows = []
    for row in rows_of(lengths, seed):
        half = np.arange(len(row)) < len(row) // 2
        places = np.where(half, np.cumsum(half), np.cumsum(~half)).astype(np.int32) - 1
        rows.append(
            EncoderInput(
                row.ids % 50 + 5,
                (~half).astype(np.int32) if "types" in parts else None,
                places if "positions" in parts else None,
                half[:, None] == half[None, :] if "visible" in parts else None,
            )
        )
    return rows


@pytest.mark.parametrize(
    ("strategy", "model_type", "parts", "int8"),
    [
        ("full", "bert", ("types",), False),
        ("prompt", "bert", ("types", "positions", "visible"), True),
        ("prefix", "bert", ("positions", "visible"), True),
        ("prefix", "roberta", ("types",), False),
        ("p-tuning", "modernbert", (), False),
    ],
)
def test_inputs_follow_the_rows_and_virtual_tokens_are_inside(
    strategy: str, model_type: str, parts: tuple[str, ...], int8: bool, tmp_path: Path
) -> None:
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4)).train()
    path = export_encoder(encoder, tmp_path, rows_with(parts, [5, 9, 12, 17, 20, 24, 31, 40]), int8=int8)
    assert encoder.training
    engine = OnnxEngine(path)
    assert engine.max_tokens == encoder.max_tokens
    rows = rows_with(parts, [1, 7, 33, 18, encoder.max_tokens or 0], seed=1)
    found, expected = engine.encode(rows), TorchEngine(encoder).encode(rows)
    assert np.linalg.norm(found - expected) < (0.15 if int8 else 1e-5) * np.linalg.norm(expected)
    if not int8:
        np.testing.assert_allclose(found, expected, atol=1e-4)
    alone = np.concatenate([engine.encode([row]) for row in rows])
    assert np.array_equal(alone, found)
    for other in ((), ("types",), ("positions",), ("types", "visible")):
        if set(other) != set(parts):
            with pytest.raises(ConfigError, match=r"rows hold .* beside token ids, the exported encoder takes"):
                engine.encode(rows_with(other, [9]))


def test_rows_that_do_not_go_together_are_refused_by_both_engines(float32: Path, model: Any, tmp_path: Path) -> None:
    rows = [*rows_with((), [8]), *rows_with(("types",), [8])]
    for encode in (OnnxEngine(float32).encode, TorchEngine(model).encode):
        with pytest.raises(ConfigError, match="rows 0 and 1 do not go together: only one of them has types"):
            encode(rows)
    with pytest.raises(ConfigError, match="do not go together"):
        export_encoder(model, tmp_path, rows, int8=False)


def test_an_architecture_that_torch_cannot_export_says_how_to_serve_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"torch cannot export a longformer encoder .* --engine torch"):
        export_encoder(Encoder(tiny_model("longformer")), tmp_path, rows_with((), [9, 12]), int8=False)
    assert list((tmp_path / "onnx").iterdir()) == []


def test_rows_that_the_encoder_cannot_read_are_refused_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="deberta-v2"):
        export_encoder(Encoder(tiny_model("deberta-v2")), tmp_path, rows_with(("visible",), [9, 12]), int8=False)


def test_an_export_that_differs_from_torch_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medspan.models import export

    model = tiny_bert()
    write = export._write_float32
    monkeypatch.setattr(export, "_write_float32", lambda _model, *rest: write(tiny_bert(seed=1).eval(), *rest))
    with pytest.raises(CheckpointError, match="differs from torch"):
        export_encoder(model, tmp_path, CALIBRATION, int8=False)
    assert list((tmp_path / "onnx").iterdir()) == []


@pytest.mark.parametrize("lengths", [[], [2, 0]])
def test_calibration_without_tokens_is_refused(lengths: list[int], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="calibration"):
        export_encoder(tiny_bert(), tmp_path, rows_of(lengths), int8=True)
