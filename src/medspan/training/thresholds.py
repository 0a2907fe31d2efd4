"""Thresholds fitted on `tune`: the least probability at which a label is worth giving."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from medspan.annotation import Document
from medspan.formulations.joint import Thresholds
from medspan.inference import Extractor
from medspan.training.sources import TuneSet

__all__ = ["best_threshold", "fit_thresholds"]

LOWEST = 0.25
FEWEST_GOLD = 60
"""A label with fewer gold mentions on tune takes its head set's common threshold: its own would be noise."""

Marks = list[tuple[float, bool]]
Items = Callable[[Document], Mapping[tuple[str, object], float]]
"""From a document to its judged items: (label, identity) with a score."""


def best_threshold(marks: Marks, n_gold: int) -> float:
    """Return the score that maximises F1 when everything at or above it is given; 0.5 where nothing can be learnt.

    `marks`: (score, is correct) of every prediction. Between two scores the threshold lies half-way.
    """
    ordered = sorted(marks, reverse=True)
    best, threshold, correct = 0.0, 0.5, 0
    for number, (value, is_correct) in enumerate(ordered, start=1):
        correct += is_correct
        following = ordered[number][0] if number < len(ordered) else LOWEST
        f1 = 2 * correct / (number + n_gold) if n_gold else 0.0
        if f1 > best and following < value:
            best, threshold = f1, (value + following) / 2
    return round(min(0.75, max(LOWEST, threshold)), 3)


def fit_thresholds(extractor: Extractor, sets: Sequence[TuneSet]) -> dict[str, Thresholds]:
    """Fit thresholds of every head set on its kept-apart documents.

    Mentions are judged strictly; links by their label and strictly correct ends.
    """
    gold: dict[str, list[Document]] = defaultdict(list)
    for part in sets:
        gold[part.head].extend(part.documents)
    fitted = {}
    for head, documents in gold.items():
        open_thresholds = {head: Thresholds(default=LOWEST)}
        labels = _fit(documents, extractor.with_thresholds(open_thresholds).annotate(documents, [head]), _mentions)
        common = labels.pop("")
        layout = extractor.heads.layouts[head]
        low_links = Thresholds(labels, dict.fromkeys(layout.links, LOWEST), common)
        links = _fit(documents, extractor.with_thresholds({head: low_links}).annotate(documents, [head]), _links)
        common_link = links.pop("")
        fitted[head] = Thresholds(labels, {name: links.get(name, common_link) for name in layout.links}, common)
    return fitted


def _fit(gold: Sequence[Document], predicted: Sequence[Document], items: Items) -> dict[str, float]:
    marks: dict[str, Marks] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for wanted, found in zip(gold, predicted, strict=True):
        truth = items(wanted)
        for name, _ in truth:
            counts[name] += 1
        for (name, key), value in items(found).items():
            marks[name].append((value, (name, key) in truth))
    common = best_threshold([m for part in marks.values() for m in part], sum(counts.values()))
    fitted = {name: best_threshold(marks[name], n) for name, n in counts.items() if n >= FEWEST_GOLD}
    return {"": common, **fitted}


def _mentions(document: Document) -> dict[tuple[str, object], float]:
    return {(e.label, e.fragments): e.score if e.score is not None else 1.0 for e in document.entities}


def _links(document: Document) -> dict[tuple[str, object], float]:
    ends = {e.id: (e.label, e.fragments) for e in document.entities}
    found: dict[tuple[str, object], float] = {}
    for r in document.relations:
        found[r.label, (ends[r.head], ends[r.tail])] = r.score if r.score is not None else 1.0
    for event in document.events:
        for a in event.arguments:
            if a.target in ends:
                value = a.score if a.score is not None else 1.0
                found[f"role:{a.role}", (ends[event.trigger], ends[a.target])] = value
    return found
