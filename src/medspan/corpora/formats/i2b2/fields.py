"""Lines of the form `key="words" 3:0 3:1||key="value"`, as i2b2 files of 2009, 2010 and 2012 hold them.

Words are copied from the note as they are, so that quotes and bars may stand in them. What ends them is the token range
behind them; where more than one place could be the end, it is the one at which the words agree
with the note.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from medspan.annotation import Span
from medspan.corpora.formats.i2b2.line_tokens import LineTokens, Place
from medspan.errors import AnnotationError

__all__ = ["ABSENT", "GAP", "Field", "Grammar", "covering_places", "parse", "quotable", "states", "written"]

ABSENT = "nm"
GAP = "..."

_NUMBER = "[0-9]{1,9}"
_RANGE = f"{_NUMBER}:{_NUMBER} ++{_NUMBER}:{_NUMBER}"
_PLACES = f"(?: ++({_RANGE}(?: *+, *+{_RANGE})*+))?+"
_CUT = re.compile(rf'"{_PLACES}[ \t]*+\|\|(?=(\w++)=")')
_END = re.compile(rf'"{_PLACES}\s*+\Z')
_OPENING = re.compile(r'\s*+(\w++)="')
_N_CANDIDATES = 20
_N_STEPS = 200
_N_CUTS = 1000
_N_FAR = 1000


@dataclass(frozen=True, slots=True)
class Field:
    """One key with its words or value, and the token ranges of the words: none for a plain value."""

    key: str
    value: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Grammar:
    """Which keys a line holds, in their order.

    Each item of `keys` is a key, or several with bars between them for any one of these. Keys in `placed` are
    followed by token ranges; with `may_be_absent` also by none, when their words are `nm`. Keys in `optional` may be
    left out.
    """

    keys: tuple[str, ...]
    placed: frozenset[str]
    optional: frozenset[str] = frozenset()
    may_be_absent: bool = False

    def following(self, at: int) -> Iterator[tuple[str | None, int]]:
        """Yield (key, its number) of what may follow key number `at`; (None, 0) when the line may end there."""
        for n in range(at + 1, len(self.keys)):
            for key in self.keys[n].split("|"):
                yield key, n
            if self.keys[n] not in self.optional:
                return
        yield None, 0


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where words may end: at the quote `end`; `begin` is where those of the next key begin."""

    end: int
    begin: int
    key: str | None
    places: tuple[Place, ...]


def parse(line: str, grammar: Grammar, agrees: Callable[[str, tuple[Place, ...]], bool]) -> list[Field] | None:
    """Return the fields of a line, None when it is no such line; `agrees` says whether words stand at a place."""
    opening = _OPENING.match(line)
    last = _END.match(line, line.rfind('"')) if opening else None
    if opening is None or last is None:
        return None
    matches = list(islice(_CUT.finditer(line, opening.end()), _N_CUTS + 1))
    # No line of a real file comes near; looking at all of them could take very long.
    if len(matches) > _N_CUTS:
        return None
    cuts = [_Cut(m.start(), m.end() + len(m[2]) + 2, m[2], _places(m[1])) for m in matches]
    cuts.append(_Cut(last.start(), len(line), None, _places(last[1])))
    steps = iter(range(_N_STEPS))

    def rest(at: int, key: str, number: int, first: int) -> list[Field] | None:
        """Return the fields from the one whose words begin at `at`, its key, the key's number, the next cut's."""
        following = dict(grammar.following(number))
        fitting = (n for n in range(first, len(cuts)) if cuts[n].key in following and cuts[n].end >= at)
        if key in grammar.placed:
            candidates = list(islice((n for n in fitting if _placed(line[at : cuts[n].end], cuts[n])), _N_CANDIDATES))
            # The note knows best, then `nm`; a line of fixed keys is read from the right, as greedy patterns do.
            ranks = {n: _rank(line[at : cuts[n].end], cuts[n]) for n in candidates}
            candidates.sort(key=lambda n: (ranks[n], n if grammar.may_be_absent else -n))
        else:
            quote = line.find('"', at)
            candidates = [n for n in islice(fitting, 1) if cuts[n].end == quote and not cuts[n].places]
        for n in candidates:
            if next(steps, None) is None:
                return None
            cut = cuts[n]
            field = Field(key, line[at : cut.end], cut.places)
            if cut.key is None:
                return [field]
            if (more := rest(cut.begin, cut.key, following[cut.key], n + 1)) is not None:
                return [field, *more]
        return None

    def _placed(words: str, cut: _Cut) -> bool:
        return bool(cut.places) or (grammar.may_be_absent and words == ABSENT)

    def _rank(words: str, cut: _Cut) -> int:
        return 1 if not cut.places else 0 if agrees(words, cut.places) else 2

    if opening[1] not in grammar.keys[0].split("|"):
        return None
    return rest(opening.end(), opening[1], 0, 0)


def _places(written: str | None) -> tuple[Place, ...]:
    if written is None:
        return ()
    return tuple(Place(*(int(n) for n in re.findall("[0-9]+", part))) for part in written.split(","))


def states(tokens: LineTokens, words: str, places: tuple[Place, ...]) -> bool:
    """Say whether the note has these words at the places, but for case and white space."""
    try:
        spans = [tokens.span(place) for place in places]
    except AnnotationError:
        return False
    # What is far longer on one side cannot agree; looking closer would take long in a damaged file.
    n_there = sum(map(len, spans))
    if n_there > _N_FAR + 8 * len(words) or len(words) > _N_FAR + 8 * n_there:
        return False
    return _bare(GAP.join(tokens.text[span.start : span.end] for span in spans)) == _bare(words)


def _bare(words: str) -> str:
    """Compare without case and white space: around gaps, and where tools count tokens in their own way."""
    return "".join(words.casefold().split())


def written(tokens: LineTokens, key: str, places: tuple[Place, ...], *, keeps_case: bool = False) -> str:
    """Write a field whose words stand in the note; several places are one mention with gaps."""
    spans = [tokens.span(place) for place in places]
    words = GAP.join(" ".join(tokens.text[span.start : span.end].split()) for span in spans)
    return f'{key}="{words if keeps_case else words.lower()}" {",".join(map(str, places))}'


def quotable(value: str) -> bool:
    """Say whether a plain value can stand between quotes in a line."""
    return '"' not in value and "\n" not in value


def covering_places(tokens: LineTokens, fragments: tuple[Span, ...]) -> tuple[Place, ...]:
    """Return the tokens that each fragment touches, without those of none; equal neighbours once."""
    places: list[Place] = []
    for fragment in fragments:
        place = tokens.covering(fragment)
        if place is not None and (not places or (place.first_line, place.first) > places[-1][2:]):
            places.append(place)
    return tuple(places)
