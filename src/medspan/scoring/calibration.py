"""Whether scores can be believed: of entities scored 0.8, eight in ten should be right."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from medspan.errors import ScoringError
from medspan.scoring.align import Pair

__all__ = ["Bin", "Calibration", "calibration"]


@dataclass(frozen=True, slots=True)
class Bin:
    """Entities whose score lies in [low, high): how many, their mean score, and the share that is right."""

    low: float
    high: float
    n: int
    mean_score: float
    precision: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error, the mean over entities of |mean score - precision| of their bin, and the bins."""

    expected_calibration_error: float
    n_scored: int
    n_unscored: int
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def calibration(pairs: Iterable[Pair], *, n_bins: int = 10) -> Calibration | None:
    """Compare the scores of predicted entities with whether they are strictly right, in bins of equal width.

    Of several equal predictions, those with the higher scores are matched first. Entities without a score are
    counted and left out; None when no entity has one. Empty bins are left out. Raises ScoringError for a score
    outside 0 to 1.
    """
    scored: list[tuple[float, bool]] = []
    n_unscored = 0
    for pair in pairs:
        if all(entity.score is None for entity in pair.predicted.entities):
            n_unscored += len(pair.predicted.entities)
            continue
        left = Counter((e.label, e.fragments) for e in pair.gold.entities)
        for entity in sorted(pair.predicted.entities, key=lambda e: -1.0 if e.score is None else e.score, reverse=True):
            key = (entity.label, entity.fragments)
            is_right = left[key] > 0
            left[key] -= is_right
            if entity.score is None:
                n_unscored += 1
                continue
            if not 0 <= entity.score <= 1:
                raise ScoringError(
                    f"document {pair.gold.id!r}: entity {entity.id} has score {entity.score}; expected 0 to 1"
                )
            scored.append((entity.score, is_right))
    if not scored:
        return None
    members: list[list[tuple[float, bool]]] = [[] for _ in range(n_bins)]
    for score, is_right in scored:
        members[min(int(score * n_bins), n_bins - 1)].append((score, is_right))
    bins: list[Bin] = []
    error = 0.0
    for i, inside in enumerate(members):
        if inside:
            mean = sum(score for score, _ in inside) / len(inside)
            precision = sum(is_right for _, is_right in inside) / len(inside)
            bins.append(Bin(i / n_bins, (i + 1) / n_bins, len(inside), mean, precision))
            error += abs(mean - precision) * len(inside) / len(scored)
    return Calibration(error, len(scored), n_unscored, tuple(bins))
