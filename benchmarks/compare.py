"""Score the model that ships on every corpus, through the command line, beside the plain baseline.

For each test set: the notes without their annotation go through `medspan extract` in a process of its own; what it
writes is scored against gold, with intervals, and compared document by document with the predictions that
token_classification.py left. Figures go to docs/results/cells, the page is made from them.

    python benchmarks/compare.py --model default --baseline runs/baseline -o runs/compare
    python benchmarks/compare.py --render-only
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cells import CELLS, hardware, versions, write_cell
from comparisons import Comparison, Part, chosen, gold_of
from extraction import medspan_command, read_manifest, run_measured
from medspan.annotation import Document, LabelSchema
from medspan.corpora import read, write
from medspan.errors import MedspanError
from medspan.inference import model_folder
from medspan.scoring import paired_bootstrap, score
from page import render

PAGE = Path("docs/results/default-model.md")
BOOTSTRAP = 1000


def main() -> None:
    """Measure what was asked for, then write the page."""
    arguments = _parser().parse_args()
    if not arguments.render_only:
        if arguments.output is None:
            sys.exit("-o FOLDER says where predictions go (they hold corpus text); or give --render-only")
        for comparison in chosen(arguments.corpora):
            for part in comparison.test:
                _measure(comparison, part, arguments)
    arguments.page.parent.mkdir(parents=True, exist_ok=True)
    arguments.page.write_text(render(arguments.cells), encoding="utf-8")
    print(f"wrote {arguments.page}")


def _measure(comparison: Comparison, part: Part, arguments: argparse.Namespace) -> None:
    schema = comparison.labels()
    gold = gold_of(part, schema)
    if arguments.limit:
        gold = gold[: arguments.limit]
    try:
        folder = model_folder(arguments.model)
    except MedspanError as error:
        sys.exit(str(error))
    predicted, manifest, seconds = extract(
        gold, str(arguments.model), comparison.product_schema, arguments.output / str(part), arguments.options.split()
    )
    seen = [view(document, schema, comparison.product_schema) for document in predicted]
    report = score(gold, seen, schema=schema, bootstrap=BOOTSTRAP).to_dict()
    cell: dict[str, Any] = {
        "system": "default model",
        "model": {"name": folder.name, "sha256": manifest["model"]["sha256"], "engine": manifest["model"]["engine"]},
        "notes": manifest["notes"],
        "corpus": part.corpus,
        "test": str(part),
        "schema_asked": comparison.product_schema,
        "schema_scored": comparison.schema,
        "documents": len(gold),
        "characters": sum(len(document.text) for document in gold),
        "limit": arguments.limit,
        "seconds": round(seconds, 2),
        "report": report,
        "differences": differences(gold, seen, schema, part, arguments.baseline) if arguments.baseline else [],
        "bootstrap": BOOTSTRAP,
        "hardware": hardware(),
        "versions": versions("medspan", "openvino", "numpy", "tokenizers"),
    }
    write_cell(arguments.cells / f"default-{part.corpus}.json", cell)
    strict = report["entities"]["strict"]["micro"]["f1"]
    print(f"{part}: strict F1 {strict:.4f} in {seconds:.1f} s", flush=True)


def extract(
    gold: Sequence[Document], model: str, schema: str, folder: Path, options: Sequence[str]
) -> tuple[list[Document], dict[str, Any], float]:
    """Run `medspan extract` over the bare texts; return what it wrote, its manifest, and the process's seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    notes = folder / "notes.jsonl"
    write([Document(document.id, document.text) for document in gold], notes, "jsonl")
    output = folder / "extracted"
    run = run_measured(
        [
            *(medspan_command(), "extract", str(notes), "-o", str(output)),
            *("--model", model, "--schema", schema, "--to", "jsonl", "--overwrite", *options),
        ]
    )
    return list(read(output / "documents.jsonl", "jsonl").documents), read_manifest(output), run.seconds


def view(document: Document, schema: LabelSchema, asked: str) -> Document:
    """Return the part of an answer that a corpus with fewer kinds of annotation can judge.

    In the product's schema Drug, Frequency and Duration are both medication details and parts of social history.
    A corpus of the one says nothing about the other: mentions that only serve events are left out where the corpus
    has no events, and mentions outside events where it has nothing else.
    """
    if asked == schema.name:
        return document
    in_events = {e.trigger for e in document.events} | {a.target for e in document.events for a in e.arguments}
    if schema.events:
        return replace(document, entities=tuple(e for e in document.entities if e.id in in_events), relations=())
    in_relations = {end for relation in document.relations for end in (relation.head, relation.tail)}
    kept = tuple(e for e in document.entities if e.id not in in_events or e.id in in_relations)
    return replace(document, entities=kept, events=(), groups=())


def differences(
    gold: Sequence[Document], predicted: Sequence[Document], schema: LabelSchema, part: Part, baseline: Path
) -> list[dict[str, Any]]:
    """Compare with each seed of the baseline in strict entity F1; empty where the baseline was not run."""
    found = []
    wanted = {document.id for document in gold}
    for path in sorted(baseline.glob(f"{part}-seed*.jsonl")):
        other = [document for document in read(path, "jsonl").documents if document.id in wanted]
        compared = paired_bootstrap(gold, predicted, other, "entities.strict", schema=schema, n=BOOTSTRAP)
        found.append({"seed": int(path.stem.rpartition("seed")[2]), **compared.to_dict()})
    if not found:
        print(f"{part}: no {part}-seed*.jsonl in {baseline}, so no difference is given", file=sys.stderr)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help="clin, sdoh-mts, bc5cdr ...; all when left out")
    parser.add_argument("--model", default="default", help="a bundled model's name or a model folder")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where notes and predictions go")
    parser.add_argument("--baseline", type=Path, metavar="FOLDER", help="predictions of token_classification.py")
    parser.add_argument("--cells", type=Path, default=CELLS, help="where figures are (default: %(default)s)")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write (default: %(default)s)")
    parser.add_argument("--options", default="", help='more for medspan extract, such as "--engine torch"')
    parser.add_argument("--limit", type=int, default=0, help="score only so many notes of each set, for trying out")
    parser.add_argument("--render-only", action="store_true", help="make the page from the cells that are there")
    return parser


if __name__ == "__main__":
    main()
