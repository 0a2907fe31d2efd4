"""Thresholds fitted on `tune`: the least probability at which a label is worth giving."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from medspan.annotation import Document
from medspan.formulations.mentions import FRAGMENT, Layout, Thresholds
from medspan.inference import Extractor
from medspan.training.evaluation import strict_scores
from medspan.training.sources import TuneSet, by_head

__all__ = ["HIGHEST", "LOWEST", "best_threshold", "fit_thresholds"]

LOWEST = 0.25
HIGHEST = 0.75
"""Thresholds stay in this range: the far ends of a fit on few documents do not carry over to others."""

FEWEST_GOLD = 60
"""A label with fewer gold mentions on tune takes its head set's common threshold: its own would be noise."""

Marks = list[tuple[float, bool]]
Items = Callable[[Document], Mapping[tuple[str, object], float]]
"""From a document to its judged items: (label, identity) with a score."""


def best_threshold(marks: Marks, n_gold: int) -> float:
    """Return the threshold between LOWEST and HIGHEST that maximises F1; 0.5 where nothing correct can be given.

    `marks`: (score, is correct) of every prediction; all at or above the threshold are given. The best threshold is a
    range between two scores, cut to [LOWEST, HIGHEST]; its middle is returned. Of equal ones, the highest is taken.
    """
    ordered = sorted(marks, reverse=True)
    best, threshold, correct = 0.0, 0.5, 0
    for number, (value, is_correct) in enumerate(ordered, start=1):
        correct += is_correct
        following = ordered[number][0] if number < len(ordered) else 0.0
        # A threshold in (following, value] gives the first `number` predictions.
        if following == value or following >= HIGHEST or value < LOWEST:
            continue
        f1 = 2 * correct / (number + n_gold)
        if f1 > best:
            best, threshold = f1, (min(value, HIGHEST) + max(following, LOWEST)) / 2
    return round(threshold, 6)  # scores of predictions have four digits


def fit_thresholds(extractor: Extractor, sets: Sequence[TuneSet]) -> dict[str, Thresholds]:
    """Fit thresholds of every head set on its kept-apart documents.

    Mentions are judged strictly; links by their label and strictly correct ends. Joined fragments are no links of the
    gold, so their threshold stays at 0.5. A head set whose tune scores, averaged, do not rise keeps 0.5 throughout.
    Where the formulation joins given entities, those of the gold are joined. None are fitted where it has no use for
    thresholds.
    """
    if not extractor.annotator.has_thresholds:
        return {}
    extractor = extractor.on_given_entities()
    return {head: _fit_head(extractor, head, documents) for head, documents in by_head(sets).items()}


def _fit_head(extractor: Extractor, head: str, gold: Sequence[Document]) -> Thresholds:
    layout = extractor.heads.layouts[head]

    def predicted(thresholds: Thresholds) -> list[Document]:
        return extractor.with_thresholds({head: thresholds}).annotate(gold, [head])

    def mean_score(thresholds: Thresholds) -> float:
        scores = strict_scores(gold, predicted(thresholds), layout.schema)
        return sum(scores.values()) / len(scores)

    joined = dict.fromkeys((name for name in layout.links if name == FRAGMENT), 0.5)
    labels, common = _fit(gold, predicted(Thresholds({}, joined, LOWEST)), _mentions)
    low = {**dict.fromkeys(layout.links, LOWEST), **joined}
    own, common_link = _fit(gold, predicted(Thresholds(labels, low, common)), partial(_links, layout=layout))
    fitted = Thresholds(labels, {**dict.fromkeys(layout.links, common_link), **own, **joined}, common)
    return fitted if mean_score(fitted) > mean_score(Thresholds()) else Thresholds()


def _fit(gold: Sequence[Document], predicted: Sequence[Document], items: Items) -> tuple[dict[str, float], float]:
    """Return the thresholds of the frequent labels, and the common one for all others."""
    marks: dict[str, Marks] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for wanted, found in zip(gold, predicted, strict=True):
        truth = items(wanted)
        for name, _ in truth:
            counts[name] += 1
        for (name, key), value in items(found).items():
            marks[name].append((value, (name, key) in truth))
    common = best_threshold([m for part in marks.values() for m in part], sum(counts.values()))
    return {name: best_threshold(marks[name], n) for name, n in counts.items() if n >= FEWEST_GOLD}, common


def _mentions(document: Document) -> dict[tuple[str, object], float]:
    return {(e.label, e.fragments): e.score if e.score is not None else 1.0 for e in document.entities}


def _links(document: Document, layout: Layout) -> dict[tuple[str, object], float]:
    place = {e.id: (e.label, e.fragments) for e in document.entities}
    found: dict[tuple[str, object], float] = {}
    for r in document.relations:
        if r.head in place and r.tail in place:
            ends = [place[r.head], place[r.tail]]
            if layout.symmetric_links[layout.link_index[r.label]]:
                ends.sort()
            found[r.label, tuple(ends)] = r.score if r.score is not None else 1.0
    for event in document.events:
        for a in event.arguments:
            if a.target in place:
                value = a.score if a.score is not None else 1.0
                found[f"role:{a.role}", (place[event.trigger], place[a.target])] = value
    return found
