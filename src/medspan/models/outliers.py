"""Outlier channels of an ONNX encoder, split so that int8 represents them.

In BERT-like encoders one or two of a layer's feed-forward channels are some fifty times larger than the rest. With
one int8 scale for the whole activation they take the resolution from all others, and smoothing only moves the trouble
into the weights. Here such a channel is computed several times by the first matrix, and the second gets its weights
divided by the number of copies: the float graph gives what it gave, both int8 ranges shrink, and a layer grows by a
few columns.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medspan.models.runtime import import_openvino

__all__ = ["copies", "split_outliers"]

Floats = NDArray[np.float32]
Feed = tuple[dict[str, NDArray[np.int64]], NDArray[np.bool_]]
"""The inputs of a batch, and where its tokens are: (rows, tokens)."""

_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Erf", "Tanh", "Relu", "Gelu", "Sigmoid", "Identity"})
_SHARE = 24  # one more column for 24 there are: 64 for a width of 1536


class _Pair:
    """Two matrix products with only an activation function between them: (in, width) then (width, out)."""

    def __init__(self, first: Any, second: Any, constants: dict[str, list[tuple[Any, int]]]) -> None:
        self.first = first
        self.second = second
        self.constants = constants  # by name, the places (node, input) between the products that use it


def copies(importance: Floats, extra: int) -> NDArray[np.int64]:
    """Return how often each channel is kept, `extra` more in all, given to the largest share at each step.

    importance: (channels,), the largest activation times the largest weight, which smoothing cannot change.
    """
    count = np.ones(len(importance), np.int64)
    for _ in range(extra):
        count[int(np.argmax(importance / count))] += 1
    return count


def split_outliers(model: Any, feeds: Iterable[Feed]) -> int:
    """Split outlier channels of an ONNX ModelProto in place; returns how many pairs of matrices were changed.

    Encoders without such pairs (gated feed-forward layers, say) stay as they are.
    """
    import onnx

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    pairs = _find_pairs(model.graph, tensors)
    if not pairs:
        return 0
    ranges = _largest_activations(model, [pair.second.input[0] for pair in pairs], feeds)
    arrays = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
    for number, pair in enumerate(pairs):
        weight = arrays[pair.second.input[1]]  # (width, out)
        count = copies(ranges[pair.second.input[0]] * np.abs(weight).max(1), len(weight) // _SHARE)
        index = np.repeat(np.arange(len(weight)), count)
        changed = {
            (id(pair.first), 1): (pair.first, arrays[pair.first.input[1]][:, index]),
            (id(pair.second), 1): (pair.second, (weight / count[:, None].astype(weight.dtype))[index]),
        }
        for name, places in pair.constants.items():
            if arrays[name].shape[-1:] == (len(weight),):
                changed |= {(id(node), place): (node, arrays[name][..., index]) for node, place in places}
        for part, ((_, place), (node, array)) in enumerate(changed.items()):
            name = f"split_{number}_{part}"
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
            node.input[place] = name
    _forget_stale(model)
    return len(pairs)


def _find_pairs(graph: Any, tensors: dict[str, Any]) -> list[_Pair]:
    producer = {output: node for node in graph.node for output in node.output}
    consumers: dict[str, set[int]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, set()).add(id(node))
    found = []
    for node in graph.node:
        if _has_constant_matrix(node, tensors) and (pair := _trace_back(node, producer, consumers, tensors)):
            found.append(pair)
    return found


def _has_constant_matrix(node: Any, tensors: dict[str, Any]) -> bool:
    return node.op_type == "MatMul" and node.input[1] in tensors and len(tensors[node.input[1]].dims) == 2


def _trace_back(
    second: Any, producer: dict[str, Any], consumers: dict[str, set[int]], tensors: dict[str, Any]
) -> _Pair | None:
    """Follow the second product's input up through elementwise nodes to the one product that feeds them all."""
    open_names, inner, firsts = [second.input[0]], {}, {}
    constants: dict[str, list[tuple[Any, int]]] = {}
    while open_names:
        node = producer.get(open_names.pop())
        if node is None or id(node) in inner:
            if node is None:
                return None
            continue
        if _has_constant_matrix(node, tensors):
            firsts[id(node)] = node
            continue
        if node.op_type not in _ELEMENTWISE:
            return None
        inner[id(node)] = node
        for place, name in enumerate(node.input):
            if name in tensors:
                constants.setdefault(name, []).append((node, place))
            else:
                open_names.append(name)
    if len(firsts) != 1 or not inner:
        return None
    first = next(iter(firsts.values()))
    members = {*inner, id(second)}
    outputs = [output for node in (first, *inner.values()) for output in node.output]
    if any(consumers.get(output, set()) - members for output in outputs):
        return None  # somebody else reads these channels too
    return _Pair(first, second, constants)


def _largest_activations(model: Any, names: list[str], feeds: Iterable[Feed]) -> dict[str, Floats]:
    """Run the graph over the feeds and return, for each tensor, the largest magnitude of each channel."""
    import onnx

    openvino = import_openvino()
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(probe.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    largest: dict[str, Floats] = {}
    for feed, is_token in feeds:
        found = compiled(feed)
        for place, name in enumerate(names):
            values = found[place]
            # With virtual tokens, or a length that the model rounds up, rows are longer inside: then all count.
            inner = values[is_token] if values.shape[:-1] == is_token.shape else values.reshape(-1, values.shape[-1])
            peak = np.abs(inner).max(0)
            largest[name] = np.maximum(largest.get(name, peak), peak)
    return largest


def _forget_stale(model: Any) -> None:
    """Drop what the old widths left behind: unused weights and stored shapes of inner tensors."""
    import onnx

    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.value_info[:]
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))
