"""`reading_comprehension`: every label is asked of every window, then links are asked of the mentions found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document
from medspan.formulations import Row
from medspan.formulations.mentions import (
    SPARE_MENTIONS,
    Layout,
    Outputs,
    SpanArray,
    Thresholds,
    best_of_row,
    decode,
    legal_pairs,
    resolve,
)
from medspan.formulations.reading_comprehension import (
    Asked,
    NewTails,
    Options,
    Questions,
    gap_codes,
    link_questions,
    merge_directions,
    with_new_tails,
)
from medspan.inference.annotators import Parts
from medspan.inference.annotators.by_window import annotate_by_window
from medspan.models.reading_comprehension import ReadingScorer

__all__ = ["ReadingAnnotator"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


class ReadingAnnotator:
    """Gives entities, attributes, relations and events of any head sets."""

    needs_entities = False
    has_thresholds = True

    def __init__(self, parts: Parts) -> None:
        self.tokenizer = parts.tokenizer
        self.encoder = parts.encoder
        self._parts = parts
        self._options = Options.model_validate(parts.options)
        self._questions = Questions(parts.tokenizer, parts.layouts, self._options)
        self._scorer = ReadingScorer(parts.weights, parts.layouts)

    def annotate(
        self, documents: Sequence[Document], heads: Sequence[str], thresholds: Mapping[str, Thresholds]
    ) -> dict[str, list[Document]]:
        """Annotate a chunk of documents."""

        def score(shard: list[Row]) -> dict[str, list[Document]]:
            windows = [row.window.document for row in shard]
            tokens = [row.tokens for row in shard]
            found = {}
            for head in heads:
                layout, limits = self._parts.layouts[head], thresholds.get(head, Thresholds())
                outputs = self._links(head, layout, shard, self._mentions(head, layout, shard, limits), limits)
                found[head] = decode(windows, tokens, outputs, layout, limits)
            return found

        # A window has as many rows as there are labels.
        most = max((len(self._parts.layouts[head].labels) for head in heads), default=1)
        shard_tokens = self._parts.shard_tokens // max(1, most)
        return annotate_by_window(documents, self.tokenizer, self._parts.size, heads, score, shard_tokens)

    def _states(self, asked: Sequence[Asked]) -> tuple[FloatArray, IntArray]:
        """Encode questions: the states of their windows' tokens (tokens, hidden), and the row of each (tokens,)."""
        states = self.encoder.encode([question.row for question in asked])
        starts = np.cumsum([0, *(len(question.row) for question in asked)])
        text = np.concatenate([question.text + start for question, start in zip(asked, starts, strict=False)])
        return states[text], np.repeat(np.arange(len(asked)), [len(question.text) for question in asked])

    def _mentions(self, head: str, layout: Layout, shard: Sequence[Row], limits: Thresholds) -> Outputs:
        """Ask every window for every label; the outputs have no pairs yet."""
        n_labels = len(layout.labels)
        sizes = np.array([len(row.tokens) for row in shard])
        asked = [
            self._questions.entity(head, label, row.tokens) for row in shard for label in range(n_labels)
        ]  # window by window
        h, row_of_token = self._states(asked)
        found = self._scorer.answers(h, row_of_token)
        row = row_of_token[found.spans.first]
        window, labels = row // n_labels, row % n_labels
        # From the questions' rows laid end to end to the windows laid end to end.
        shift = np.cumsum(sizes)[window] - sizes[window] - np.searchsorted(row_of_token, row)
        first, last = found.spans.first + shift, found.spans.last + shift
        order = np.lexsort((labels, last, first))
        order = order[found.scores[order] >= limits.for_labels(layout)[labels[order]]]
        order = order[best_of_row(window[order], found.scores[order], sizes + SPARE_MENTIONS)]
        order = order[resolve(SpanArray(first[order], last[order]), labels[order], found.scores[order])]
        return Outputs(
            SpanArray(first[order], last[order]),
            labels[order],
            found.scores[order],
            self._scorer.values(head, found.states[order]),
            np.zeros((0, 2), np.int64),
            np.zeros((0, len(layout.links)), np.float32),
        )

    def _links(self, head: str, layout: Layout, shard: Sequence[Row], mentions: Outputs, limits: Thresholds) -> Outputs:
        """Ask about every mention that some link may join to another, and score the mentions it may be joined to."""
        spans, labels = mentions.spans, mentions.labels
        starts = np.cumsum([0, *(len(row.tokens) for row in shard)])
        window = np.searchsorted(starts, spans.first, side="right") - 1
        pairs = legal_pairs(window, labels, layout)
        questions, answers = link_questions(labels, pairs, layout, self._options.new_tails)
        scores = np.zeros((len(pairs), len(layout.links)), np.float32)
        found: list[NewTails] = []
        begin = 0
        for part in self._asked(head, shard, questions, spans, labels, window, starts):
            h, row_of_token = self._states(part)
            numbers = questions[begin : begin + len(part)]
            # From the windows laid end to end to the questions' rows laid end to end.
            shift = np.searchsorted(row_of_token, np.arange(len(part))) - starts[window[numbers[:, 0]]]
            about = np.stack([spans.first[numbers[:, 0]], spans.last[numbers[:, 0]]], axis=1) + shift[:, None]
            mine = answers[(answers[:, 0] >= begin) & (answers[:, 0] < begin + len(part))]
            row, pair = mine[:, 0] - begin, mine[:, 1]
            tail = pairs[pair, 1]
            first, last = spans.first[tail] + shift[row], spans.last[tail] + shift[row]
            gaps = gap_codes(first, last, about[row, 0], about[row, 1])
            scores[pair, numbers[row, 1]] = self._scorer.tails(head, h, SpanArray(first, last), labels[tail], gaps)
            if self._options.new_tails:
                legal = layout.link_legal[labels[numbers[:, 0]], :, numbers[:, 1]]
                answered, tail_labels = self._scorer.new_tails(head, h, row_of_token, about, legal)
                row = row_of_token[answered.spans.first]
                kept = np.flatnonzero(answered.scores >= limits.for_links(layout)[numbers[row, 1]])
                row = row[kept]
                found.append(
                    NewTails(
                        numbers[row, 0],
                        numbers[row, 1],
                        answered.spans.first[kept] - shift[row],
                        answered.spans.last[kept] - shift[row],
                        tail_labels[kept],
                        answered.scores[kept],
                        self._scorer.values(head, answered.states[kept]),
                    )
                )
            begin += len(part)
        outputs = replace(mentions, pairs=pairs, link_scores=merge_directions(pairs, scores, layout))
        if not found:
            return outputs
        new = NewTails.joined(found)
        most = np.diff(starts) + SPARE_MENTIONS
        return with_new_tails(outputs, new.only(best_of_row(window[new.heads], new.scores, most)), layout)

    def _asked(
        self,
        head: str,
        shard: Sequence[Row],
        questions: IntArray,
        spans: SpanArray,
        labels: IntArray,
        window: IntArray,
        starts: IntArray,
    ) -> Iterator[list[Asked]]:
        """Yield the questions about mentions in order, as many at a time as memory allows."""

        def asked() -> Iterator[Asked]:
            for mention, column in questions.tolist():
                place = window[mention]
                first, last = int(spans.first[mention] - starts[place]), int(spans.last[mention] - starts[place])
                tokens = shard[place].tokens
                yield self._questions.link(head, int(labels[mention]), column, tokens, first, last)

        longest = max(len(row.tokens) for row in shard) + self._questions.overhead
        at_once = max(1, self._parts.shard_tokens // longest)
        waiting = asked()
        while part := list(islice(waiting, at_once)):
            yield part
