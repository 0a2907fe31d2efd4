"""Where to cut a note into windows that a model can hold: measured in tokens, cut at characters."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from medspan.annotation import Span
from medspan.errors import AnnotationError

__all__ = ["plan_windows"]

# How good a place between two sentences is for the end of a window.
_AFTER_HEADER, _SAME_LINE, _NEW_LINE, _PARAGRAPH = range(4)


def plan_windows(
    breaks: Sequence[Span],
    token_starts: Sequence[int],
    text_length: int,
    budget: int,
    overlap: int = 0,
    *,
    text: str | None = None,
) -> list[Span]:
    """Pack consecutive sentences into windows of at most `budget` tokens; together the windows cover the text.

    `breaks` are the sentences in order; `token_starts` the sorted first characters of the tokens (repeats are fine:
    several tokens may share a character). A window starts and ends where a token starts, so no token is cut.

    With `text`, a window that is at least half full ends at a blank line or before a section if it can, else at a
    line's end, and not right after a header; long sentences are split at white space. Without it only the positions of
    sentences and tokens are known, and every break counts the same.

    Where a window ends elsewhere than at a paragraph, the next begins up to `overlap` tokens of whole sentences
    earlier. A sentence longer than the budget is split, and the pieces share `overlap` or at least a quarter of the
    budget. Only a single character made of more tokens than the budget gives a window above it.

    Raises AnnotationError if the budget is below 1, the overlap negative or not below the budget, or positions are
    unsorted or outside the text.
    """
    starts = list(token_starts)
    _check(breaks, starts, text_length, budget, overlap, text)
    if not text_length:
        return []
    return _Planner(breaks, starts, budget, overlap, text).windows(text_length)


def _check(
    breaks: Sequence[Span], starts: list[int], text_length: int, budget: int, overlap: int, text: str | None
) -> None:
    if budget < 1:
        raise AnnotationError(f"window budget is {budget} tokens: expected at least 1")
    if not 0 <= overlap < budget:
        raise AnnotationError(f"window overlap is {overlap} tokens: expected 0 to {budget - 1}, below the budget")
    if text is not None and len(text) != text_length:
        raise AnnotationError(f"text_length is {text_length}, but the text has {len(text)} characters")
    if any(a > b for a, b in pairwise(starts)) or (starts and not 0 <= starts[0] <= starts[-1] < text_length):
        raise AnnotationError(f"token starts must be sorted and inside the text of {text_length} characters")
    if any(a.end > b.start for a, b in pairwise(breaks)) or (breaks and breaks[-1].end > text_length):
        raise AnnotationError(f"sentences must be in order, apart, and inside the text of {text_length} characters")


class _Planner:
    """Works on token indices: a window is tokens [first, end), and becomes characters only at the end."""

    def __init__(self, breaks: Sequence[Span], starts: list[int], budget: int, overlap: int, text: str | None) -> None:
        self.starts = starts
        self.budget = budget
        self.overlap = overlap
        self.text = text
        self.cuts: list[int] = []  # token indices at which a sentence starts, the first sentence left out
        self.quality: dict[int, int] = {}
        last = 0
        for left, right in pairwise(breaks):
            # White space tokens go with the sentence before them; a token across the break makes it no break.
            index = bisect_right(starts, right.start) - 1
            if index < 0 or starts[index] < left.end:
                continue
            index = bisect_left(starts, starts[index])
            if index > last:
                self.cuts.append(index)
                self.quality[index] = _quality(text, left, right)
                last = index

    def windows(self, text_length: int) -> list[Span]:
        n, starts = len(self.starts), self.starts
        spans: list[Span] = []
        first = reached = 0
        while True:
            end = n if n - first <= self.budget else self._end(first, reached)
            begin_at = starts[first] if first else 0
            spans.append(Span(begin_at, starts[end] if end < n else text_length))
            if end >= n:
                return spans
            first, reached = self._next_first(first, end), end

    def _end(self, first: int, reached: int) -> int:
        """Choose the end of the window that starts at token `first`; it lies beyond `reached`."""
        limit = first + self.budget
        low, high = bisect_right(self.cuts, reached), bisect_right(self.cuts, limit)
        if low == high:
            return self._end_inside_sentence(first, reached, limit)
        half = first + (self.budget + 1) // 2
        roomy = self.cuts[max(low, bisect_left(self.cuts, half)) : high]
        for wanted in (_PARAGRAPH, _NEW_LINE, _SAME_LINE):
            for candidate in reversed(roomy):
                if self.quality[candidate] >= wanted:
                    return candidate
        return self.cuts[high - 1]

    def _end_inside_sentence(self, first: int, reached: int, limit: int) -> int:
        shared = self._shared()
        floor = max(reached, first + shared + (self.budget - shared) // 2)
        for candidate in range(limit, floor, -1):
            if self._is_word_start(candidate):
                return candidate
        index = bisect_left(self.starts, self.starts[limit])
        return index if index > max(first, reached) else bisect_right(self.starts, self.starts[limit])

    def _next_first(self, first: int, end: int) -> int:
        """Choose where the window after [first, end) starts: at `end`, or earlier to share context."""
        quality = self.quality.get(end)
        if quality is None:
            return self._first_inside_sentence(first, end)
        if not self.overlap or quality == _PARAGRAPH:
            return end
        # Not so far back that the next sentence would no longer fit.
        after = bisect_right(self.cuts, end)
        following = self.cuts[after] if after < len(self.cuts) else len(self.starts)
        earliest = max(end - self.overlap, first + 1, min(end, following - self.budget))
        return self.cuts[bisect_left(self.cuts, earliest)] if following - end <= self.budget else end

    def _first_inside_sentence(self, first: int, end: int) -> int:
        shared = self._shared()
        target = max(first + 1, end - shared)
        lowest = max(first + 1, end - self.budget + 1, target - (self.budget - shared) // 4)
        chosen = next((c for c in range(target, lowest - 1, -1) if self._is_word_start(c)), None)
        if chosen is None:
            left = bisect_left(self.starts, self.starts[target])
            chosen = left if left >= lowest else bisect_right(self.starts, self.starts[target])
        # Sharing must leave room for at least one new character.
        limit = chosen + self.budget
        has_room = limit >= len(self.starts) or bisect_left(self.starts, self.starts[limit]) > end
        return chosen if has_room and chosen < end else end

    def _shared(self) -> int:
        return max(self.overlap, self.budget // 4)

    def _is_word_start(self, index: int) -> bool:
        """Say whether token `index` starts a word: at or after white space, and not among tokens of one character."""
        start = self.starts[index]
        if start == 0 or self.starts[index - 1] == start:
            return False
        return self.text is not None and (self.text[start - 1].isspace() or self.text[start].isspace())


def _quality(text: str | None, left: Span, right: Span) -> int:
    if text is None:
        return _SAME_LINE
    gap = "x" + text[left.end : right.start] + "x"
    n_breaks = len(gap.splitlines()) - 1
    if n_breaks and _is_header(text, left):
        return _AFTER_HEADER
    if n_breaks > 1 or (n_breaks and _is_header(text, right)):
        return _PARAGRAPH
    return _NEW_LINE if n_breaks else _SAME_LINE


def _is_header(text: str, sentence: Span) -> bool:
    return text[sentence.end - 1] == ":" or (len(sentence) <= 60 and text[sentence.start : sentence.end].isupper())
