"""Pairs to encoder rows: the text around both mentions, marked and cut to what a row may hold.

Text is cut before markers are put in, so no marker can be lost, and a pair's states are looked up at the places its
markers were put at, not searched for.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medspan.annotation import Document, Span
from medspan.formulations.inputs import EncoderInput
from medspan.formulations.mentions import Layout
from medspan.formulations.pair_classification.candidates import Candidates
from medspan.formulations.pair_classification.extents import Pair, Range, locate, passage, two_sentences
from medspan.formulations.pair_classification.markers import Markers
from medspan.formulations.pair_classification.options import Options
from medspan.formulations.tokens import TextTokenizer, Tokens

__all__ = ["Built", "PairRow", "RowBuilder", "visible"]

IntArray = npt.NDArray[np.int64]
Ids = npt.NDArray[np.int32]

NO_TOKENS = "link to a mention without tokens"
TOO_LONG = "pair too long for a row"


@dataclass(frozen=True)
class PairRow:
    """One row, and which pairs are read from it where.

    pairs: (pairs,) numbers of the candidates. places: (pairs, 5) positions in the row of its first token, the head's
    start and end marker, the tail's start and end marker. blocks: the tokens of each pair's markers behind the text;
    empty where markers stand in the text.
    """

    input: EncoderInput
    pairs: IntArray
    places: IntArray
    blocks: tuple[int, ...] = ()

    @property
    def seen(self) -> EncoderInput:
        """The row with who sees whom, which is large and so is made when it is needed."""
        if not self.blocks:
            return self.input
        return EncoderInput(
            self.input.ids, self.input.types, self.input.positions, visible(len(self.input), self.blocks)
        )


class Built:
    """The rows of a document's candidates, made one by one as they are iterated over.

    unfit: the numbers of the candidates that no row holds, with the reason.
    """

    def __init__(self, make: Callable[[], Iterator[PairRow]], unfit: Mapping[int, str]) -> None:
        self._make = make
        self.unfit = unfit

    def __iter__(self) -> Iterator[PairRow]:
        return self._make()


def visible(n_tokens: int, blocks: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Who attends to whom in a row with blocks of markers at its end: (tokens, tokens).

    Text sees text, so that its states are those of an unmarked row; the markers of a pair see text and each other.
    """
    n_text = n_tokens - sum(blocks)
    table = np.zeros((n_tokens, n_tokens), dtype=bool)
    table[:, :n_text] = True
    at = n_text
    for size in blocks:
        table[at : at + size, at : at + size] = True
        at += size
    return table


