"""Scores on `tune`, by the same extractor that serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medspan.annotation import Document, LabelSchema
from medspan.inference import Extractor
from medspan.scoring import score
from medspan.training.sources import TuneSet, by_head

__all__ = ["TuneScores", "score_tune", "strict_scores"]


@dataclass(frozen=True)
class TuneScores:
    """Strict micro-F1 of each head set on its kept-apart documents: entities, and what else its gold holds.

    `links_only`: entities were given, so their score says nothing.
    """

    heads: Mapping[str, Mapping[str, float]]
    links_only: bool = False

    @property
    def measure(self) -> float:
        """The number that early stopping watches.

        The mean over head sets of strict entity F1; where entities were given, of the F1 of relations and arguments.
        """
        watched = ("relations", "arguments") if self.links_only else ("entities",)
        means = []
        for scores in self.heads.values():
            there = [scores[name] for name in watched if name in scores]
            means.append(sum(there) / max(1, len(there)))
        return sum(means) / max(1, len(means))


def score_tune(extractor: Extractor, sets: Sequence[TuneSet]) -> TuneScores:
    """Score every head set on the documents kept apart for it; with their gold entities where those are joined."""
    layouts = extractor.heads.layouts
    extractor = extractor.on_given_entities()
    return TuneScores(
        {
            head: strict_scores(documents, extractor.annotate(documents, [head]), layouts[head].schema)
            for head, documents in by_head(sets).items()
        },
        links_only=extractor.keeps_entities,
    )


def strict_scores(gold: Sequence[Document], predicted: Sequence[Document], schema: LabelSchema) -> dict[str, float]:
    """Return strict micro-F1, four digits, of `entities` and of what else is there.

    Further keys: `relations` (end to end), `triggers` (lenient), `arguments`, and each attribute by its name.
    Predicted labels that gold never uses are left out.
    """
    report = score(gold, predicted, schema=schema, labels="gold").to_dict()
    scores = {"entities": _f1(report, "entities", "strict")}
    if "relations" in report:
        scores["relations"] = _f1(report, "relations", "end_to_end", "strict")
    if "events" in report:
        scores["triggers"] = _f1(report, "events", "triggers", "lenient")
        scores["arguments"] = _f1(report, "events", "arguments", "strict")
    for name in report.get("attributes", {}):
        scores[name] = _f1(report, "attributes", name, "strict")
    return scores


def _f1(report: Mapping[str, object], *path: str) -> float:
    node: object = report
    for key in (*path, "micro", "f1"):
        if not isinstance(node, Mapping) or key not in node:
            return 0.0
        node = node[key]
    return round(node, 4) if isinstance(node, float | int) else 0.0
