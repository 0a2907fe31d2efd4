"""Torch encoder to one ONNX file that the CPU engine runs: float32, or int8 with int8 weights stored.

Only the encoder is exported; heads are plain matrices applied to its output. The graph makes its own position and
token type ids, so the inputs are `input_ids` and `attention_mask`, both (batch, tokens) int64 with free sizes, and
the output is `last_hidden_state`, (batch, tokens, hidden) float32.

int8 is static: activation scales come from the calibration rows and do not change with the batch. Embeddings keep
one scale per row, matrices one per output channel, and outlier channels are split first (`outliers`). The accuracy
gate on int8 is not here: it needs the heads.
"""

import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medspan.errors import CheckpointError, ConfigError, MissingExtraError
from medspan.models.outliers import split_outliers
from medspan.models.runtime import import_openvino

__all__ = ["FLOAT_NAME", "INT8_NAME", "export_encoder"]

FLOAT_NAME = "onnx/model.onnx"
INT8_NAME = "onnx/model-int8.onnx"

_TOLERANCE = 1e-4
_OPSET = 18
_CALIBRATION_BATCH = 4
_CALIBRATION_BATCHES = 75

# How much of the activations' range moves into the weights before quantization. At 0.5 and below the hidden states
# of a MiniLM encoder are twice as wrong (docs/engine.md).
_SMOOTH_QUANT_ALPHA = 0.8

Ids = NDArray[np.int64]
Feed = dict[str, Ids]


def export_encoder(
    torch_model: Any,
    folder: str | Path,
    calibration: Iterable[list[int]],
    *,
    int8: bool,
    smooth_quant_alpha: float = _SMOOTH_QUANT_ALPHA,
) -> Path:
    """Write `onnx/model.onnx`, or `onnx/model-int8.onnx`, under `folder` and return its path.

    `torch_model` is any `AutoModel` encoder. `calibration` holds rows of token ids as the engine will get them,
    special tokens included; some hundreds of varied rows are enough. It also feeds the parity check: the float32
    graph, run by the engine's runtime, must give the hidden states of torch within 1e-4, or CheckpointError is raised
    and nothing is left behind.
    """
    rows = [np.asarray(row, np.int64) for row in calibration]
    if not rows or any(len(row) == 0 for row in rows):
        raise ConfigError("calibration must hold at least one row of token ids, and none that is empty")
    target = Path(folder) / (INT8_NAME if int8 else FLOAT_NAME)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, _evaluating(torch_model):
        path = Path(scratch) / target.name
        _write_float32(torch_model, path)
        if int8:
            _split_outliers(path, rows)
        _check_parity(torch_model, path, rows)
        if int8:
            _quantize(path, rows, smooth_quant_alpha)
        for written in path.parent.iterdir():  # a graph over 2 GB has its weights in a second file
            written.replace(target.parent / written.name)
    return target


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put the model in evaluation mode on the CPU, and back as it was."""
    was_training, device = model.training, next(model.parameters()).device
    model.eval().to("cpu")
    try:
        yield
    finally:
        model.train(was_training).to(device)


def _write_float32(model: Any, path: Path) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401  (torch's exporter needs it and fails late without)
        import torch
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", "train") from error

    class HiddenStatesOnly(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            return hidden

    example = torch.ones((2, 16), dtype=torch.int64)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    with warnings.catch_warnings():
        # torch's exporter warns of its own internals (deprecated pytree calls, shared axis names).
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            HiddenStatesOnly().eval(),
            (example, example.clone()),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["last_hidden_state"],
            dynamic_shapes=(sizes, sizes),
            opset_version=_OPSET,
            verbose=False,
        )
        if program is None:
            raise CheckpointError("torch exported nothing; the installed torch is too old for medspan")
        program.save(str(path))
    limit = model.max_tokens
    if limit is not None:
        graph = onnx.load(str(path), load_external_data=False)
        onnx.helper.set_model_props(graph, {"max_tokens": str(limit)})
        onnx.save(graph, str(path))


def _check_parity(model: Any, path: Path, rows: list[Ids]) -> None:
    """Compare torch with the exported graph on padded batches of several sizes."""
    import torch

    compiled = import_openvino().Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    worst = 0.0
    for feed in _feeds(rows[:24], size=5):
        with torch.inference_mode():
            expected = model(**{name: torch.from_numpy(ids) for name, ids in feed.items()}).numpy()
        difference = np.abs(compiled(feed)[0] - expected)[feed["attention_mask"] > 0]
        worst = max(worst, float(difference.max()))
    if not worst <= _TOLERANCE:  # also refuses NaN
        raise CheckpointError(
            f"the exported encoder differs from torch by {worst:.2g}, more than {_TOLERANCE}; "
            "this architecture cannot be exported with the installed torch"
        )


def _split_outliers(path: Path, rows: list[Ids]) -> None:
    import onnx

    graph = onnx.load(str(path))
    if split_outliers(graph, _feeds(rows[: _CALIBRATION_BATCH * _CALIBRATION_BATCHES], _CALIBRATION_BATCH)):
        onnx.save(graph, str(path))


def _quantize(path: Path, rows: list[Ids], smooth_quant_alpha: float) -> None:
    """Replace the float32 graph at `path` by its int8 form."""
    # nncf reports usage over the network unless this is set before it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        import nncf
        import onnx
        from nncf.quantization import advanced_parameters as advanced
    except ImportError as error:
        raise MissingExtraError(error.name or "nncf", "train") from error

    nncf.set_log_level(40)
    graph = onnx.load(str(path))
    feeds = list(_feeds(rows[: _CALIBRATION_BATCH * _CALIBRATION_BATCHES], _CALIBRATION_BATCH))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantized = nncf.quantize(
            graph,
            nncf.Dataset(feeds),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(feeds),
            ignored_scope=nncf.IgnoredScope(names=_attention_products(graph), validate=False),
            advanced_parameters=advanced.AdvancedQuantizationParameters(
                smooth_quant_alphas=advanced.AdvancedSmoothQuantParameters(matmul=smooth_quant_alpha)
            ),
        )
    onnx.save(quantized, str(path))


def _attention_products(graph: Any) -> list[str]:
    """Name the matrix products of two activations: a quarter of the int8 error, and no faster in int8 at our widths."""
    constants = {tensor.name for tensor in graph.graph.initializer}
    return [node.name for node in graph.graph.node if node.op_type == "MatMul" and constants.isdisjoint(node.input)]


def _feeds(rows: list[Ids], size: int) -> Iterator[Feed]:
    """Make batches of rows of similar length, padded to the longest."""
    ordered = sorted(rows, key=len)
    for start in range(0, len(ordered), size):
        batch = ordered[start : start + size]
        ids = np.zeros((len(batch), len(batch[-1])), np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        yield {"input_ids": ids, "attention_mask": mask}
