"""Torch encoder to one ONNX file that the CPU engine runs: float32, or int8 with int8 weights stored.

Only the encoder is exported; heads are plain matrices applied to its output. Adapters are merged first, and virtual
tokens become constants of the graph. Its inputs, int64 with free sizes, are those that the calibration rows fill:
`input_ids` (batch, tokens); `attention_mask` (batch, tokens), or (batch, tokens, tokens) where rows say who attends to
whom; `token_type_ids` and `position_ids` (batch, tokens) where rows have them. The output is `last_hidden_state`,
(batch, tokens, hidden) float32.

int8 is static: activation scales come from the calibration rows and do not change with the batch. Embeddings keep
one scale per row, matrices one per output channel, and outlier channels are split first (`outliers`). The accuracy
gate on int8 is not here: it needs the heads.
"""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medspan.errors import CheckpointError, ConfigError, MissingExtraError
from medspan.formulations.inputs import EncoderInput, held, pad
from medspan.models.outliers import split_outliers
from medspan.models.runtime import import_openvino

if TYPE_CHECKING:
    from medspan.models.encoder import Encoder

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

Rows = Sequence[EncoderInput]
Feed = dict[str, NDArray[np.int64]]


def export_encoder(
    encoder: "Encoder",
    folder: str | Path,
    calibration: Iterable[EncoderInput],
    *,
    int8: bool,
    smooth_quant_alpha: float = _SMOOTH_QUANT_ALPHA,
) -> Path:
    """Write `onnx/model.onnx`, or `onnx/model-int8.onnx`, under `folder` and return its path.

    `calibration` holds rows as the engine will get them; some hundreds of varied rows are enough. It also feeds the
    parity check: the float32 graph, run by the engine's runtime, must give the hidden states of torch within 1e-4, or
    CheckpointError is raised and nothing is left behind. So it is for an architecture that torch cannot export.
    """
    rows = list(calibration)
    if not rows or any(len(row) == 0 for row in rows):
        raise ConfigError("calibration must hold at least one row of token ids, and none that is empty")
    parts = held(rows)
    target = Path(folder) / (INT8_NAME if int8 else FLOAT_NAME)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, _served(encoder) as model:
        path = Path(scratch) / target.name
        _write_float32(model, path, parts)
        if int8:
            _split_outliers(path, rows)
        _check_parity(model, path, rows)
        if int8:
            _quantize(path, rows, smooth_quant_alpha)
        for written in path.parent.iterdir():  # a graph over 2 GB has its weights in a second file
            written.replace(target.parent / written.name)
    return target


@contextmanager
def _served(encoder: "Encoder") -> Iterator["Encoder"]:
    """Merge the encoder and put it in evaluation mode on the CPU; the one given is left as it was."""
    from medspan.models.strategies import merged

    modes = [(module, module.training) for module in encoder.modules()]
    device = next(encoder.parameters()).device
    model = merged(encoder).eval().to("cpu")
    precision, model.precision = model.precision, None
    try:
        yield model
    finally:
        model.precision = precision
        encoder.to(device)
        for module, was_training in modes:
            module.training = was_training


def _write_float32(model: "Encoder", path: Path, parts: frozenset[str]) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401  (torch's exporter needs it and fails late without)
        import torch
    except ImportError as error:
        raise MissingExtraError(error.name or "onnx", "train") from error

    example = {name: torch.from_numpy(array) for name, array in pad([_example(parts)] * 2).items()}
    with torch.inference_mode():
        model(**example)  # raises what the encoder itself has to say about such rows
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    sizes = {
        name: {axis: batch if axis == 0 else tokens for axis in range(value.dim())} for name, value in example.items()
    }
    with _quiet_exporter():
        try:
            program = torch.onnx.export(
                model,
                kwargs=example,
                dynamo=True,
                input_names=list(example),
                output_names=["last_hidden_state"],
                dynamic_shapes=sizes,
                opset_version=_OPSET,
                verbose=False,
            )
        except Exception as error:  # the exporter's stages raise kinds of their own
            raise CheckpointError(
                f"torch cannot export a {model.config.model_type} encoder ({type(error).__name__}): "
                "serve the run as it is, with --engine torch"
            ) from error
    if program is None:
        raise CheckpointError("torch exported nothing; the installed torch is too old for medspan")
    program.save(str(path))
    limit = model.max_tokens
    if limit is not None:
        graph = onnx.load(str(path), load_external_data=False)
        onnx.helper.set_model_props(graph, {"max_tokens": str(limit)})
        onnx.save(graph, str(path))


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep torch's exporter from warning of its own internals, and of packages that encoders do not need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _example(parts: frozenset[str], length: int = 16) -> EncoderInput:
    """Make a row that holds these parts; what the graph computes does not depend on it."""
    order = np.arange(length, dtype=np.int32)
    return EncoderInput(
        np.ones_like(order),
        np.zeros_like(order) if "types" in parts else None,
        order if "positions" in parts else None,
        np.ones((length, length), bool) if "visible" in parts else None,
    )


def _check_parity(model: "Encoder", path: Path, rows: Rows) -> None:
    """Compare torch with the exported graph on padded batches of several sizes."""
    import torch

    try:
        compiled = import_openvino().Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError as error:
        raise CheckpointError(
            f"OpenVINO cannot run the exported {model.config.model_type} encoder: serve the run as it is, with "
            f"--engine torch ({str(error).strip().splitlines()[-1]})"
        ) from error
    worst = 0.0
    for feed, is_token in _feeds(rows[:24], size=5):
        with torch.inference_mode():
            expected = model(**{name: torch.from_numpy(array) for name, array in feed.items()}).numpy()
        difference = np.abs(compiled(feed)[0] - expected)[is_token]
        worst = max(worst, float(difference.max()))
    if not worst <= _TOLERANCE:  # also refuses NaN
        raise CheckpointError(
            f"the exported encoder differs from torch by {worst:.2g}, more than {_TOLERANCE}; "
            "this architecture cannot be exported with the installed torch"
        )


def _split_outliers(path: Path, rows: Rows) -> None:
    import onnx

    graph = onnx.load(str(path))
    if split_outliers(graph, _feeds(rows[: _CALIBRATION_BATCH * _CALIBRATION_BATCHES], _CALIBRATION_BATCH)):
        onnx.save(graph, str(path))


def _quantize(path: Path, rows: Rows, smooth_quant_alpha: float) -> None:
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
    feeds = [feed for feed, _ in _feeds(rows[: _CALIBRATION_BATCH * _CALIBRATION_BATCHES], _CALIBRATION_BATCH)]
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


def _feeds(rows: Rows, size: int) -> Iterator[tuple[Feed, NDArray[np.bool_]]]:
    """Make batches of rows of similar length, padded to the longest, with where their tokens are: (rows, tokens)."""
    ordered = sorted(rows, key=len)
    for start in range(0, len(ordered), size):
        batch = ordered[start : start + size]
        lengths = np.array([len(row) for row in batch])
        yield pad(batch), np.arange(lengths.max()) < lengths[:, None]