class RowBuilder:
    """Makes rows of pairs for one head set.

    budget: tokens of a row, markers and separators between sentences included, special tokens around it not.
    """

    def __init__(self, tokenizer: TextTokenizer, layout: Layout, budget: int, options: Options) -> None:
        self._markers = Markers(tokenizer, layout, typed=options.markers != "plain")
        self._layout = layout
        self._budget = budget
        self._options = options
        self._before = np.array(tokenizer.prefix, dtype=np.int32)
        self._after = np.array(tokenizer.suffix, dtype=np.int32)

    def build(
        self,
        document: Document,
        tokens: Tokens,
        breaks: Sequence[Span],
        pairs: Candidates,
        together: npt.NDArray[np.bool_] | None = None,
    ) -> Built:
        """Make the rows of all candidates; `tokens` and `breaks` are the pieces and the sentences of the whole text.

        What a row holds depends on its document alone. Pairs marked in `together`, (pairs,), are the first to share
        rows, so that as many rows as can be are without them.
        """
        mentions = locate(document, tokens, breaks, self._layout)
        unfit: dict[int, str] = {}
        fitting: list[tuple[int, Pair, list[Range]]] = []
        for number, (head, tail) in enumerate(zip(pairs.heads.tolist(), pairs.tails.tolist(), strict=True)):
            pair = (mentions[head], mentions[tail])
            if any(mention.last < mention.first for mention in pair):
                unfit[number] = NO_TOKENS
            elif ranges := self._ranges(pair):
                fitting.append((number, pair, ranges))
            else:
                unfit[number] = TOO_LONG

        def make() -> Iterator[PairRow]:
            if self._options.markers != "levitated":
                yield from (self._marked(number, pair, ranges, tokens) for number, pair, ranges in fitting)
                return
            shared: dict[Range, list[tuple[int, Pair]]] = {}
            for number, pair, ranges in fitting:
                shared.setdefault(ranges[0], []).append((number, pair))
            for text, members in shared.items():
                if together is not None:
                    members.sort(key=lambda member: not together[member[0]])
                yield from self._levitated(text, members, tokens)

        return Built(make, unfit)

    def _n_markers(self, pair: Pair) -> int:
        starts = sum(len(self._markers.start[side][mention.label]) for side, mention in enumerate(pair))
        return starts + sum(len(end) for end in self._markers.end)

    def _ranges(self, pair: Pair) -> list[Range]:
        """The text of a pair, one or two ranges of tokens; none where the mentions alone are too long."""
        room = self._budget - self._n_markers(pair)
        if self._options.text == "passage":
            return passage(pair, room)
        return two_sentences(pair, room - len(self._after) if self._options.text == "two_sentences" else room)

    def _marked(self, number: int, pair: Pair, ranges: Sequence[Range], tokens: Tokens) -> PairRow:
        """Put the markers into the text: between special tokens, one range with all markers or two with two each."""
        sides: list[list[int]] = [[0, 1]] if len(ranges) == 1 else [[0], [1]]
        parts, types = [self._before], [0]
        places = [0, 0, 0, 0, 0]
        at = len(self._before)
        for segment, (text, members) in enumerate(zip(ranges, sides, strict=True)):
            is_separated = segment == 1 and self._options.text == "two_sentences"
            if is_separated:
                parts.append(self._after)
                types.append(0)
                at += len(self._after)
            done = text[0]
            for boundary, place, marker in self._inserts(pair, members):
                parts.append(tokens.ids[done:boundary])
                at += boundary - done
                places[place] = at
                parts.append(marker)
                at += len(marker)
                types += [int(is_separated)] * 2
                done = boundary
            parts.append(tokens.ids[done : text[1]])
            at += text[1] - done
            types.append(int(is_separated))
        parts.append(self._after)
        types.append(types[-1])
        ids = np.concatenate(parts, dtype=np.int32)
        segments = None
        if self._options.text == "two_sentences":
            segments = np.repeat(np.array(types, np.int32), [len(part) for part in parts])
        return PairRow(EncoderInput(ids, segments), np.array([number]), np.array([places]))

    def _inserts(self, pair: Pair, sides: Sequence[int]) -> list[tuple[int, int, Ids]]:
        """The token before which each marker goes, its column in `places` and its pieces, in row order.

        Where several meet, ends go before starts, and markers of the outer mention outside those of the inner.
        """
        inserts = []
        for side in sides:
            mention = pair[side]
            start, end = self._markers.start[side][mention.label], self._markers.end[side]
            inserts.append(((mention.first, 1, -mention.last, side), 1 + 2 * side, start))
            inserts.append(((mention.last + 1, 0, -mention.first, 1 - side), 2 + 2 * side, end))
        inserts.sort(key=lambda item: item[0])
        return [(key[0], place, marker) for key, place, marker in inserts]

    def _levitated(self, text: Range, members: Iterable[tuple[int, Pair]], tokens: Tokens) -> Iterator[PairRow]:
        """Put the markers behind the text, in as many rows as needed; each stands at the position of its edge."""
        body = np.concatenate([self._before, tokens.ids[text[0] : text[1]], self._after], dtype=np.int32)
        waiting = deque(members)
        while waiting:
            room = self._budget - (text[1] - text[0])
            ids, positions = [body], [np.arange(len(body))]
            numbers: list[int] = []
            places: list[list[int]] = []
            blocks: list[int] = []
            at = len(body)
            while waiting and len(numbers) < self._options.pairs_per_row:
                number, pair = waiting[0]
                size = self._n_markers(pair)
                if size > room:
                    break
                waiting.popleft()
                row_places = [0]
                for side, mention in enumerate(pair):
                    edges = (mention.first, mention.last)
                    markers = (self._markers.start[side][mention.label], self._markers.end[side])
                    for edge, marker in zip(edges, markers, strict=True):
                        ids.append(marker)
                        positions.append(np.full(len(marker), len(self._before) + edge - text[0]))
                        row_places.append(at)
                        at += len(marker)
                numbers.append(number)
                places.append(row_places)
                blocks.append(size)
                room -= size
            row = EncoderInput(
                np.concatenate(ids, dtype=np.int32), positions=np.concatenate(positions).astype(np.int32)
            )
            yield PairRow(row, np.array(numbers), np.array(places), tuple(blocks))
