"""Lines of DRUG-AE.rel and DRUG-DOSE.rel, and the places in a sentence that their abstract-wide offsets mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from medspan.annotation import Document, Entity, Relation, Span
from medspan.corpora.formats.result import Problems

__all__ = ["KINDS", "Row", "Sentence", "row_of", "text_order"]

# Labels of the first mention and of the relation, in the order in which relations are listed.
KINDS = ("Adverse-Effect", "Dosage")
_DRUG = "Drug"
# No sentence names one thing more often; a longer search is only of use to who wants to keep the reader busy.
_N_OCCURRENCES = 1000
_ENDING = re.compile(r"\|(\d{1,9})\|(\d{1,9})$")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: two mentions, each with its words and its [start, end) in the abstract."""

    kind: str
    file: str
    line: int
    source: str
    text: str
    mentions: tuple[tuple[str, int, int], tuple[str, int, int]]

    def origins(self) -> list[int]:
        """Return, in order, where in the abstract the sentence may begin for both mentions to be in place."""
        (first, first_start, _), (second, second_start, _) = self.mentions
        distance = second_start - first_start
        # A place that the offsets name themselves is looked at in any case, so that origin 0 is never missed.
        starts = {first_start, *islice(_occurrences(first, self.text), _N_OCCURRENCES)}
        return sorted(
            first_start - at
            for at in starts
            if at + distance >= 0 and self._holds(first, at) and self._holds(second, at + distance)
        )

    def _holds(self, words: str, at: int) -> bool:
        return bool(words) and self.text.startswith(words, at)


def row_of(line: str, kind: str, file: str, number: int) -> Row | None:
    """Read PMID|sentence|mention|start|end|drug|start|end, where a sentence or mention may hold bars itself."""
    rest, mentions = line, []
    for _ in range(2):
        match = _ENDING.search(rest)
        if match is None:
            return None
        start, end = int(match[1]), int(match[2])
        rest = rest[: match.start()]
        bar = len(rest) - (end - start) - 1
        if not (0 <= bar < len(rest) and rest[bar] == "|"):
            bar = rest.rfind("|")
        if bar < 0:
            return None
        mentions.append((rest[bar + 1 :], start, end))
        rest = rest[:bar]
    source, bar_found, text = rest.partition("|")
    if not bar_found or not source.strip():
        return None
    return Row(kind, file, number, source, text, (mentions[1], mentions[0]))


@dataclass(slots=True)
class Sentence:
    """The lines of one sentence on their way to a document."""

    source: str
    text: str
    rows: list[Row] = field(default_factory=list)

    def document(self, key: str, pmid: str, problems: Problems) -> Document:
        """Place the mentions of all lines, each once, and link them."""
        shared = self._origin(problems)
        pairs: list[tuple[str, tuple[str, Span], tuple[str, Span]]] = []
        for row in self.rows:
            problems.document = row.file
            spans = list(self._spans(row, shared, problems))
            if len(spans) == 2:
                pairs.append((row.kind, (row.kind, spans[0]), (_DRUG, spans[1])))
        mentions = sorted({mention for _, *ends in pairs for mention in ends}, key=text_order)
        ids = {mention: f"T{n}" for n, mention in enumerate(mentions, start=1)}
        return Document(
            key,
            self.text,
            tuple(Entity(ids[mention], mention[0], (mention[1],)) for mention in mentions),
            tuple(Relation(f"R{n}", kind, ids[h], ids[t]) for n, (kind, h, t) in enumerate(pairs, start=1)),
            metadata={"ade": {"pmid": pmid, "origin": shared}},
        )

    def _origin(self, problems: Problems) -> int:
        """Return the one origin that suits most lines; a sentence that begins its text, if it is among several."""
        votes: dict[int, int] = {}
        for row in self.rows:
            for origin in row.origins():
                votes[origin] = votes.get(origin, 0) + 1
        best = [origin for origin, n in votes.items() if n == max(votes.values())]
        if len(best) > 1 and 0 not in best:
            problems.document = self.rows[0].file
            problems.kept(self.rows[0].line, f"mentions may stand at {len(best)} places; the first is taken")
        return 0 if 0 in best else max(best, default=0)

    def _spans(self, row: Row, shared: int, problems: Problems) -> Iterator[Span]:
        origins = row.origins()
        if origins and shared not in origins:
            problems.kept(row.line, "the sentence begins elsewhere in the abstract than other lines say")
        origin = shared if shared in origins else max(origins, default=None)
        for words, start, end in row.mentions:
            if end - start != len(words):
                problems.kept(row.line, f"offsets {start} {end} do not span the {len(words)} characters of the mention")
            if origin is not None:
                yield Span(start - origin, start - origin + len(words))
                continue
            at = self.text.find(words) if words else -1
            if at < 0:
                problems.skipped(row.line, f"the mention at {start} is not in the sentence")
                return
            problems.repaired(row.line, f"the mention at {start} is placed where its words first stand, at {at}")
            yield Span(at, at + len(words))


def text_order(mention: tuple[str, Span]) -> tuple[Span, str]:
    """Return what mentions, as label and span, are sorted by."""
    return mention[1], mention[0]


def _occurrences(words: str, text: str) -> Iterator[int]:
    at = text.find(words) if words else -1
    while at >= 0:
        yield at
        at = text.find(words, at + 1)
