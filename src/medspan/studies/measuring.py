"""The figures of a finished run: its extractor on the documents kept for scoring."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medspan.annotation import Document, LabelSchema
from medspan.annotation.codec import document_to_dict
from medspan.corpora import load_corpus, restrict
from medspan.corpora.mapping import mapping
from medspan.formulations import TextTokenizer
from medspan.inference import Extractor, load
from medspan.models.checkpoint import read_config
from medspan.scoring import Report, score
from medspan.studies.study_file import Scored
from medspan.training.config import Recipe

__all__ = ["ceiling", "digest", "measure", "scored_documents", "training_data"]


_FINE = (("span",), ("token",), ("arguments_by_role",))
"""Measures whose counts by unit would make kept cells large, and that nobody compares systems by."""


def scored_documents(scored: Scored) -> list[Document]:
    """Read the documents that a group's runs are scored on, by id and mapped where the group says so."""
    corpus, _, split = scored.documents.partition(":")
    # The scorers go by id; so must the numbering of units.
    documents = sorted(load_corpus(corpus, split), key=lambda document: document.id)
    return [mapping(scored.mapping).apply(d) for d in documents] if scored.mapping else documents


def measure(run: Path, gold: Sequence[Document], scored: Scored, *, bootstrap: int, threads: int) -> dict[str, Any]:
    """Score a run as plain data.

    `metrics` holds each measure's figures, counts and intervals, as `medspan evaluate --json` nests them, and by label
    counts alone. `counts` holds, for each measure by its dotted name, lists of true positives, false positives and
    false negatives, one number for each unit: a document, or what belongs together by patient or group. A model that
    joins entities is scored on gold entities as well (`given_entities`, all but entities); without an entity model,
    only so.
    """
    extractor = load(run, threads=threads)
    head = scored.head or extractor.default_schema
    schema = extractor.schemas[head]
    units = _units(gold)
    kept = [restrict(document, schema)[0] for document in gold]

    def figures(model: Extractor) -> dict[str, Any]:
        report = score(
            gold,
            model.annotate(kept if model.keeps_entities else gold, [head]),
            scorer=scored.scorer,
            schema=schema,
            labels="gold" if scored.labels == "gold" else "all",
            bootstrap=bootstrap,
        )
        return {"metrics": _metrics(report), "counts": _counts(report, units, scored), "notes": list(report.notes)}

    found = figures(extractor)
    is_joining = extractor.annotator.needs_entities
    given = figures(extractor.on_given_entities()) if is_joining and not extractor.keeps_entities else None
    return {
        **found,
        "entities_are_given": extractor.keeps_entities,
        "documents": len(gold),
        "units": max(units) + 1 if units else 0,
        **({"given_entities": _without_entities(given)} if given else {}),
    }


def ceiling(run: Path, gold: Sequence[Document], scored: Scored) -> dict[str, float]:
    """Return the best F1 that a run's formulation can reach on gold documents, by dotted measure.

    Empty where several head sets answer together.
    """
    from medspan.training.tasks import TASKS, Setting

    config = read_config(run)
    head = scored.head or config.default_schema
    if head not in config.layouts:
        return {}
    # With the options as training left them, not as the recipe had them: some follow from the documents trained on.
    setting = Setting(TextTokenizer.load(run), config.layouts, config.window, config.options)
    task = TASKS.get(config.formulation)(setting)
    schema: LabelSchema = config.layouts[head].schema
    kept = [restrict(document, schema)[0] for document in gold]
    report = score(gold, task.returned(kept, head), scorer=scored.scorer, schema=schema)
    return {".".join(path): tally.micro.f1 for path, tally in report.tallies.items()}


def training_data(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return how many documents each source of a recipe has, before any are kept apart, and their digest."""
    from medspan.training.sources import read_source

    found = {}
    for source in recipe.sources:
        documents = read_source(source, recipe.seed)
        name = f"{source.name}:{'+'.join(source.splits)}"
        found[name] = {"documents": len(documents), "sha256": digest(documents)}
    return found


def digest(documents: Iterable[Document]) -> str:
    """Return the SHA-256 of documents in their JSON form, in order, as 16 hex digits."""
    found = hashlib.sha256()
    for document in documents:
        found.update(json.dumps(document_to_dict(document), sort_keys=True).encode() + b"\n")
    return found.hexdigest()[:16]


def _metrics(report: Report) -> dict[str, Any]:
    """Keep what tables and later questions need: averages by document and by label follow from the counts."""
    metrics: dict[str, Any] = {}
    for path, tally in report.tallies.items():
        place = metrics
        for part in path:
            place = place.setdefault(part, {})
        place["micro"] = tally.micro.to_dict()
        if bounds := report.intervals.get(path):
            place["intervals"] = {name: [one.low, one.high] for name, one in bounds.items()}
        place["labels"] = {label: [c.tp, c.fp, c.fn] for label, c in tally.labels.items()}
    for path, value in report.figures.items():
        place = metrics
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return metrics


def _units(gold: Sequence[Document]) -> list[int]:
    """Number what belongs together by patient or group; a document alone is a unit of its own."""
    numbers: dict[tuple[str, str], int] = {}
    found = []
    for document in gold:
        key = next(((k, str(document.metadata[k])) for k in ("patient", "group") if document.metadata.get(k)), None)
        found.append(numbers.setdefault(key or ("document", document.id), len(numbers)))
    return found


def _without_entities(figures: Mapping[str, Any]) -> dict[str, Any]:
    def is_joined(name: str) -> bool:
        return not name.startswith(("entities", "attributes"))

    return {key: {name: one for name, one in figures[key].items() if is_joined(name)} for key in ("metrics", "counts")}


def _counts(report: Report, units: Sequence[int], scored: Scored) -> dict[str, list[list[int]]]:
    """Keep the counts that differences may be asked about: the study's measures, and all but the finest others."""
    found: dict[str, list[list[int]]] = {}
    for path, tally in report.tallies.items():
        if len(tally.total) != len(units):
            continue  # a measure of some documents does not tell which
        is_fine = path[1:2] in _FINE or (path[0], path[-1]) == ("attributes", "lenient")
        if is_fine and ".".join(path) not in scored.measures:
            continue
        summed = np.zeros((max(units, default=-1) + 1, 3), dtype=np.int64)
        np.add.at(summed, list(units), tally.total)
        found[".".join(path)] = summed.T.tolist()
    return found
