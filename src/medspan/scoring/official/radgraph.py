"""RadGraph: entities and relations of radiology reports, averaged over the labelers of the test set.

An entity is right with the same boundaries and label. A relation is right with the same label and direction between
entities that both have the same boundaries and labels. Matching is one to one on equality, so that duplicates beyond
those of the other side are wrong, and order means nothing. Every figure is micro F1.

The test set was labeled twice: its documents come as "report#labeler_1" and "report#labeler_2". A prediction is made
once for a report and is compared with both. The pooled counts are those of all documents together; the figures
named `averaged` are the plain means of the scores against each labeler, overall and for each source of reports
(metadata["radgraph"]["data_source"]), as in the publication. Documents with no labeler count as one of their own,
named "only". A mean is taken over labelers alone: labelers with no document of a source do not enter it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np

from medspan.annotation import Document, LabelSchema
from medspan.scoring.align import Pair
from medspan.scoring.counts import Counts, Rows, Tally, count_equal, tally
from medspan.scoring.facts import facts
from medspan.scoring.scorers import Counterpart, Measured, Path

__all__ = ["RADGRAPH", "expand_labelers"]

SUFFIX = "#labeler_"
ONLY = "only"
UNKNOWN = "unknown"
ENTITIES: Path = ("entities", "strict")
RELATIONS: Path = ("relations", "end_to_end", "strict")
DIRECTION = "every relation has its direction here, where the clean measure follows the schema's word on symmetry"


def expand_labelers(gold: Sequence[Document], predicted: Sequence[Document]) -> list[Document]:
    """Give every labeler its copy of a prediction.

    A predicted document whose id is that of a report, not of one of its labelers, is repeated under the id of each
    gold document of the report; a labeler that has a prediction of its own keeps that. All else stays as it is.
    """
    gold_ids = {document.id for document in gold}
    own = {document.id for document in predicted}
    labelers: dict[str, list[str]] = {}
    for document in gold:
        report, mark, _ = document.id.rpartition(SUFFIX)
        if mark:
            labelers.setdefault(report, []).append(document.id)
    expanded: list[Document] = []
    for document in predicted:
        if document.id in gold_ids or document.id not in labelers:
            expanded.append(document)
        else:
            expanded += [replace(document, id=key) for key in labelers[document.id] if key not in own]
    return expanded


def _labeler(document: Document) -> str:
    named = document.metadata.get("labeler")
    if isinstance(named, str) and named:
        return named
    _, mark, number = document.id.rpartition(SUFFIX)
    return f"labeler_{number}" if mark else ONLY


def _source(document: Document) -> str:
    own: Any = document.metadata.get("radgraph")
    source = own.get("data_source") if isinstance(own, Mapping) else None
    return source if isinstance(source, str) and source else UNKNOWN


def _rows(pair: Pair) -> tuple[Rows, Rows]:
    gold, predicted = facts(pair.gold), facts(pair.predicted)
    return (
        count_equal(gold.entities, predicted.entities, lambda mention: mention.label),
        count_equal(gold.relations, predicted.relations, lambda relation: relation.label),
    )


def _part(whole: Tally, chosen: Sequence[int]) -> Tally:
    index = np.array(chosen, dtype=np.intp)
    return replace(whole, by_row=whole.by_row[index], total=whole.total[index])


@dataclass(frozen=True)
class RadgraphScorer:
    """Entities and relations under the rules above; by source and labeler beside all together."""

    name: str = "radgraph"
    headline: Path = ENTITIES
    skips_missing: bool = False
    basis: str = "follows the rules stated with the corpus; averaging over labelers is re-implemented from description"
    counterparts: Mapping[Path, Counterpart] = field(
        default_factory=lambda: {RELATIONS: Counterpart(RELATIONS, DIRECTION)}
    )

    def prepare(
        self, gold: Sequence[Document], predicted: Sequence[Document]
    ) -> tuple[Sequence[Document], Sequence[Document]]:
        """Repeat predictions made for a report under the id of each of its labelers."""
        return gold, expand_labelers(gold, predicted)

    def measure(self, pairs: Sequence[Pair], schema: LabelSchema | None) -> Measured:  # noqa: ARG002
        """Count entities and relations, all together and by source and labeler. A schema's symmetry is ignored."""
        counted = [_rows(pair) for pair in pairs]
        wholes = {ENTITIES: tally([e for e, _ in counted]), RELATIONS: tally([r for _, r in counted])}
        tallies: dict[Path, Tally] = dict(wholes)
        figures: dict[Path, float] = {}
        groups: dict[str, dict[str, list[int]]] = {}
        for index, pair in enumerate(pairs):
            source, labeler = _source(pair.gold), _labeler(pair.gold)
            groups.setdefault(source, {}).setdefault(labeler, []).append(index)
        together: dict[str, list[int]] = {}
        for labelers in groups.values():
            for labeler, chosen in labelers.items():
                together.setdefault(labeler, []).extend(chosen)
        for path, whole in wholes.items():
            for source, labelers in sorted(groups.items()):
                parts = {labeler: _part(whole, chosen) for labeler, chosen in sorted(labelers.items())}
                tallies.update(((*path[:-1], source, labeler), part) for labeler, part in parts.items())
                figures.update(_averaged((*path[:-1], source, "averaged"), parts))
            parts = {labeler: _part(whole, chosen) for labeler, chosen in sorted(together.items())}
            figures.update(_averaged((*path, "averaged"), parts))
        return Measured(tallies, figures)


def _averaged(path: Path, parts: Mapping[str, Tally]) -> dict[Path, float]:
    """Average over labelers the precision, recall and F1 that each gives."""
    scores = [part.micro for part in parts.values()] or [Counts()]  # no document at all: everything is 0
    return {
        (*path, "precision"): fmean(s.precision for s in scores),
        (*path, "recall"): fmean(s.recall for s in scores),
        (*path, "f1"): fmean(s.f1 for s in scores),
    }


RADGRAPH = RadgraphScorer()
