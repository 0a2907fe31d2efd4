"""Outlier channels: how copies are given out, that the float graph stays what it was, and that int8 gains."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.models.outliers import copies, split_outliers

onnx = pytest.importorskip("onnx")

WIDTH = 48


@given(st.lists(st.floats(0.5, 1000, width=32), min_size=1, max_size=40), st.integers(0, 60))
def test_copies_are_given_whole_and_never_taken(importance: list[float], extra: int) -> None:
    count = copies(np.array(importance, np.float32), extra)
    assert count.sum() == len(importance) + extra
    assert count.min() >= 1


def test_the_largest_channel_is_split_until_another_is_larger() -> None:
    assert copies(np.array([100, 1, 26, 1], np.float32), 4).tolist() == [4, 1, 2, 1]


def graph(activation: bool = True, gated: bool = False) -> Any:
    """A table lookup, a product to WIDTH channels, a bias and tanh, a product back; channel 7 is an outlier."""
    generator = np.random.default_rng(0)
    up = generator.normal(size=(8, WIDTH)).astype(np.float32)
    up[:, 7] *= 60
    constants = {
        "table": generator.normal(size=(30, 8)).astype(np.float32),
        "up": up,
        "bias": generator.normal(size=WIDTH).astype(np.float32),
        "half": np.float32(0.5),
        "down": generator.normal(size=(WIDTH, 8)).astype(np.float32),
    }
    make = onnx.helper.make_node
    nodes = [
        make("Gather", ["table", "input_ids"], ["x"]),
        make("MatMul", ["x", "up"], ["h0"]),
        make("Add", ["h0", "bias"], ["h1"]),
        make("Mul", ["h1", "half"], ["h2"]),
        make("Relu" if activation else "Softmax", ["h2"], ["h3"]),
        make("MatMul", ["h3", "down"], ["y"]),
        make("Cast", ["attention_mask"], ["m0"], to=onnx.TensorProto.FLOAT),
        make("Unsqueeze", ["m0", "last"], ["m1"]),
        make("Mul", ["y", "m1"], ["out" if not gated else "y1"]),
    ]
    if gated:  # a second reader of the wide channels
        nodes.append(make("ReduceSum", ["h2", "last"], ["s"], keepdims=1))
        nodes.append(make("Add", ["y1", "s"], ["out"]))
    info = onnx.helper.make_tensor_value_info
    ids = [info(name, onnx.TensorProto.INT64, ["b", "t"]) for name in ("input_ids", "attention_mask")]
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    tensors.append(onnx.numpy_helper.from_array(np.array([-1]), "last"))
    output = info("out", onnx.TensorProto.FLOAT, ["b", "t", 8])
    return onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "g", ids, [output], tensors), opset_imports=[onnx.helper.make_opsetid("", 18)]
    )


def feed() -> tuple[dict[str, Any], Any]:
    ids = np.random.default_rng(1).integers(0, 30, (3, 11))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}, np.ones(ids.shape, bool)


def run(model: Any, folder: Path) -> Any:
    from medspan.models.runtime import import_openvino

    path = folder / "g.onnx"
    onnx.save(model, path)
    return import_openvino().Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feed()[0])[0]


def test_splitting_changes_the_width_but_not_the_result(tmp_path: Path) -> None:
    model = graph()
    before = run(model, tmp_path).copy()
    assert split_outliers(model, [feed()]) == 1
    np.testing.assert_allclose(run(model, tmp_path), before, rtol=1e-4, atol=1e-4)
    matrices = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.name.startswith("split")]
    assert (8, WIDTH + WIDTH // 24) in [matrix.shape for matrix in matrices]
    onnx.checker.check_model(model)


def test_the_outlier_is_what_gets_split() -> None:
    model = graph()
    split_outliers(model, [feed()])
    up = next(onnx.numpy_helper.to_array(t) for t in model.graph.initializer if list(t.dims) == [8, WIDTH + 2])
    largest = np.abs(up).max(0)
    assert (largest > 20).sum() == 1 + WIDTH // 24


@pytest.mark.parametrize("changes", [{"activation": False}, {"gated": True}])
def test_graphs_without_a_plain_feed_forward_stay_as_they_are(changes: dict[str, bool]) -> None:
    model = graph(**changes)
    before = model.SerializeToString()
    assert split_outliers(model, [feed()]) == 0
    assert model.SerializeToString() == before
