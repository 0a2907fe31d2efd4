"""The ceiling: what a model without fault would score, given how rows are cut and what the formulation can hold."""

from collections.abc import Mapping, Sequence

from medspan.formulations.mentions import Layout
from medspan.inference.annotators import ANNOTATORS
from medspan.training.evaluation import TuneScores, strict_scores
from medspan.training.sources import TuneSet, by_head
from medspan.training.tasks import Task

__all__ = ["tune_ceiling"]


def tune_ceiling(
    sets: Sequence[TuneSet], task: Task, layouts: Mapping[str, Layout], formulation: str = "joint"
) -> TuneScores:
    """Return the best strict F1 of every head set on its kept-apart documents, by the keys of `strict_scores`."""
    return TuneScores(
        {
            head: strict_scores(documents, task.returned(documents, head), layouts[head].schema)
            for head, documents in by_head(sets).items()
        },
        links_only=ANNOTATORS.get(formulation).needs_entities,
    )
