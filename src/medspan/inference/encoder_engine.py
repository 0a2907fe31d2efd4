"""Encoder engines: token ids to hidden states, packed by length, the same for a row whatever its neighbours.

A row is padded to a length that depends on that row alone, and a batch holds rows of one padded length. The static
int8 scales then leave nothing in a row's arithmetic that could depend on the batch, its size or its order, and no
row pays for a longer neighbour. What engines do not do: tokenize, cut long notes, or apply heads.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medspan.errors import CheckpointError, ConfigError, MissingExtraError
from medspan.formulations.inputs import EncoderInput, held, pad
from medspan.models.runtime import import_openvino

__all__ = [
    "DEFAULT_BUDGET",
    "PAD_MULTIPLE",
    "EncoderEngine",
    "EngineStats",
    "OnnxEngine",
    "TorchEngine",
    "pack",
    "padded_length",
]

PAD_MULTIPLE = 16
"""Rows are padded up to this many tokens: short enough to waste little, long enough for the CPU kernels."""

DEFAULT_BUDGET = 1024
"""Padded tokens in a batch; larger ones gain no speed and cost memory (docs/engine.md)."""

_MAX_STREAMS = 8

_INPUTS = {"token_type_ids": "types", "position_ids": "positions"}

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


def padded_length(length: int, multiple: int = PAD_MULTIPLE, limit: int | None = None) -> int:
    """Round a row length up to the multiple, but not above the limit of the encoder's positions."""
    padded = -(-length // multiple) * multiple
    return padded if limit is None else max(length, min(padded, limit))


def pack(
    lengths: Sequence[int], budget: int = DEFAULT_BUDGET, *, multiple: int = PAD_MULTIPLE, limit: int | None = None
) -> list[list[int]]:
    """Plan batches: lists of row indices, each of one padded length and at most `budget` padded tokens.

    Every index occurs once. The plan is a function of the lengths alone, longest rows first so that parallel streams
    end together. A row longer than the budget gets a batch of its own.
    """
    if budget < 1 or multiple < 1:
        raise ConfigError(f"budget and multiple must be at least 1, got {budget} and {multiple}")
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        if length < 1:
            raise ConfigError(f"row {index} is empty: every row holds at least one token")
        groups.setdefault(padded_length(length, multiple, limit), []).append(index)
    plan: list[list[int]] = []
    for padded in sorted(groups, reverse=True):
        size = max(1, budget // padded)
        members = groups[padded]
        plan.extend(members[start : start + size] for start in range(0, len(members), size))
    return plan


@dataclass
class EngineStats:
    """What an engine has done since it was built; times are wall seconds inside `encode`."""

    rows: int = 0
    batches: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    startup_seconds: float = 0.0

    @property
    def padding_share(self) -> float:
        """Padding as a share of all tokens computed, 0 before the first row."""
        return 1.0 - self.tokens / self.padded_tokens if self.padded_tokens else 0.0

    @property
    def tokens_per_second(self) -> float:
        """Real tokens a second, 0 before the first row."""
        return self.tokens / self.seconds if self.seconds else 0.0


class EncoderEngine(Protocol):
    """Anything that maps rows of token ids to hidden states."""

    hidden_size: int
    stats: EngineStats

    def encode(self, rows: Sequence[EncoderInput]) -> Floats:
        """Return the states of all rows laid end to end, in the order given: (total tokens, hidden) float32.

        A row's states do not depend on the other rows.
        """
        ...


class _Packed:
    """The rows of one `encode` call, their batches and where the results go."""

    def __init__(self, rows: Sequence[EncoderInput], hidden_size: int, budget: int, limit: int | None) -> None:
        lengths = [len(row) for row in rows]
        if limit is not None and lengths and max(lengths) > limit:
            row = lengths.index(max(lengths))
            raise ConfigError(f"row {row} has {lengths[row]} tokens, the encoder takes {limit}: use shorter windows")
        self._rows = rows
        self._limit = limit
        self.plan = pack(lengths, budget, limit=limit)
        self._offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        self.states = np.empty((int(self._offsets[-1]), hidden_size), np.float32)
        self.padded_tokens = 0

    def inputs(self, batch: Sequence[int]) -> dict[str, Ids]:
        """Build the padded arrays of a batch: input_ids, attention_mask and what else its rows hold."""
        width = padded_length(len(self._rows[batch[0]]), limit=self._limit)
        arrays = pad([self._rows[row] for row in batch], width)
        self.padded_tokens += arrays["input_ids"].size
        return arrays

    def store(self, batch: Sequence[int], hidden: Floats) -> None:
        """Keep the real tokens of a batch's output (batch, padded length, hidden)."""
        for place, row in enumerate(batch):
            start, end = self._offsets[row], self._offsets[row + 1]
            self.states[start:end] = hidden[place, : end - start]

    def count(self, stats: EngineStats, seconds: float) -> None:
        stats.rows += len(self._rows)
        stats.batches += len(self.plan)
        stats.tokens += int(self._offsets[-1])
        stats.padded_tokens += self.padded_tokens
        stats.seconds += seconds


class OnnxEngine:
    """Runs an exported encoder (`onnx/*.onnx`) in OpenVINO on the CPU, without torch.

    The file has the inputs that `medspan.models.export` writes, and one output (batch, tokens, hidden). Rows hold what
    it has inputs for, no less and no more. `threads` defaults to the CPUs this process may use; each runs a batch of
    its own, so results do not depend on their number. Not safe to share between threads of the caller.
    """

    def __init__(self, path: str | Path, threads: int | None = None, *, budget: int = DEFAULT_BUDGET) -> None:
        started = time.perf_counter()
        path = Path(path)
        if path.suffix != ".onnx":
            raise CheckpointError(f"{path.name}: an exported encoder is an .onnx file")
        if not path.is_file():
            raise CheckpointError(f"{path.name}: no such file in {path.parent.name!r}; run medspan export")
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, got {threads}")
        threads = threads or _usable_cpus()
        streams = min(threads, _MAX_STREAMS)
        model, compiled = _compile(path, threads, streams)
        self._queue = _queue(compiled, streams)
        self._budget = budget
        self.max_tokens = _max_tokens(model)
        self.hidden_size, self._holds = _signature(path, compiled)
        self.stats = EngineStats(startup_seconds=time.perf_counter() - started)

    def encode(self, rows: Sequence[EncoderInput]) -> Floats:
        """Encode rows.

        Raises ConfigError for an empty row, one longer than `max_tokens`, and one that holds other than the inputs.
        """
        started = time.perf_counter()
        if rows and (found := held(rows)) != self._holds:
            raise ConfigError(
                f"rows hold {_listed(found)} beside token ids, the exported encoder takes {_listed(self._holds)}: "
                "export the run again with this version"
            )
        packed = _Packed(rows, self.hidden_size, self._budget, self.max_tokens)
        self._queue.set_callback(lambda request, batch: packed.store(batch, request.get_output_tensor(0).data))
        for batch in packed.plan:
            self._queue.start_async(packed.inputs(batch), batch)
        self._queue.wait_all()
        packed.count(self.stats, time.perf_counter() - started)
        return packed.states


class TorchEngine:
    """Runs a torch `Encoder` that has no export, on the device it is on."""

    def __init__(self, model: Any, *, budget: int = DEFAULT_BUDGET) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError("torch", "train") from error
        self._torch = torch
        self._model = model
        self._budget = budget
        self.max_tokens: int | None = model.max_tokens
        self.hidden_size: int = model.hidden_size
        self.stats = EngineStats()

    def encode(self, rows: Sequence[EncoderInput]) -> Floats:
        """Encode rows with dropout off; the model's training mode is restored afterwards.

        Raises ConfigError for an empty row, one longer than `max_tokens`, and rows that do not go together.
        """
        torch = self._torch
        started = time.perf_counter()
        held(rows)
        packed = _Packed(rows, self.hidden_size, self._budget, self.max_tokens)
        device = next(self._model.parameters()).device
        was_training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode():
                for batch in packed.plan:
                    arrays = {name: torch.from_numpy(array).to(device) for name, array in packed.inputs(batch).items()}
                    packed.store(batch, self._model(**arrays).float().cpu().numpy())
        finally:
            self._model.train(was_training)
        packed.count(self.stats, time.perf_counter() - started)
        return packed.states


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compile(path: Path, threads: int, streams: int) -> tuple[Any, Any]:
    core = import_openvino().Core()
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        # The runtime keeps compiled kernels for every (rows, length) it has met, some megabytes each.
        "CPU_RUNTIME_CACHE_CAPACITY": "8",
        # Without this, CPUs that have bfloat16 use it, and a note's scores would depend on the machine.
        "INFERENCE_PRECISION_HINT": "f32",
        # Several worker processes would all be pinned to the same first cores.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        model = core.read_model(str(path))
        return model, core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise CheckpointError(f"{path.name}: not an encoder that OpenVINO can run: {error}") from error


def _queue(compiled: Any, streams: int) -> Any:
    return import_openvino().AsyncInferQueue(compiled, streams)


def _signature(path: Path, compiled: Any) -> tuple[int, frozenset[str]]:
    """Return the hidden size, and what rows must hold beside their ids for the inputs there are."""
    ports = {next(iter(port.get_names())): port.get_partial_shape() for port in compiled.inputs}
    shape = compiled.outputs[0].get_partial_shape()
    others = ports.keys() - {"input_ids", "attention_mask"}
    if len(ports) != 2 + len(others) or others - _INPUTS.keys() or len(shape) != 3 or shape[2].is_dynamic:
        raise CheckpointError(
            f"{path.name}: expected inputs input_ids and attention_mask, perhaps {' and '.join(_INPUTS)}, and an "
            "output (batch, tokens, hidden)"
        )
    holds = {_INPUTS[name] for name in others} | ({"visible"} if len(ports["attention_mask"]) == 3 else set())
    return int(shape[2].get_length()), frozenset(holds)


def _listed(parts: frozenset[str]) -> str:
    return " and ".join(sorted(parts)) or "nothing"


def _max_tokens(model: Any) -> int | None:
    """Read the longest row from the metadata that the export wrote; None when another tool made the file."""
    key = ["framework", "max_tokens"]
    return int(model.get_rt_info(key).astype(str)) if model.has_rt_info(key) else None


_: Callable[[str], EncoderEngine] = OnnxEngine  # the engines keep to the protocol; mypy checks it here
