"""Reading brat notes: medspan beside the readers of `bioc` and `bratly`, and scoring what was read.

Invented notes of about 600 characters and 10 to 20 entities are written once. Then every reader goes over the folder in
a process of its own, in turn, for several rounds. Load from elsewhere hits them alike, so read the ratios before the
figures; CPU seconds count, the best round of each. medspan checks every offset against the stated words; the others do
not. bratly is read without its own checks, sorting and renumbering, where its file reader (`pip install bratly
bratly-io-fs`) is installed. Memory is the peak of the process: that of a tenth of the notes stands beside it.

    python benchmarks/brat_reading.py -o runs/brat [--notes 20000] [--rounds 3]
"""

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medspan.annotation import Document
from medspan.corpora.formats import stream, write
from medspan.corpora.invent import invent
from medspan.scoring import score

MOST_ENTITIES = 20


def notes(n: int, seed: int) -> Iterator[Document]:
    """Yield invented notes with the first entities of each and the relations among them, as in the 2018 n2c2 corpus."""
    for first in range(0, n, 1000):
        for note in invent("notes", min(1000, n - first), seed + first):
            entities = tuple(replace(entity, attributes=()) for entity in note.entities[:MOST_ENTITIES])
            kept = {entity.id for entity in entities}
            relations = tuple(r for r in note.relations if {r.head, r.tail} <= kept)
            yield replace(note, entities=entities, relations=relations, metadata={})


def predicted(documents: list[Document]) -> list[Document]:
    """Return the documents with one entity in seven missing, with its relations, and one in five of another label."""
    found = []
    for document in documents:
        entities = tuple(
            replace(entity, label="Problem") if n % 5 == 0 else entity
            for n, entity in enumerate(document.entities)
            if n % 7
        )
        kept = {entity.id for entity in entities}
        relations = tuple(r for r in document.relations if {r.head, r.tail} <= kept)
        found.append(replace(document, entities=entities, relations=relations))
    return found


def with_medspan(folder: Path) -> tuple[int, int]:
    """Read with medspan, which checks every offset; returns numbers of documents and entities."""
    n_documents = n_entities = 0
    problems: list[Any] = []
    for document in stream(folder, "brat", problems):
        n_documents += 1
        n_entities += len(document.entities)
    if problems:
        raise SystemExit(f"{len(problems)} problems in invented notes")
    return n_documents, n_entities


def with_bioc(folder: Path) -> tuple[int, int]:
    """Read with bioc."""
    from bioc import brat

    n_documents = n_entities = 0
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        for document in brat.scandir(str(folder)):
            n_documents += 1
            n_entities += len(document.entities)
    return n_documents, n_entities


def with_bratly(folder: Path) -> tuple[int, int]:
    """Read with bratly, with all its options of checking and tidying off."""
    from bratly.io import read_and_load_txt_file

    off = dict.fromkeys(("ann_no_duplicates", "ann_sorting", "ann_renumerotize", "ann_grammar_check"), False)
    n_documents = n_entities = 0
    for path in sorted(folder.glob("*.txt")):
        document = read_and_load_txt_file(str(path), str(path.with_suffix(".ann")), **off)
        n_documents += 1
        for annotations in document.annotation_collections:
            n_entities += sum(1 for annotation in annotations.annotations if annotation.id.startswith("T"))
    return n_documents, n_entities


def with_scoring(folder: Path) -> tuple[int, int]:
    """Read gold and predicted, and score: strict, lenient, spans, tokens, relations. Prints the time of each step."""
    before = _cpu()
    gold, read_again = list(stream(folder, "brat")), list(stream(folder, "brat"))
    reading = _cpu() - before
    guesses = predicted(read_again)
    before = _cpu()
    report = score(gold, guesses)
    print(json.dumps({"reading": reading, "scoring": _cpu() - before}))
    return report.documents, sum(len(document.entities) for document in gold)


WAYS: dict[str, Callable[[Path], tuple[int, int]]] = {
    "medspan": with_medspan,
    "bioc": with_bioc,
    "bratly": with_bratly,
    "scoring": with_scoring,
}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(way: str, folder: Path) -> None:
    """Run one way in this process and print its figures as one JSON line."""
    # What importing takes is not reading.
    for module in {"bioc": ["bioc.brat"], "bratly": ["bratly.io"]}.get(way, []):
        __import__(module)
    cpu, wall = _cpu(), time.perf_counter()
    n_documents, n_entities = WAYS[way](folder)
    figures = {
        "cpu": _cpu() - cpu,
        "wall": time.perf_counter() - wall,
        "documents": n_documents,
        "entities": n_entities,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def run(way: str, folder: Path) -> dict[str, Any]:
    """Run one way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "-o", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    figures: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        figures.update(json.loads(line))
    return figures


def main() -> None:
    """Write the notes once, measure every way in turn, print ratios and peaks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the notes")
    parser.add_argument("--notes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        measured(options.way, options.output)
        return
    folders = {n: options.output / f"notes-{n}" for n in (options.notes // 10, options.notes)}
    for n, folder in folders.items():
        if not folder.exists():
            write(notes(n, options.seed), folder, "brat")
    small, whole = folders.values()
    readers = ["medspan", "bioc", *(["bratly"] if find_spec("bratly") and find_spec("bratly.io") else [])]
    found: dict[str, list[dict[str, Any]]] = {reader: [] for reader in readers}
    for number in range(options.rounds):
        for reader in readers[number % len(readers) :] + readers[: number % len(readers)]:
            found[reader].append(run(reader, whole))
    best = {reader: min(figures, key=lambda f: f["cpu"]) for reader, figures in found.items()}
    if len({(f["documents"], f["entities"]) for f in best.values()}) > 1:
        raise SystemExit("the readers disagree in numbers of documents or entities")
    for reader, figures in best.items():
        less = run(reader, small)["peak_mb"]
        print(
            f"{reader:8} {figures['cpu']:7.2f} CPU s  {figures['wall']:7.2f} s  peak {figures['peak_mb']:6.0f} MB"
            f"  (a tenth of the notes: {less:.0f} MB)"
        )
    rival = min((reader for reader in readers if reader != "medspan"), key=lambda reader: best[reader]["cpu"])
    print(f"medspan takes {best['medspan']['cpu'] / best[rival]['cpu']:.2f} times the CPU time of {rival}")
    scored = min((run("scoring", whole) for _ in range(options.rounds)), key=lambda f: f["scoring"])
    print(f"scoring  {scored['scoring']:7.2f} CPU s; reading gold and predicted {scored['reading']:.2f} CPU s")


if __name__ == "__main__":
    main()
