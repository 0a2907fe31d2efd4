"""`pair_classification`: relations and events on entities that are there already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document
from medspan.formulations.mentions import Thresholds
from medspan.formulations.pair_classification import Candidates, Options, PairRow, RowBuilder, attach, candidates
from medspan.inference.annotators import Parts
from medspan.models.pair_classification import PairScorer
from medspan.text import sentences

__all__ = ["PairAnnotator"]


class PairAnnotator:
    """Joins the entities of documents; entities, their attributes and their ids stay as they are."""

    needs_entities = True
    has_thresholds = True

    def __init__(self, parts: Parts) -> None:
        self.tokenizer = parts.tokenizer
        self.encoder = parts.encoder
        self._layouts = parts.layouts
        self._shard_tokens = parts.shard_tokens
        self._options = Options.model_validate(dict(parts.options))
        self._scorer = PairScorer(parts.weights, parts.layouts, self._options.scheme)
        self._builders = {
            head: RowBuilder(parts.tokenizer, layout, parts.size.budget, self._options)
            for head, layout in parts.layouts.items()
        }

    def annotate(
        self, documents: Sequence[Document], heads: Sequence[str], thresholds: Mapping[str, Thresholds]
    ) -> dict[str, list[Document]]:
        """Annotate a chunk of documents."""
        tokens = self.tokenizer([document.text for document in documents])
        breaks = [sentences(document.text) for document in documents]
        found: dict[str, list[Document]] = {}
        for head in heads:
            layout = self._layouts[head]
            asked: list[_Asked] = []

            def rows(head: str = head, asked: list[_Asked] = asked) -> Iterator[tuple[_Asked, PairRow]]:
                for document, pieces, spans in zip(documents, tokens, breaks, strict=True):
                    pairs = candidates(document, self._layouts[head], self._options, spans)
                    asked.append(_Asked(pairs, np.zeros(pairs.legal.shape, np.float32)))
                    for row in self._builders[head].build(document, pieces, spans, pairs):
                        yield asked[-1], row

            for shard in _shards(rows(), self._shard_tokens):
                self._score(head, shard)
            found[head] = [
                attach(document, one.pairs, one.scores, layout, thresholds.get(head, Thresholds()))
                for document, one in zip(documents, asked, strict=True)
            ]
        return found

    def _score(self, head: str, shard: Sequence[tuple["_Asked", PairRow]]) -> None:
        states = self.encoder.encode([row.seen for _, row in shard])
        starts = np.cumsum([0, *(len(row.input) for _, row in shard)])
        places = np.concatenate([row.places + start for (_, row), start in zip(shard, starts[:-1], strict=True)])
        legal = np.concatenate([one.pairs.legal[row.pairs] for one, row in shard])
        scores = self._scorer.score(head, states, places, legal)
        at = 0
        for one, row in shard:
            one.scores[row.pairs] = scores[at : at + len(row.pairs)]
            at += len(row.pairs)


@dataclass(frozen=True)
class _Asked:
    """The pairs of one document and their scores, filled in row by row; pairs that no row holds keep zeros."""

    pairs: Candidates
    scores: npt.NDArray[np.float32] = field(repr=False)


def _shards(rows: Iterator[tuple[_Asked, PairRow]], size: int) -> Iterator[list[tuple[_Asked, PairRow]]]:
    shard: list[tuple[_Asked, PairRow]] = []
    n_tokens = 0
    for item in rows:
        shard.append(item)
        n_tokens += len(item[1].input)
        if n_tokens >= size:
            yield shard
            shard, n_tokens = [], 0
    if shard:
        yield shard
