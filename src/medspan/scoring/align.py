"""Gold and predicted documents side by side, by id and text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medspan.annotation import Document
from medspan.errors import ScoringError

__all__ = ["Alignment", "Pair", "align", "listed", "require_same_documents"]

N_LISTED = 10  # ids spelled out in a message


@dataclass(frozen=True, slots=True)
class Pair:
    """One gold document and its prediction; `is_missing` says that nothing was predicted and an empty one stands in."""

    gold: Document
    predicted: Document
    is_missing: bool = False


@dataclass(frozen=True)
class Alignment:
    """Pairs sorted by id, and the ids that only one side holds."""

    pairs: tuple[Pair, ...]
    only_in_gold: tuple[str, ...] = ()
    only_in_predicted: tuple[str, ...] = ()


def align(gold: Iterable[Document], predicted: Iterable[Document]) -> Alignment:
    """Pair documents by id.

    A gold document without a prediction counts as an empty prediction. A predicted document without gold is listed
    and not scored. Raises ScoringError for an id used twice on one side, and for texts that differ under one id:
    offsets into different texts cannot be compared.
    """
    gold_by_id, predicted_by_id = _by_id(gold, "gold"), _by_id(predicted, "predicted")
    pairs: list[Pair] = []
    different: list[str] = []
    for key in sorted(gold_by_id):
        document = gold_by_id[key]
        other = predicted_by_id.get(key)
        if other is not None and other.text != document.text:
            different.append(_difference(document, other))
        pairs.append(Pair(document, document.bare(), True) if other is None else Pair(document, other))
    if different:
        raise ScoringError(
            f"texts under one id differ between gold and predicted, so that offsets cannot be compared, in "
            f"{len(different)}: {listed(different)}. Predict on the gold text as it is, line ends and white space kept."
        )
    return Alignment(
        tuple(pairs),
        tuple(sorted(gold_by_id.keys() - predicted_by_id.keys())),
        tuple(sorted(predicted_by_id.keys() - gold_by_id.keys())),
    )


def require_same_documents(gold: Iterable[Document], predicted: Iterable[Document], rules: str) -> None:
    """Raise ScoringError, which lists the ids, unless both sides hold the same documents; `rules` names who asks."""
    ids, found = {document.id for document in gold}, {document.id for document in predicted}
    reasons = [
        f"{reason}: {len(odd)} ({listed(sorted(odd))})"
        for reason, odd in (("not predicted", ids - found), ("without gold", found - ids))
        if odd
    ]
    if reasons:
        raise ScoringError(f"{rules} score the same documents on both sides only; {'; '.join(reasons)}")


def _by_id(documents: Iterable[Document], side: str) -> dict[str, Document]:
    found = list(documents)
    by_id = {document.id: document for document in found}
    if len(by_id) != len(found):
        repeated = sorted(key for key, n in Counter(d.id for d in found).items() if n > 1)
        raise ScoringError(f"{side} documents: ids used more than once: {len(repeated)} ({listed(repeated)})")
    return by_id


def _difference(gold: Document, predicted: Document) -> str:
    lengths = len(gold.text), len(predicted.text)
    at = next((i for i, (a, b) in enumerate(zip(gold.text, predicted.text, strict=False)) if a != b), min(lengths))
    return f"{gold.id!r} (from character {at}; {lengths[0]} and {lengths[1]} characters)"


def listed(items: Sequence[str]) -> str:
    """Join the first few for a message."""
    more = f" and {len(items) - N_LISTED} more" if len(items) > N_LISTED else ""
    return ", ".join(items[:N_LISTED]) + more
