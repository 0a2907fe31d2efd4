"""Sentence boundaries inside running text: full stops that end, abbreviations that do not, inline lists."""

import re

from medspan.text.words import (
    COUNTED,
    DOSE_WORDS,
    LETTERED,
    NEVER_LAST,
    NUMBERED,
    OFTEN_INSIDE,
    PERIODS,
    RATES,
    STARTERS,
)

__all__ = ["inner_boundaries"]

# Every alternative starts at a character that cannot lie inside another match, and repeats possessively: linear time.
_CANDIDATE = re.compile(
    r"""
    (?P<placeholder> \[\*\*[^*]{0,200}+\*\*\] )                     # [**Name 12**]: nothing inside ends a sentence
  | (?P<number> (?<!\S)\d{1,2}[.)](?=\s) )                           # 2. Metoprolol: a list number, or the end of one
  | (?P<stop> (?<![.!?])[.!?]++["'”’)\]»]*+(?=\s) )                  # before white space
  | (?P<glued> (?<=[a-z][a-z][a-z])[.!?](?=[A-Z][a-z]) )             # stable.He: the space was forgotten
  | (?P<full> [。！？؟।]++["'”’」』)]*+ )                             # scripts without spaces
  | (?P<bullet> (?<=\s)[•▪◦‣●■➢](?=\s*+\S) )                         # inline bullets
    """,
    re.VERBOSE,
)
_WORD_LENGTH = 32  # longer words are no abbreviations
_OPENERS = "([{\"'“‘*<"


def inner_boundaries(text: str, start: int, end: int) -> list[int]:
    """Return where new sentences start inside text[start:end], sorted; white space may precede the first word."""
    matches = list(_CANDIDATE.finditer(text, start, end))
    if not matches:
        return []
    numbers = _list_numbers(text, start, matches)
    boundaries: list[int] = []
    last = start
    for match in matches:
        kind, at = match.lastgroup, match.end()
        if kind == "placeholder":
            continue
        if kind == "bullet" or (kind == "number" and match.start() in numbers):
            at = match.start()
        elif kind != "full" and not _ends_sentence(text, last, end, match):
            continue
        if start < at < end:
            boundaries.append(at)
            last = at
    return boundaries


def _list_numbers(text: str, start: int, matches: list[re.Match[str]]) -> set[int]:
    """Find the numbers that count list items: the first of the text, and runs 1, 2, ... of two or more."""
    found: set[int] = set()
    run: list[int] = []
    expected = 0
    closer = ""
    for match in matches:
        if match.lastgroup != "number":
            continue
        at, value, mark = match.start(), int(match[0][:-1]), match[0][-1]
        is_first = at == start
        if not is_first and _is_counted(text, start, at):
            continue
        if run and value == expected and mark == closer:
            run.append(at)
        elif is_first or value == 1:
            if len(run) > 1:
                found.update(run)
            run = [at]
            closer = mark
            if is_first:
                found.add(at)
        else:
            continue
        expected = value + 1
        if len(run) > 1 or run[0] == start:
            found.add(at)
    if len(run) > 1:
        found.update(run)
    return found


def _is_counted(text: str, start: int, at: int) -> bool:
    """Say whether the number at `at` belongs to the words before it, rather than to a list."""
    word = _word_before(text, start, at)
    if word.casefold() in PERIODS:
        before = text[max(start, at - 2 * _WORD_LENGTH) : at].split()[-2:-1]
        return not before or before[0].casefold() not in RATES
    return word.casefold() in COUNTED or word[-1:] in ("/", "-", "=", "<", ">", "~", "(")


def _word_before(text: str, start: int, at: int) -> str:
    words = text[max(start, at - _WORD_LENGTH) : at].rsplit(None, 1)
    return words[-1] if words else ""


def _ends_sentence(text: str, start: int, end: int, match: re.Match[str]) -> bool:
    """Decide about one stop; `start` is where its sentence begins."""
    following = text[match.end() : min(end, match.end() + 200)].split(None, 1)
    if not following:
        return True  # nothing follows, or only white space for long
    next_word = following[0]
    stop = match[0].lstrip("0123456789")
    at = match.end() - len(stop)
    next_is_small = next_word[0].islower()
    if stop[0] in "!?":
        # "? pneumonia" asks about what follows; "cough? yes" runs on.
        return not next_is_small and at > start and not text[at - 1].isspace()
    word = _word_before(text, start, at).lstrip(_OPENERS)
    lowered = word.casefold() + "."
    if stop[:2] == ".." or not word:
        return not next_is_small
    if stop[0] == ")" or word == "#":
        return False  # "2) " that is no list number; "#. CHF" that opens an item
    if next_is_small:
        # Notes typed in small letters: a stop after a plain word ends the sentence all the same. Where capitals are
        # in use the word must be long, as no abbreviation is, or an acronym or percentage.
        shortest = 3 if _first_letter(text, start, at).islower() else 2 if word.isupper() else 5
        is_plain = (len(word) >= shortest and word.isalpha()) or word[-1] == "%"
        return is_plain and lowered not in OFTEN_INSIDE and lowered not in NEVER_LAST
    if lowered in NEVER_LAST or (lowered in NUMBERED and next_word.lstrip("#(")[:1].isdigit()):
        return False
    if len(word) == 1 and word.isupper():
        return not _is_initial(text, start, at, next_word)
    if lowered in OFTEN_INSIDE or "." in word:
        bare = next_word.rstrip(".,;:").casefold()
        return next_word[0].isalpha() and bare not in DOSE_WORDS and next_word.casefold() not in DOSE_WORDS
    return True


def _first_letter(text: str, start: int, at: int) -> str:
    return text[start : min(at, start + 200)].lstrip()[:1]


def _is_initial(text: str, start: int, at: int, next_word: str) -> bool:
    """Say whether the capital before a stop is an initial of a name."""
    if next_word.rstrip(",;:").casefold() in STARTERS or not (next_word[0].isalpha() or next_word[0] in "[_<"):
        return False
    return _word_before(text, start, at - 1).lstrip(_OPENERS).casefold() not in LETTERED
