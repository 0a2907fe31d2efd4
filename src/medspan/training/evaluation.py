"""Scores on `tune`, by the same extractor that serves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medspan.annotation import Document
from medspan.inference import Extractor
from medspan.scoring import score
from medspan.training.sources import TuneSet

__all__ = ["TuneScores", "score_tune"]


@dataclass(frozen=True)
class TuneScores:
    """Strict micro-F1 of each head set on its kept-apart documents: entities, and what else its gold holds."""

    heads: Mapping[str, Mapping[str, float]]

    @property
    def measure(self) -> float:
        """The number that early stopping watches: the mean over head sets of strict entity F1."""
        return sum(scores["entities"] for scores in self.heads.values()) / max(1, len(self.heads))


def score_tune(extractor: Extractor, sets: Sequence[TuneSet]) -> TuneScores:
    """Score every head set on the documents kept apart for it."""
    gold: dict[str, list[Document]] = defaultdict(list)
    for part in sets:
        gold[part.head].extend(part.documents)
    found: dict[str, dict[str, float]] = {}
    for head, documents in gold.items():
        report = score(documents, extractor.annotate(documents, [head]), labels="gold").to_dict()
        scores = {"entities": _f1(report, "entities", "strict")}
        if "relations" in report:
            scores["relations"] = _f1(report, "relations", "end_to_end", "strict")
        if "events" in report:
            scores["triggers"] = _f1(report, "events", "triggers", "lenient")
            scores["arguments"] = _f1(report, "events", "arguments", "strict")
        for name, values in report.get("attributes", {}).items():
            scores[name] = _f1({"attributes": values}, "attributes", "strict")
        found[head] = scores
    return TuneScores(found)


def _f1(report: Mapping[str, object], *path: str) -> float:
    node: object = report
    for key in path:
        if not isinstance(node, Mapping) or key not in node:
            return 0.0
        node = node[key]
    micro = node["micro"] if isinstance(node, Mapping) else {}
    return round(float(micro["f1"]), 4) if isinstance(micro, Mapping) else 0.0
